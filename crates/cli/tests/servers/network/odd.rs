//! A web server whose answers are whatever a test says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// A request for one path.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) range: Option<String>,
}

/// A web server that speaks to one request a connection.
pub(crate) struct Odd {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Odd {
    /// Serves what `answer` makes of a request: the lines of the head behind its first one, and the body.
    pub(crate) fn start(
        answer: impl Fn(&Asked) -> (&'static str, Vec<String>, Vec<u8>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let mut stream = BufReader::new(stream.unwrap());
                    let mut lines = Vec::new();
                    loop {
                        let mut line = String::new();
                        stream.read_line(&mut line).unwrap();
                        match line.trim_end() {
                            "" => break,
                            line => lines.push(line.to_owned()),
                        }
                    }
                    let Some(first) = lines.first() else { return };
                    let mut words = first.split(' ').map(str::to_owned);
                    let range = lines.iter().find_map(|line| {
                        let (name, value) = line.split_once(": ")?;
                        name.eq_ignore_ascii_case("range").then(|| value.to_owned())
                    });
                    let asked = Asked {
                        method: words.next().unwrap(),
                        path: words.next().unwrap(),
                        range,
                    };
                    log.lock().unwrap().push(asked.clone());
                    let (status, mut fields, body) = answer(&asked);
                    fields.push(format!("Content-Length: {}", body.len()));
                    fields.push("Connection: close".to_owned());
                    let head = format!("HTTP/1.1 {status}\r\n{}\r\n\r\n", fields.join("\r\n"));
                    let body: &[u8] = if asked.method == "HEAD" { b"" } else { &body };
                    // Whoever asked may have gone.
                    let _ = stream
                        .get_mut()
                        .write_all(&[head.as_bytes(), body].concat());
                });
            }
        });
        Self { url, asked }
    }

    /// The files of a folder, with more fields for some.
    pub(crate) fn folder(
        root: std::path::PathBuf,
        fields: impl Fn(&str) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |asked| {
            match std::fs::read(root.join(asked.path.trim_start_matches('/'))) {
                Ok(body) => ("200 OK", fields(&asked.path), body),
                Err(_) => ("404 Not Found", Vec::new(), Vec::new()),
            }
        })
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}
