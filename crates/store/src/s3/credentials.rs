//! Sources of credentials: the environment, a profile of the user (keys, single sign-on, a role, a
//! credential process), the machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use reqsign::ProvideCredential as _;
use reqsign::aws::DefaultCredentialProvider;
use tokio::sync::Mutex;

/// The time before their expiry at which credentials are renewed.
const MARGIN: Duration = Duration::from_secs(120);

/// Returns the sources of credentials that the environment names, in the order in which they are tried,
/// without secrets.
#[must_use]
pub fn credentials() -> Vec<String> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut found = Vec::new();
    let sources = [
        (
            "AWS_SKIP_SIGNATURE",
            "AWS_SKIP_SIGNATURE: requests are not signed",
        ),
        (
            "AWS_ACCESS_KEY_ID",
            "AWS_ACCESS_KEY_ID: a key of the environment",
        ),
        (
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE: a role of a workload",
        ),
        (
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: a role of a task",
        ),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: a role of a pod",
        ),
    ];
    for (name, text) in sources {
        if is_set(name) {
            found.push(text.to_owned());
        }
    }
    if found.is_empty() {
        let files = files().into_iter().filter(|file| file.is_file());
        let profile = std::env::var("AWS_PROFILE").unwrap_or_else(|_| "default".to_owned());
        found.extend(files.map(|file| format!("the profile {profile} in {}", file.display())));
        found.push("the machine's own role, if it has one".to_owned());
    }
    found
}

/// Returns whether the environment names no credentials, and a profile exists.
pub(super) fn wants_profile() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    const NAMED: [&str; 5] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SKIP_SIGNATURE",
    ];
    !NAMED.iter().any(|name| is_set(name)) && files().iter().any(|file| file.is_file())
}

/// Returns the paths of the profile files.
fn files() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let file = |variable: &str, name: &str| {
        let named = std::env::var_os(variable).map(PathBuf::from);
        named.or_else(|| home.as_ref().map(|home| home.join(".aws").join(name)))
    };
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    let config = file("AWS_CONFIG_FILE", "config");
    credentials.into_iter().chain(config).collect()
}

/// Requests credentials, and caches them while they are valid.
#[derive(Debug)]
pub(super) struct Profile {
    chain: DefaultCredentialProvider,
    context: reqsign::Context,
    kept: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

impl Profile {
    pub(super) fn new() -> Self {
        Self {
            chain: DefaultCredentialProvider::new(),
            context: reqsign::default_context(),
            kept: Mutex::default(),
        }
    }
}

#[async_trait::async_trait]
impl CredentialProvider for Profile {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock().await;
        if let Some((credential, ends)) = &*kept
            && ends.is_none_or(|ends| ends > SystemTime::now() + MARGIN)
        {
            return Ok(credential.clone());
        }
        let failed = |source: String| object_store::Error::Generic {
            store: "S3",
            source: source.into(),
        };
        let found = self.chain.provide_credential(&self.context).await;
        let found = found.map_err(|error| failed(format!("no credential: {error}")))?;
        let found = found.ok_or_else(|| {
            failed("no credential: neither a profile nor this machine has any".to_owned())
        })?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id,
            secret_key: found.secret_access_key,
            token: found.session_token,
        });
        let ends = found.expires_in.map(|ends| ends.as_system_time());
        *kept = Some((credential.clone(), ends));
        Ok(credential)
    }
}
