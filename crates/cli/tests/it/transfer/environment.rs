//! What the command takes from the environment and the home folder, which libraries do not read.

use std::fs;

use sreg_tests::mock::{Mock, Response, S3Mock};

use super::published;
use crate::support::{Bench, Ran};

fn with(bench: &Bench, args: &[&str], variables: &[(&str, String)]) -> Ran {
    let mut command = bench.command(args);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    Ran::of(&command.output().unwrap())
}

/// A mock of a proxy gets the request for a host that does not exist.
#[test]
fn proxies_are_those_of_the_variables() {
    let bench = published();
    let public = bench.public();
    let proxy = Mock::start(move |request| {
        let path = request.path.trim_start_matches("http://registry.invalid");
        match fs::read(public.join(path.trim_start_matches("/reg/"))) {
            Ok(bytes) => Response::new(200, bytes),
            Err(_) => Response::new(404, ""),
        }
    });
    let list = ["ls", "http://registry.invalid/reg"];
    let by = |name| vec![(name, proxy.url())];
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let ran = with(&bench, &list, &by(name));
        assert!(
            ran.stdout.contains("lab/tool:1.0"),
            "{name}: {}",
            ran.stderr
        );
    }
    let before = proxy.requests().len();
    let except = ("NO_PROXY", ".invalid".to_owned());
    let cgi = ("REQUEST_METHOD", "GET".to_owned());
    for other in [except, cgi] {
        let variables = [by("HTTP_PROXY"), vec![other]].concat();
        assert_ne!(
            with(&bench, &["--retries", "0", list[0], list[1]], &variables).code,
            0
        );
    }
    let https = by("HTTPS_PROXY");
    assert_ne!(
        with(&bench, &["--retries", "0", list[0], list[1]], &https).code,
        0
    );
    assert_eq!(proxy.requests().len(), before);
}

// docs/storage.md lists them.
#[test]
fn credentials_are_those_of_variables_before_those_of_profiles() {
    let bench = Bench::new();
    let server = S3Mock::start();
    let option = |name: &str| {
        let options = server.options();
        let found = options.into_iter().find(|(of, _)| of == name);
        found.map(|(_, value)| value).unwrap()
    };
    fs::create_dir_all(bench.path("home/.aws")).unwrap();
    let profiles = "[default]\naws_access_key_id = OF_DEFAULT\naws_secret_access_key = hunter2\n\
         [lab]\naws_access_key_id = OF_LAB\naws_secret_access_key = hunter2\n";
    fs::write(bench.path("home/.aws/credentials"), profiles).unwrap();
    let endpoint = ("AWS_ENDPOINT_URL", option("AWS_ENDPOINT_URL"));
    let key = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (variables, expected) in [
        (vec![], "OF_DEFAULT"),
        (vec![key("AWS_PROFILE", "lab")], "OF_LAB"),
        (
            vec![
                key("AWS_ACCESS_KEY_ID", "OF_VARIABLE"),
                key("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ],
            "OF_VARIABLE",
        ),
    ] {
        let mut variables: Vec<(&str, String)> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        variables.push(endpoint.clone());
        let ran = with(&bench, &["ls", "s3://registry/reg"], &variables);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
        let requests = server.requests();
        let signed = requests.last().unwrap().header("authorization").unwrap();
        let expected = format!("Credential={expected}/");
        assert!(signed.contains(&expected), "{signed}");
    }
}
