//! Many connections at once: none is refused, and memory is bounded.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use sreg_tests::process::is_alone;

use super::command::published;
use crate::support::Bench;
use crate::support::process::Process;

/// As many as are promised.
const MANY: u64 = 10_000;

const REQUEST: &[u8] = b"GET /head HTTP/1.1\r\nHost: x\r\n\r\n";

/// Raises this process's own limit: it holds the other ends. Nothing says how many a machine allows.
fn raised() -> u64 {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = maximum.unwrap_or(1 << 20);
    let current = Some(limit);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    limit
}

/// A figure of a process, in KiB.
fn memory(id: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How many files a process has open.
fn open_files(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
}

/// One request on a connection that may be used again; nothing where it was closed meanwhile.
fn head(stream: &mut TcpStream, wanted: &[u8]) -> Option<()> {
    stream.write_all(REQUEST).ok()?;
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while !bytes.ends_with(wanted) {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
    Some(())
}

#[test]
fn ten_thousand_connections() {
    if !is_alone(module_path!(), "ten_thousand_connections") {
        return;
    }
    // Fewer only where the machine allows fewer: the server shares the same limit out.
    let many = MANY.min((raised() / 5 * 3).saturating_sub(200));
    let bench = published();
    let wanted = bench.read("head").into_bytes();
    let process =
        Process::start(&mut bench.command(&["-q", "serve", "public", "--listen", "127.0.0.1:0"]));
    let mut streams: Vec<TcpStream> = (0..many).map(|_| process.connect()).collect();
    for _ in 0..3 {
        for stream in &mut streams {
            if head(stream, &wanted).is_none() {
                // Idle for too long, on a busy machine: as any client, once more.
                *stream = process.connect();
                head(stream, &wanted).unwrap();
            }
        }
    }
    let open = open_files(process.id()) as u64;
    let (now, most) = (memory(process.id(), "VmRSS"), memory(process.id(), "VmHWM"));
    println!("{many} connections, {open} files open, {now} KiB in memory, at most {most} KiB");
    assert!(open > many / 2, "{open} of {many}");
    // 40 KiB a connection would be twice as much as it takes.
    assert!(most < 64 * 1024 + many * 40, "{most} KiB");
    drop(streams);
    assert_eq!(process.end(Signal::TERM).code, 0);
}

#[test]
fn downloads_that_are_not_read() {
    if !is_alone(module_path!(), "downloads_that_are_not_read") {
        return;
    }
    const STALLED: u64 = 1000;
    let stalled = STALLED.min(raised() / 5);
    let bench = published();
    let wanted = bench.read("head").into_bytes();
    // A hole costs no disk.
    let large = File::create(bench.public().join("large")).unwrap();
    large.set_len(1 << 30).unwrap();
    let process =
        Process::start(&mut bench.command(&["-q", "serve", "public", "--listen", "127.0.0.1:0"]));
    let streams: Vec<TcpStream> = (0..stalled)
        .map(|_| {
            let mut stream = process.connect();
            // So that the kernel does not take it all on the client's behalf.
            set_socket_recv_buffer_size(&stream, 4096).unwrap();
            stream
                .write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
                .unwrap();
            stream.read_exact(&mut [0; 15]).unwrap();
            stream
        })
        .collect();
    head(&mut process.connect(), &wanted).unwrap();
    let most = memory(process.id(), "VmHWM");
    println!("{stalled} stalled downloads, at most {most} KiB");
    // Two pieces for each, and what its connection takes.
    assert!(most < 64 * 1024 + stalled * 128, "{most} KiB");
    drop(streams);
}

/// A server that may have 256 files open.
fn with_few_files(bench: &Bench) -> Process {
    let plain = bench.command(&[]);
    let mut shell = std::process::Command::new("sh");
    let script = "ulimit -n 256; exec \"$0\" -q serve public --listen 127.0.0.1:0";
    shell
        .args(["-c", script, env!("CARGO_BIN_EXE_sreg")])
        .current_dir(bench.path(""));
    for (name, value) in plain.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    Process::start(&mut shell)
}

/// Who sends nothing more, and who takes nothing, makes room: with 600 of each, and far fewer files, others
/// are answered, small files and large ones.
#[test]
fn slow_connections_make_room() {
    if !is_alone(module_path!(), "slow_connections_make_room") {
        return;
    }
    raised();
    let bench = published();
    let large = File::create(bench.public().join("large")).unwrap();
    large.set_len(64 << 20).unwrap();
    for request in [
        &b"GET /head HT"[..],
        b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let process = with_few_files(&bench);
        let slow: Vec<TcpStream> = (0..600)
            .map(|_| {
                let mut stream = process.connect();
                set_socket_recv_buffer_size(&stream, 4096).unwrap();
                stream.write_all(request).unwrap();
                stream
            })
            .collect();
        for path in ["/head", "/large", "/sreg.json"] {
            let answer = process.get(path);
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{path}");
        }
        drop(slow);
    }
}

/// With fewer files than connections, some wait, and all are answered.
#[test]
fn fewer_files_than_connections() {
    let bench = published();
    let large = File::create(bench.public().join("large")).unwrap();
    large.set_len(1 << 20).unwrap();
    let process = with_few_files(&bench);
    let answers = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..300)
            .map(|_| scope.spawn(|| process.get("/large")))
            .collect();
        let answers = asking.into_iter().map(|one| one.join().unwrap());
        answers.collect::<Vec<_>>()
    });
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(answer.len() > 1 << 20);
    }
    assert!(open_files(process.id()) < 256);
    assert_eq!(process.end(Signal::INT).code, 0);
}
