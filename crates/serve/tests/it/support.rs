//! A server of a folder of its own, and a client that sends bytes as they are.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sreg_serve::{Ended, Options, Server};

/// The time after which a test fails instead of waiting.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A server that runs until it is dropped.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    running: Option<JoinHandle<Ended>>,
    log: Receiver<String>,
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::with(|_, _| {})
    }

    /// Starts one with other options; the folder is given to write certificates into.
    pub(crate) fn with(change: impl FnOnce(&mut Options, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tree");
        fs::create_dir(&root).unwrap();
        fs::write(folder.path().join("secret"), "outside").unwrap();
        fs::create_dir(folder.path().join("other")).unwrap();
        fs::write(folder.path().join("other/file"), "outside").unwrap();
        let (sender, log) = channel();
        let mut options = Options::new((Ipv4Addr::LOCALHOST, 0).into());
        options.log = Some(Box::new(move |lines: &[String]| {
            for line in lines {
                // The test may have ended.
                let _ = sender.send(line.clone());
            }
        }));
        change(&mut options, folder.path());
        let server = Server::bind(&root, options).unwrap();
        let (address, stop) = (server.address(), Arc::<AtomicBool>::default());
        let flag = Arc::clone(&stop);
        let running = std::thread::spawn(move || server.run(&move || flag.load(Ordering::Relaxed)));
        Self {
            folder,
            address,
            stop,
            running: Some(running),
            log,
        }
    }

    /// A path beside the tree.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path in the tree.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("tree").join(name)
    }

    /// Writes a file of the tree.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request line and fields as they are, and reads to the end.
    pub(crate) fn ask(&self, line: impl AsRef<[u8]>, fields: &[(&str, &str)]) -> Answer {
        let mut stream = self.connect();
        let mut request = line.as_ref().to_vec();
        request.extend(b" HTTP/1.1\r\nHost: example\r\nConnection: close\r\n");
        for (name, value) in fields {
            request.extend(format!("{name}: {value}\r\n").bytes());
        }
        request.extend(b"\r\n");
        stream.write_all(&request).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Answer::parse(&bytes)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(format!("GET {path}"), &[])
    }

    /// The next line of the log.
    pub(crate) fn logged(&self) -> String {
        self.log.recv_timeout(PATIENCE).unwrap()
    }

    /// Tells it to stop.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        self.stop();
        self.running.take().unwrap().join().unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let fields = lines.map(|line| line.split_once(": ").unwrap());
        Self {
            status: status.parse().unwrap(),
            fields: fields
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// A field; an empty text where there is none. None stands twice.
    pub(crate) fn field(&self, name: &str) -> &str {
        let mut found = self.fields.iter().filter(|(other, _)| other == name);
        let value = found.next().map_or("", |(_, value)| value);
        assert_eq!(found.next(), None, "{self:?}");
        value
    }

    /// All fields but the clock's and the connection's.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        fields.retain(|(name, _)| !matches!(name.as_str(), "date" | "connection"));
        fields.sort();
        fields
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The code of the one error of an OCI answer.
    pub(crate) fn oci_code(&self) -> String {
        assert_eq!(self.field("content-type"), "application/json", "{self:?}");
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        let errors = body["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1);
        assert!(errors[0]["message"].is_string());
        errors[0]["code"].as_str().unwrap().to_owned()
    }
}
