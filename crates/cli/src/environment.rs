//! Proxies and bucket settings from the environment and the home folder, which libraries do not read.

use std::path::PathBuf;

use sreg_store::{Credentials, Profile, Proxies, is_s3_option};

/// The sources of credentials that variables name, in the order in which they are tried, with their
/// descriptions.
const SOURCES: [(&str, &str); 5] = [
    (
        "AWS_SKIP_SIGNATURE",
        "AWS_SKIP_SIGNATURE: requests are not signed",
    ),
    ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID: an access key"),
    (
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE: a workload's role",
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: a task's role",
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI: a pod's role",
    ),
];

/// Returns the proxies that `HTTPS_PROXY` and the like name.
pub(crate) fn proxies() -> Proxies {
    // In a CGI program, HTTP_PROXY may be a request header.
    if is_present("REQUEST_METHOD") {
        return Proxies::default();
    }
    let first = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok());
    Proxies {
        http: first(["HTTP_PROXY", "http_proxy"]),
        https: first(["HTTPS_PROXY", "https_proxy"]),
        all: first(["ALL_PROXY", "all_proxy"]),
        exceptions: first(["NO_PROXY", "no_proxy"]),
    }
}

/// Returns the settings of buckets that the environment contains.
pub(crate) fn bucket_options() -> Vec<(String, String)> {
    let mut options = aws_variables();
    options.retain(|(name, _)| is_s3_option(name));
    options
}

/// Returns the source of credentials for buckets: variables, or a profile if no variable names any.
pub(crate) fn credentials() -> Credentials {
    let is_named = SOURCES.iter().any(|(name, _)| is_set(name));
    if is_named || !profile_files().iter().any(|file| file.is_file()) {
        return Credentials::Options;
    }
    Credentials::Profile(Profile {
        variables: aws_variables(),
        home: home(),
    })
}

/// Returns descriptions of the sources of credentials, in the order in which they are tried, without secrets.
pub(crate) fn credential_sources() -> Vec<String> {
    let named = SOURCES.iter().filter(|(name, _)| is_set(name));
    let mut found: Vec<String> = named.map(|(_, text)| (*text).to_owned()).collect();
    if found.is_empty() {
        let files = profile_files().into_iter().filter(|file| file.is_file());
        let profile = std::env::var("AWS_PROFILE").unwrap_or_else(|_| "default".to_owned());
        found.extend(files.map(|file| format!("the profile {profile} in {}", file.display())));
        found.push("the machine's own role, if it has one".to_owned());
    }
    found
}

/// Returns the paths of profile files, which may not exist.
fn profile_files() -> Vec<PathBuf> {
    let home = home();
    let file = |variable: &str, name: &str| {
        let named = std::env::var_os(variable).map(PathBuf::from);
        named.or_else(|| home.as_ref().map(|home| home.join(".aws").join(name)))
    };
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    let config = file("AWS_CONFIG_FILE", "config");
    credentials.into_iter().chain(config).collect()
}

/// Returns the home folder; `None` for a relative path, which is another folder for each run.
fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

/// Returns the variables of the AWS tools that are text.
fn aws_variables() -> Vec<(String, String)> {
    let variables = std::env::vars_os();
    let variables = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables
        .filter(|(name, _)| name.starts_with("AWS_"))
        .collect()
}

fn is_present(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}
