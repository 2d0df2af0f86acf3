//! Another S3 server: Moto, which keeps objects in memory. It looks at no signatures, and has objects
//! under keys that end with a slash, as S3 does.

use std::process::Command;

use tempfile::TempDir;

use super::process::{Process, Start};

/// An S3 server with one bucket, `registry`. It ends when dropped, and its objects go with it.
#[derive(Debug)]
pub struct Moto {
    // Dropped before the folder that it works in.
    process: Process,
    _work: TempDir,
}

impl Moto {
    /// A server with an empty bucket.
    ///
    /// # Panics
    /// If Moto or curl is missing, or does not start.
    #[must_use]
    pub fn start() -> Self {
        let work = TempDir::new().expect("a temporary folder can be made");
        let process = Process::start(&Start {
            program: "moto_server",
            signal: "KILL",
            log: &work.path().join("log"),
            ready: "/moto-api/",
            arguments: &|address| {
                let port = address.port().to_string();
                ["--host", "127.0.0.1", "--port", &port]
                    .map(String::from)
                    .to_vec()
            },
        });
        let server = Self {
            process,
            _work: work,
        };
        let url = format!("{}/registry", server.endpoint());
        let made = Self::curl(&["--request", "PUT", &url]);
        assert!(made.is_some(), "the bucket cannot be made");
        server
    }

    /// The endpoint URL, for requests in path style, without a slash at its end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.process.address())
    }

    /// An object of the bucket: its headers, a line each, and its bytes as text. Nothing, where there
    /// is none.
    ///
    /// # Panics
    /// If curl is missing.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<(String, String)> {
        let url = format!("{}/registry/{key}", self.endpoint());
        let answer = Self::curl(&["--include", &url])?;
        let (headers, body) = answer.split_once("\r\n\r\n")?;
        Some((headers.to_ascii_lowercase(), body.to_owned()))
    }

    fn curl(args: &[&str]) -> Option<String> {
        let done = Command::new("curl")
            .args(["--disable", "--silent", "--fail", "--noproxy", "*"])
            .args(["--max-time", "60", "--aws-sigv4", "aws:amz:us-east-1:s3"])
            .args(["--user", "somebody:something"])
            .args(args)
            .output()
            .expect("curl is missing: run scripts/tools");
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        done.status.success().then_some(text)
    }
}
