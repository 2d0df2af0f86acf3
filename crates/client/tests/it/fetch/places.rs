//! Images from a folder and from a web server.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use sreg_client::fetch::{Source, fetch};
use sreg_store::{Http, Local, StoreConfig};

use super::stores::*;

#[test]
fn from_a_folder() {
    let bytes = image(20 * MIB + 5);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    fs::create_dir(folder.path().join("blobs")).unwrap();
    fs::write(folder.path().join(KEY), &bytes).unwrap();
    let source = |key: &str| Source {
        store: Arc::new(Local::new(folder.path())),
        key: key.to_owned(),
    };
    let get = |sources: &[Source]| {
        let watch = Until::the_end();
        fetch(&wanted(&bytes), sources, &target, &options(), &watch)
    };
    let error = get(&[source("blobs/none")]).unwrap_err();
    assert_eq!(error.code(), "missing-blob");
    get(&[source("blobs/none"), source(KEY)]).unwrap();
    assert!(fs::read(&target).unwrap() == bytes);
}

/// Answers one request after the other with what it asks for of `bytes`, if there are ranges.
fn serve(stream: TcpStream, bytes: &[u8], has_ranges: bool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let (mut range, mut line) = (None, String::new());
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line)?;
            if let Some(asked) = line.strip_prefix("range: bytes=") {
                let (first, last) = asked.trim_end().split_once('-').unwrap();
                let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                range = Some(first..bytes.len().min(last + 1));
            }
        }
        let (status, body) = match range.filter(|_| has_ranges) {
            Some(range) => ("206 Partial Content", &bytes[range]),
            None => ("200 OK", bytes),
        };
        let length = body.len();
        write!(
            writer,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n"
        )?;
        writer.write_all(body)?;
    }
}

#[test]
fn from_a_web_server_with_ranges_and_without() {
    let bytes = Arc::new(image(40 * MIB + 5));
    for has_ranges in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/registry", listener.local_addr().unwrap());
        let served = Arc::clone(&bytes);
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let bytes = Arc::clone(&served);
                std::thread::spawn(move || serve(stream.unwrap(), &bytes, has_ranges));
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("image.sif");
        for wanted in [wanted(&bytes), flat(&bytes)] {
            let source = Source {
                store: Arc::new(Http::open(&url, &StoreConfig::default()).unwrap()),
                key: KEY.to_owned(),
            };
            let sources = [source];
            let stopped = fetch(&wanted, &sources, &target, &options(), &Until::new(3 * MIB));
            assert_eq!(stopped.unwrap_err().code(), "interrupted");
            let watch = Until::the_end();
            let fetched = fetch(&wanted, &sources, &target, &options(), &watch).unwrap();
            assert!(fetched.resumed >= 3 * MIB);
            assert!(fs::read(&target).unwrap() == *bytes);
            fs::remove_file(&target).unwrap();
        }
    }
}
