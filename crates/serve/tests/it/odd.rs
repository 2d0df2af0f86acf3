//! What is no regular file, and files that change.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{FileExt as _, PermissionsExt};
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::{Answer, Site};

#[test]
fn a_pipe_or_a_socket_is_nothing() {
    let site = Site::start();
    mknodat(CWD, site.path("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = UnixListener::bind(site.path("socket")).unwrap();
    fs::create_dir(site.path("lab")).unwrap();
    mknodat(
        CWD,
        site.path("lab/index.html"),
        FileType::Fifo,
        Mode::RUSR,
        0,
    )
    .unwrap();
    for path in ["/pipe", "/socket", "/lab/", "/lab", "/pipe/x"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
}

/// Only whoever is not the administrator is refused.
#[test]
fn a_file_that_may_not_be_read() {
    let site = Site::start();
    let path = site.write("v2/lab/tool/manifests/1.0", "{}");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    let answer = site.get("/v2/lab/tool/manifests/1.0");
    match fs::File::open(&path) {
        Ok(_) => assert_eq!(answer.status, 200),
        Err(_) => assert_eq!((answer.status, &*answer.oci_code()), (403, "DENIED")),
    }
}

/// Requests `/file`, and reads the first 1,000 bytes of the response. The server closes the connection after it.
fn begun(site: &Site) -> (TcpStream, Vec<u8>) {
    let mut stream = site.connect();
    let request = b"GET /file HTTP/1.1\r\nHost: example\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut bytes = vec![0; 1000];
    stream.read_exact(&mut bytes).unwrap();
    (stream, bytes)
}

#[test]
fn a_file_that_is_cut_while_it_is_sent() {
    const SIZE: usize = 64 << 20;
    let site = Site::start();
    let path = site.write("file", vec![0xab; SIZE]);
    let (mut stream, mut bytes) = begun(&site);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(1000).unwrap();
    // An end, or an error: never the rest.
    let _ = stream.read_to_end(&mut bytes);
    let answer = Answer::parse(&bytes);
    assert_eq!(answer.field("content-length"), SIZE.to_string());
    assert!(answer.body.len() < SIZE);
    assert!(answer.body.iter().all(|byte| *byte == 0xab));
    assert!(site.logged().contains(" GET /file 200 "));
    // The server goes on.
    assert_eq!(site.get("/file").body.len(), 1000);
}

/// The digest in the header is that of the earlier bytes: the client does not get all of the later ones.
#[test]
fn a_file_that_is_rewritten_while_it_is_sent() {
    const SIZE: usize = 64 << 20;
    let site = Site::start();
    let path = site.write("file", vec![0xab; SIZE]);
    let (mut stream, mut bytes) = begun(&site);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0xcd; 1000], SIZE as u64 / 2).unwrap();
    let _ = stream.read_to_end(&mut bytes);
    assert!(Answer::parse(&bytes).body.len() < SIZE);
    // A further name of the file changes nothing.
    let (mut stream, mut bytes) = begun(&site);
    fs::hard_link(&path, site.path("link")).unwrap();
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(Answer::parse(&bytes).body.len(), SIZE);
}

#[test]
fn a_file_that_is_replaced_while_it_is_sent() {
    const SIZE: usize = 64 << 20;
    let site = Site::start();
    let path = site.write("file", vec![0xab; SIZE]);
    let (mut stream, mut bytes) = begun(&site);
    let new = site.write("new", "new");
    fs::rename(new, path).unwrap();
    stream.read_to_end(&mut bytes).unwrap();
    let answer = Answer::parse(&bytes);
    assert_eq!(answer.body.len(), SIZE);
    assert!(answer.body.iter().all(|byte| *byte == 0xab));
    assert_eq!(site.get("/file").text(), "new");
}

#[test]
fn a_request_names_one_host() {
    let site = Site::start();
    site.write("file", "text");
    for (head, status) in [
        ("GET /file HTTP/1.1\r\n", 400),
        ("GET /file HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400),
        ("GET /file HTTP/1.1\r\nHost: a\r\nhost: a\r\n", 400),
        ("GET /file HTTP/1.0\r\nHost: a\r\nHost: b\r\n", 400),
        ("GET /file HTTP/1.1\r\nHost: a b\r\n", 400),
        ("GET /file HTTP/1.1\r\nHost: a/b\r\n", 400),
        ("GET /file HTTP/1.1\r\nHost: u@h\r\n", 400),
        ("GET /file HTTP/1.1\r\nHost: x:99999\r\n", 400),
        ("GET /file HTTP/1.1\r\nHost: [::1\r\n", 400),
        ("GET /file HTTP/1.1\r\nHost: a\r\n", 200),
        ("GET /file HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n", 200),
        ("GET /file HTTP/1.1\r\nHost: [::1]:80\r\n", 200),
        ("GET /file HTTP/1.1\r\nHost:\r\n", 200),
        ("GET /file HTTP/1.0\r\n", 200),
    ] {
        let mut stream = site.connect();
        let request = format!("{head}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let found = answer.split(' ').nth(1).unwrap();
        assert_eq!(found, status.to_string(), "{head:?}: {answer}");
    }
}

#[test]
fn a_path_with_an_empty_part_is_no_file() {
    let site = Site::start();
    site.write("library/v1/images/lab/tool:1", "{}");
    // What `apptainer pull library:///lab/tool:1` asks for.
    assert_eq!(site.get("/library/v1/images//lab/tool:1").status, 404);
}
