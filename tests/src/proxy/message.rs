//! As much of HTTP/1.1 (RFC 9112) as a proxy between well-behaved programs needs: heads, and bodies
//! by length, by chunks, or up to the end of the connection.

use std::io::{self, BufRead, Write};

/// How much is read of a connection at once, in bytes.
pub(super) const PART: usize = 64 << 10;

/// A request or status line with its fields, in the order and spelling in which they came.
#[derive(Debug, Clone)]
pub(super) struct Head {
    first: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// An answer without fields.
    pub(super) fn answer(status: u16) -> Self {
        Self {
            first: format!("HTTP/1.1 {status} Fault"),
            fields: Vec::new(),
        }
    }

    /// The next head; none where the connection ends before it.
    pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(reader)? else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        loop {
            let line = line(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok(Some(Self { first, fields }));
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// A field's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Takes a field away.
    pub(super) fn remove(&mut self, name: &str) {
        self.fields
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// Gives a field this value alone.
    pub(super) fn set(&mut self, name: &str, value: impl ToString) {
        self.remove(name);
        self.fields.push((name.to_owned(), value.to_string()));
    }

    /// Its bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.fields {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// Method and path of a request.
    pub(super) fn method_and_path(&self) -> io::Result<(&str, &str)> {
        let mut words = self.first.split(' ');
        words
            .next()
            .zip(words.next())
            .ok_or_else(|| malformed(&self.first))
    }

    /// The status of an answer.
    pub(super) fn status(&self) -> io::Result<u16> {
        let status = self
            .first
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok());
        status.ok_or_else(|| malformed(&self.first))
    }

    /// Whether it says that the connection ends after this message.
    pub(super) fn is_last(&self) -> bool {
        self.get("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// How the body of this request ends.
    pub(super) fn request_framing(&self) -> io::Result<Framing> {
        Ok(self.framing()?.unwrap_or(Framing::Empty))
    }

    /// How the body of this answer to a request by `method` ends.
    pub(super) fn answer_framing(&self, method: &str) -> io::Result<Framing> {
        if method == "HEAD" || [204, 304].contains(&self.status()?) {
            return Ok(Framing::Empty);
        }
        Ok(self.framing()?.unwrap_or(Framing::Close))
    }

    fn framing(&self) -> io::Result<Option<Framing>> {
        if self
            .get("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            return Ok(Some(Framing::Chunked));
        }
        let length = self
            .get("content-length")
            .map(|value| value.parse().map_err(|_| malformed(value)));
        Ok(length.transpose()?.map(Framing::Length))
    }
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// After so many bytes.
    Length(u64),
    /// With a chunk of no bytes.
    Chunked,
    /// With the connection.
    Close,
}

/// A body that is read, without the frames of chunks.
#[derive(Debug)]
pub(super) struct Body<R> {
    reader: R,
    framing: Framing,
    /// Bytes left: of the body, or of a chunk.
    left: u64,
}

impl<R: BufRead> Body<R> {
    pub(super) fn new(reader: R, framing: Framing) -> Self {
        let left = match framing {
            Framing::Length(length) => length,
            Framing::Close => u64::MAX,
            Framing::Empty | Framing::Chunked => 0,
        };
        Self {
            reader,
            framing,
            left,
        }
    }

    /// The next bytes; none at the end. A body that breaks off is an error.
    pub(super) fn part(&mut self) -> io::Result<Vec<u8>> {
        if self.left == 0 && self.framing == Framing::Chunked {
            self.left = self.chunk()?;
        }
        if self.left == 0 {
            self.framing = Framing::Empty;
            return Ok(Vec::new());
        }
        let available = self.reader.fill_buf()?;
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let part = available[..available.len().min(most)].to_vec();
        if part.is_empty() && self.framing != Framing::Close {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.reader.consume(part.len());
        self.left -= part.len() as u64;
        if self.left == 0 && self.framing == Framing::Chunked {
            line(&mut self.reader)?;
        }
        Ok(part)
    }

    /// Whether it is known that the last bytes were read.
    pub(super) fn is_complete(&self) -> bool {
        self.left == 0 && self.framing != Framing::Chunked
    }

    /// Reads it to its end.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        while !self.part()?.is_empty() {}
        Ok(())
    }

    /// The length of the next chunk. What follows the last one is read, too.
    fn chunk(&mut self) -> io::Result<u64> {
        let size = line(&mut self.reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(|_| malformed(&size))?;
        while size == 0 && !line(&mut self.reader)?.unwrap_or_default().is_empty() {}
        Ok(size)
    }
}

/// Writes a part of a body.
pub(super) fn write_part(writer: &mut impl Write, chunked: bool, part: &[u8]) -> io::Result<()> {
    if !chunked || part.is_empty() {
        return writer.write_all(part);
    }
    let mut framed = format!("{:x}\r\n", part.len()).into_bytes();
    framed.extend(part);
    framed.extend(b"\r\n");
    writer.write_all(&framed)
}

/// Writes the end of a body.
pub(super) fn write_end(writer: &mut impl Write, chunked: bool) -> io::Result<()> {
    writer.write_all(if chunked { b"0\r\n\r\n" } else { b"" })
}

/// A line without its end; none at the end of the connection.
fn line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {what}"))
}
