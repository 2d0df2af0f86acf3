//! An S3 server: Versity Gateway, with objects as files in a temporary folder.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::process::{Process, Start};

/// An S3 server with one bucket. It ends when dropped, and its objects go with it.
///
/// An object is the file of its key, below the bucket's folder. So two things differ from what S3
/// promises: a key cannot be both an object and the start of another one's path, and an object whose
/// key ends in `/` is empty.
#[derive(Debug)]
pub struct S3Server {
    // Dropped before the folder that it works in.
    process: Process,
    work: TempDir,
    access_key: String,
    secret_key: String,
}

impl S3Server {
    /// The region that requests are signed for.
    pub const REGION: &str = "us-east-1";
    /// The bucket that a new server has.
    pub const BUCKET: &str = "registry";

    /// A server with keys that tests need not know, and an empty bucket.
    ///
    /// # Panics
    /// If Versity Gateway is missing or does not start, as on a file system without extended
    /// attributes.
    #[must_use]
    pub fn start() -> Self {
        Self::with_keys("sreg-tests", "not-a-secret")
    }

    /// A server for these keys, and an empty bucket.
    ///
    /// # Panics
    /// As for [`S3Server::start`].
    #[must_use]
    pub fn with_keys(access_key: &str, secret_key: &str) -> Self {
        let work = TempDir::new().expect("a temporary folder can be made");
        let folder = work.path().join("buckets");
        fs::create_dir_all(folder.join(Self::BUCKET)).expect("a folder can be made");
        let ready = format!(
            "/ready-{}",
            work.path().file_name().unwrap_or_default().display()
        );
        let process = Process::start(&Start {
            program: "versitygw",
            signal: "KILL",
            log: &work.path().join("log"),
            ready: &ready,
            arguments: &|address| {
                let folder = folder
                    .to_str()
                    .expect("temporary folders have names in UTF-8");
                let address = address.to_string();
                // Without `--keep-alive` every request has a connection of its own.
                [
                    "--port", &address, "--access", access_key, "--secret", secret_key,
                ]
                .into_iter()
                .chain(["--region", Self::REGION, "--health", &ready])
                .chain(["--keep-alive", "--quiet", "posix", folder])
                .map(String::from)
                .collect()
            },
        });
        Self {
            process,
            work,
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// The endpoint URL, for requests in path style, without a slash at its end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The URL of an object in the bucket.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        format!("{}/{}/{key}", self.endpoint(), Self::BUCKET)
    }

    /// The access key.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret key.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The folder in which the bucket's objects lie, each in the file of its key. `.sgwtmp` in it is
    /// the server's. A file that is put here is served, too.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.work.path().join("buckets").join(Self::BUCKET)
    }

    /// Adds a bucket.
    ///
    /// # Panics
    /// If its folder cannot be made.
    pub fn create_bucket(&self, name: &str) {
        let folder = self.work.path().join("buckets").join(name);
        fs::create_dir(folder).expect("a folder can be made");
    }

    /// Lets anybody read objects of the bucket, but not list them.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn allow_public_read(&self) {
        let policy = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": "*",
                "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::{}/*"]}}]}}"#,
            Self::BUCKET
        );
        let url = format!("{}/{}?policy=", self.endpoint(), Self::BUCKET);
        let done = self
            .curl()
            .args(["--fail", "--request", "PUT", "--data-binary", &policy, &url])
            .output()
            .expect("curl is missing: run scripts/tools");
        assert!(done.status.success(), "the policy is refused: {done:?}");
    }

    /// A `curl` that signs its requests for this server, and shows errors but no progress. What it
    /// is to do is still to be said; the URL may be that of a proxy before this server.
    #[must_use]
    pub fn curl(&self) -> Command {
        let mut curl = Command::new("curl");
        curl.arg("--disable")
            .args(self.curl_options().iter().flat_map(|(name, value)| {
                [format!("--{name}"), value.clone()]
                    .into_iter()
                    .filter(|word| !word.is_empty())
            }));
        curl
    }

    /// The same as lines of a file for `curl --config`: what each transfer needs.
    #[must_use]
    pub fn curl_config(&self) -> String {
        self.curl_options()
            .iter()
            .map(|(name, value)| match value.as_str() {
                "" => format!("{name}\n"),
                value => format!("{name} = \"{value}\"\n"),
            })
            .collect()
    }

    /// Options of curl, with empty values where there is none.
    fn curl_options(&self) -> Vec<(&'static str, String)> {
        vec![
            ("silent", String::new()),
            ("show-error", String::new()),
            ("noproxy", "*".to_owned()),
            ("max-time", "120".to_owned()),
            ("aws-sigv4", format!("aws:amz:{}:s3", Self::REGION)),
            ("user", format!("{}:{}", self.access_key, self.secret_key)),
            (
                "header",
                "x-amz-content-sha256: UNSIGNED-PAYLOAD".to_owned(),
            ),
        ]
    }
}
