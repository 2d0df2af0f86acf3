//! A program that runs as a server for as long as a value lives.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take until it answers. Seconds would do; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many ports are tried: another program may take a free port first.
const PORTS: usize = 5;

/// Runs a program until its own end or the end of its standard input, which comes with the end of
/// the process that started it, however that ends: a static server is never dropped.
/// Arguments: the signal that ends the program, the program and its arguments.
const GUARD: &str = r#"
signal=$1; shift
exec 3<&0
"$@" 3<&- < /dev/null & server=$!
{ cat <&3 > /dev/null; kill -s "$signal" "$server"; } > /dev/null 2>&1 &
wait "$server"
"#;

/// A server that runs.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    address: SocketAddr,
}

/// How to start a server, and how to see that it is up.
pub(super) struct Start<'a> {
    /// The program's name in `$SREG_TOOLS/bin` or on the path.
    pub(super) program: &'a str,
    /// The signal that ends it: `KILL`, or `TERM` for one with children.
    pub(super) signal: &'a str,
    /// Where its output goes; shown if it does not start.
    pub(super) log: &'a Path,
    /// A path that it answers with status 200 to anybody, and that no other server has.
    pub(super) ready: &'a str,
    /// The arguments for a server at an address.
    pub(super) arguments: &'a dyn Fn(SocketAddr) -> Vec<String>,
}

impl Process {
    /// Starts a server on a free loopback port and waits until it answers.
    ///
    /// # Panics
    /// If the program is missing, ends, or does not answer.
    pub(super) fn start(start: &Start<'_>) -> Self {
        let program = find(start.program);
        for _ in 0..PORTS {
            let address = free_address();
            let log = File::create(start.log).expect("the log file can be made");
            let child = Command::new("sh")
                .args(["-c", GUARD, "sh", start.signal])
                .arg(&program)
                .args((start.arguments)(address))
                .stdin(Stdio::piped())
                .stdout(log.try_clone().expect("a file can be opened twice"))
                .stderr(log)
                .spawn()
                .expect("sh runs");
            let mut process = Self { child, address };
            if process.wait_until_ready(start.ready) {
                return process;
            }
        }
        let log = fs::read_to_string(start.log).unwrap_or_default();
        panic!("{} does not start:\n{log}", start.program);
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the server answers; false if it ended or takes too long.
    fn wait_until_ready(&mut self, path: &str) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if is_ok(self.address, path) {
                return true;
            }
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It has ended, or could not be waited for: nothing is left to do in either case.
        let _ = self.child.wait();
    }
}

/// A loopback address that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a loopback port is free")
}

/// Whether a GET of `path` is answered with status 200.
fn is_ok(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

/// A program that `scripts/tools` installs: in `$SREG_TOOLS`, on the path, or in `/usr/sbin`.
///
/// # Panics
/// If it is in none of them.
pub(super) fn find(program: &str) -> PathBuf {
    let tools = std::env::var_os("SREG_TOOLS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/sreg-tools"),
        PathBuf::from,
    );
    let path = std::env::var_os("PATH").unwrap_or_default();
    [tools.join("bin"), tools.join("venv/bin")]
        .into_iter()
        .chain(std::env::split_paths(&path))
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{program} is missing: run scripts/tools"))
}
