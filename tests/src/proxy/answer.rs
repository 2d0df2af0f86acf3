//! How an answer goes to the client, with a fault or without.

use std::io::{self, Read as _, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::message::{Framing, Head, write_end, write_part};
use super::{Entry, Fault, Length};

/// The largest body that is remembered.
const REMEMBERED: usize = 1 << 20;

/// How many parts a second a slow body comes in.
const PARTS: u32 = 20;

/// What becomes of a connection after an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// The next request may come.
    Keep,
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
}

/// An answer that was given.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    pub(super) head: Head,
    pub(super) framing: Framing,
    pub(super) body: Vec<u8>,
}

/// The client's side of an exchange; it counts what goes there.
pub(super) struct Client<'a> {
    pub(super) stream: &'a TcpStream,
    pub(super) entry: &'a Entry,
}

impl Client<'_> {
    /// Sends an answer of which `body` gives the next bytes, and none at the end.
    pub(super) fn send(
        &mut self,
        mut head: Head,
        framing: Framing,
        body: &mut dyn FnMut() -> io::Result<Vec<u8>>,
        fault: &Fault,
    ) -> io::Result<After> {
        if framing == Framing::Empty {
            self.head(&head)?;
            return Ok(After::Keep);
        }
        describe(&mut head, framing, fault);
        let chunked = head.get("transfer-encoding").is_some();
        self.head(&head)?;
        let mut at = 0;
        loop {
            let mut part = body()?;
            if part.is_empty() {
                break;
            }
            let end = at + part.len() as u64;
            match *fault {
                Fault::Truncate(most) | Fault::Stall(most) if end > most => {
                    part.truncate(usize::try_from(most - at).unwrap_or(usize::MAX));
                    self.part(chunked, &part)?;
                    return if matches!(fault, Fault::Stall(_)) {
                        self.stall()
                    } else {
                        Ok(After::Close)
                    };
                }
                Fault::Flip(offset) if (at..end).contains(&offset) => {
                    part[usize::try_from(offset - at).unwrap_or(usize::MAX)] ^= 1;
                    self.part(chunked, &part)?;
                }
                Fault::Slow(rate) => self.slowly(chunked, &part, rate)?,
                _ => self.part(chunked, &part)?,
            }
            at = end;
        }
        match *fault {
            Fault::Stall(_) => return self.stall(),
            Fault::Extend { bytes, .. } => self.zeros(chunked, bytes)?,
            Fault::Endless => self.zeros(chunked, u64::MAX)?,
            _ => {}
        }
        write_end(self, chunked)?;
        let ends = matches!(fault, Fault::Extend { .. } | Fault::ContentLength(_));
        Ok(if ends || framing == Framing::Close {
            After::Close
        } else {
            After::Keep
        })
    }

    /// Answers with a status, and an error as S3 has them.
    pub(super) fn status(&mut self, status: u16) -> io::Result<After> {
        let code = match status {
            403 => "AccessDenied",
            404 => "NoSuchKey",
            409 => "ConditionalRequestConflict",
            412 => "PreconditionFailed",
            503 => "SlowDown",
            _ => "InternalError",
        };
        self.error(status, code)
    }

    /// Answers with a status, and an error of S3 of this code.
    pub(super) fn error(&mut self, status: u16, code: &str) -> io::Result<After> {
        let body =
            format!("<Error><Code>{code}</Code><Message>a fault of a test</Message></Error>");
        let mut head = Head::answer(status);
        head.set("Content-Type", "application/xml");
        head.set("Content-Length", body.len());
        self.head(&head)?;
        if self.entry.method != "HEAD" {
            self.write_all(body.as_bytes())?;
        }
        Ok(After::Keep)
    }

    fn head(&mut self, head: &Head) -> io::Result<()> {
        self.entry.status.store(head.status()?, Ordering::SeqCst);
        self.write_all(&head.encode())
    }

    fn part(&mut self, chunked: bool, part: &[u8]) -> io::Result<()> {
        write_part(self, chunked, part)
    }

    /// A part at so many bytes a second.
    fn slowly(&mut self, chunked: bool, part: &[u8], rate: u64) -> io::Result<()> {
        let most = usize::try_from(rate / u64::from(PARTS))
            .unwrap_or(usize::MAX)
            .max(1);
        for few in part.chunks(most) {
            self.part(chunked, few)?;
            thread::sleep(Duration::from_secs(1) / PARTS);
        }
        Ok(())
    }

    fn zeros(&mut self, chunked: bool, mut count: u64) -> io::Result<()> {
        let zeros = [0; 4096];
        while count > 0 {
            let some = usize::try_from(count)
                .unwrap_or(usize::MAX)
                .min(zeros.len());
            self.part(chunked, &zeros[..some])?;
            count -= some as u64;
        }
        Ok(())
    }

    /// Waits until the client gives up, or the proxy ends.
    fn stall(&mut self) -> io::Result<After> {
        let mut ignored = [0; 1024];
        while self.stream.read(&mut ignored)? > 0 {}
        Ok(After::Close)
    }
}

/// Makes a head say what the fault wants it to say of its body.
fn describe(head: &mut Head, framing: Framing, fault: &Fault) {
    match *fault {
        Fault::Extend {
            length: Length::Absent,
            ..
        }
        | Fault::Endless => {
            head.remove("content-length");
            head.remove("transfer-encoding");
        }
        Fault::Extend {
            length: Length::Matching,
            bytes,
        } => {
            if let Framing::Length(length) = framing {
                head.set("Content-Length", length + bytes);
            }
        }
        Fault::ContentLength(length) => {
            head.remove("transfer-encoding");
            head.set("Content-Length", length);
        }
        _ => {}
    }
}

/// Keeps a copy of a body while it is short.
pub(super) fn keep(copy: &mut Option<Vec<u8>>, part: &[u8]) {
    match copy {
        Some(bytes) if bytes.len() + part.len() <= REMEMBERED => bytes.extend(part),
        _ => *copy = None,
    }
}

impl Write for Client<'_> {
    /// Counts first: what a client has received is counted.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.entry
            .downloaded
            .fetch_add(bytes.len() as u64, Ordering::SeqCst);
        self.stream.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
