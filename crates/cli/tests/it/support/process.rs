//! A server that runs until it is dropped.
#![allow(dead_code, reason = "tests with clients only start it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Ran;

/// The time after which a test fails instead of waiting.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it printed first.
    pub(crate) answer: String,
}

impl Process {
    /// Starts a server, and waits for its answer.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        Self {
            child,
            stdout,
            answer,
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.answer.trim_end()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let (_, address) = self.url().split_once("://").unwrap();
        address.parse().unwrap()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The response to a request, all of it.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = self.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a signal, and waits for the end: all that it printed, without its answer.
    pub(crate) fn end(mut self, signal: Signal) -> Ran {
        self.signal(signal);
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        Ran {
            code: status.code().unwrap_or(-1),
            stdout,
            stderr,
        }
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
