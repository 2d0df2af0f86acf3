//! Credentials of a profile of the AWS tools: keys, single sign-on, a role, a process that is asked, the machine.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use reqsign::aws::DefaultCredentialProvider;
use reqsign::{
    CommandExecute, CommandOutput, Context, FileRead, HttpSend, ProvideCredential as _, StaticEnv,
};
use tokio::sync::Mutex;

/// The time before their expiry at which credentials are renewed.
const MARGIN: Duration = Duration::from_secs(120);

/// Where the credentials for a bucket come from.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// What [`StoreConfig::options`](crate::StoreConfig::options) name: a key, the token of a workload, the role of a
    /// container. If they name none, the role of the machine.
    #[default]
    Options,
    /// A profile of the AWS tools, then the role of the machine.
    Profile(Profile),
}

/// Which profile of the AWS tools is read, and from which files.
#[derive(Clone, Default)]
pub struct Profile {
    /// Variables of the AWS tools with their values, such as `AWS_PROFILE` and `AWS_CONFIG_FILE`.
    pub variables: Vec<(String, String)>,
    /// The folder that contains `.aws`, unless variables name the files.
    pub home: Option<PathBuf>,
}

impl fmt::Debug for Profile {
    /// Without values, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.variables.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("Profile")
            .field("variables", &names)
            .field("home", &self.home)
            .finish()
    }
}

/// Requests credentials, and caches them while they are valid.
#[derive(Debug)]
pub(super) struct ProfileProvider {
    chain: DefaultCredentialProvider,
    context: Context,
    kept: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

impl ProfileProvider {
    pub(super) fn new(profile: &Profile, client: reqwest::Client) -> Self {
        let env = StaticEnv {
            home_dir: profile.home.clone(),
            envs: profile.variables.iter().cloned().collect(),
        };
        Self {
            chain: DefaultCredentialProvider::new(),
            context: Context::new()
                .with_file_read(System)
                .with_command_execute(System)
                .with_http_send(Client(client))
                .with_env(env),
            kept: Mutex::default(),
        }
    }
}

#[async_trait::async_trait]
impl CredentialProvider for ProfileProvider {
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

/// Files of profiles, and processes that profiles name.
#[derive(Debug)]
struct System;

fn failed(what: String, source: impl std::error::Error + Send + Sync + 'static) -> reqsign::Error {
    reqsign::Error::unexpected(what).with_source(source)
}

impl FileRead for System {
    async fn file_read(&self, path: &str) -> reqsign::Result<Vec<u8>> {
        let file = path.to_owned();
        let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
        let read = read.map_err(|error| failed(format!("cannot read {path}"), error))?;
        read.map_err(|error| failed(format!("cannot read {path}"), error))
    }
}

impl CommandExecute for System {
    async fn command_execute<'a>(
        &'a self,
        program: &'a str,
        args: &'a [&'a str],
    ) -> reqsign::Result<CommandOutput> {
        let mut command = std::process::Command::new(program);
        command.args(args);
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        let ran = ran.map_err(|error| failed(format!("cannot run {program}"), error))?;
        let ran = ran.map_err(|error| failed(format!("cannot run {program}"), error))?;
        Ok(CommandOutput {
            status: ran.status.code().unwrap_or(-1),
            stdout: ran.stdout,
            stderr: ran.stderr,
        })
    }
}

/// Requests to servers that give credentials.
#[derive(Debug)]
struct Client(reqwest::Client);

impl HttpSend for Client {
    async fn http_send(
        &self,
        request: http::Request<Bytes>,
    ) -> reqsign::Result<http::Response<Bytes>> {
        let cannot = |error| failed("cannot request credentials".to_owned(), error);
        let request = reqwest::Request::try_from(request).map_err(cannot)?;
        let response = self.0.execute(request).await.map_err(cannot)?;
        let mut built = http::Response::builder().status(response.status());
        if let Some(headers) = built.headers_mut() {
            headers.clone_from(response.headers());
        }
        let body = response.bytes().await.map_err(cannot)?;
        built
            .body(body)
            .map_err(|error| failed("cannot request credentials".to_owned(), error))
    }
}
