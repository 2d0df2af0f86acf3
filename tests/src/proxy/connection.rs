//! One connection of a client: its requests, one after the other.

use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustix::net::sockopt;

use super::answer::{After, Client, Remembered, keep};
use super::message::{Body, Framing, Head, PART, write_end, write_part};
use super::{Entry, Fault, Shared, lock};

/// The rest of a request: what is read of the client's connection.
type Rest<'a> = Body<&'a mut BufReader<TcpStream>>;

/// Answers a client until one of both has enough.
pub(super) fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(PART, stream.try_clone()?);
    while let Some(head) = Head::read(&mut reader)? {
        let entry = shared.note(&head)?;
        entry
            .uploaded
            .fetch_add(head.encode().len() as u64, Ordering::SeqCst);
        let fault = shared.fault(&entry.request());
        if let Fault::Delay(time) = fault {
            thread::sleep(time);
        }
        let last = head.is_last();
        let mut client = Client {
            stream,
            entry: &entry,
        };
        match exchange(head, &mut reader, &mut client, &fault, shared)? {
            After::Keep if !last => {}
            After::Keep | After::Close => return stream.shutdown(Shutdown::Write),
            After::Reset => return reset(stream),
        }
    }
    Ok(())
}

/// Answers one request.
fn exchange(
    mut head: Head,
    reader: &mut BufReader<TcpStream>,
    client: &mut Client<'_>,
    fault: &Fault,
    shared: &Shared,
) -> io::Result<After> {
    if *fault == Fault::Reset {
        return Ok(After::Reset);
    }
    let framing = head.request_framing()?;
    if head.get("expect").is_some() {
        head.remove("expect");
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut rest = Body::new(reader, framing);
    match *fault {
        Fault::Status(status) => {
            receive(&mut rest, client.entry)?;
            return client.status(status);
        }
        Fault::Error(status, code) => {
            receive(&mut rest, client.entry)?;
            return client.error(status, code);
        }
        Fault::Stale => {
            receive(&mut rest, client.entry)?;
            let remembered = lock(&shared.answers).get(&client.entry.asked()).cloned();
            return match remembered {
                Some(Remembered {
                    head,
                    framing,
                    mut body,
                }) => client.send(head, framing, &mut || Ok(std::mem::take(&mut body)), fault),
                None => client.status(502),
            };
        }
        _ => {}
    }
    let Ok(upstream) = TcpStream::connect(shared.upstream) else {
        receive(&mut rest, client.entry)?;
        return client.status(502);
    };
    upstream.set_nodelay(true)?;
    head.set("Connection", "close");
    if forward(&head, framing, &mut rest, client.entry, &upstream, fault)? == After::Reset {
        reset(&upstream)?;
        return Ok(After::Reset);
    }
    answer(upstream, client, fault, shared)
}

/// Sends a request on. A server that answers before it has read all of it may close its side: the
/// rest then has nobody to go to.
fn forward(
    head: &Head,
    framing: Framing,
    rest: &mut Rest<'_>,
    entry: &Entry,
    mut upstream: &TcpStream,
    fault: &Fault,
) -> io::Result<After> {
    upstream.write_all(&head.encode())?;
    let chunked = framing == Framing::Chunked;
    let mut at = 0;
    let mut gone = false;
    loop {
        let mut part = rest.part()?;
        if part.is_empty() {
            break;
        }
        entry
            .uploaded
            .fetch_add(part.len() as u64, Ordering::SeqCst);
        let end = at + part.len() as u64;
        if let Fault::CutUpload(most) = *fault
            && end > most
        {
            part.truncate(usize::try_from(most - at).unwrap_or(usize::MAX));
            write_part(&mut upstream, chunked, &part)?;
            return Ok(After::Reset);
        }
        gone = gone || write_part(&mut upstream, chunked, &part).is_err();
        at = end;
    }
    if !gone {
        write_end(&mut upstream, chunked)?;
    }
    Ok(After::Keep)
}

/// Passes the server's answer on, or what the fault makes of it.
fn answer(
    upstream: TcpStream,
    client: &mut Client<'_>,
    fault: &Fault,
    shared: &Shared,
) -> io::Result<After> {
    let mut reader = BufReader::with_capacity(PART, upstream);
    let mut head = loop {
        let head = Head::read(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if head.status()? >= 200 {
            break head;
        }
    };
    head.remove("connection");
    let framing = head.answer_framing(&client.entry.method)?;
    let mut body = Body::new(reader, framing);
    match *fault {
        Fault::ResetAfter | Fault::CutUpload(_) => {
            body.drain()?;
            return Ok(After::Reset);
        }
        Fault::StatusAfter(status) => {
            body.drain()?;
            return client.status(status);
        }
        _ => {}
    }
    let asked = client.entry.asked();
    let new = head.status()? != 304 && !lock(&shared.answers).contains_key(&asked);
    let mut copy = new.then(Vec::new);
    let mut complete = framing == Framing::Empty;
    let remember = |copy: &Option<Vec<u8>>, head: &Head| {
        if let Some(body) = copy.clone() {
            let (asked, head) = (asked.clone(), head.clone());
            lock(&shared.answers).entry(asked).or_insert(Remembered {
                head,
                framing,
                body,
            });
        }
    };
    if complete {
        remember(&copy, &head);
    }
    client.send(
        head.clone(),
        framing,
        &mut || {
            let part = body.part()?;
            keep(&mut copy, &part);
            // Before the client knows that it has all: its next request may be for the same.
            if !complete && (part.is_empty() || body.is_complete()) {
                complete = true;
                remember(&copy, &head);
            }
            Ok(part)
        },
        fault,
    )
}

/// Reads what is left of a request that nobody wants.
fn receive(rest: &mut Rest<'_>, entry: &Entry) -> io::Result<()> {
    loop {
        let part = rest.part()?;
        if part.is_empty() {
            return Ok(());
        }
        entry
            .uploaded
            .fetch_add(part.len() as u64, Ordering::SeqCst);
    }
}

/// The other side is told of an error, not of an end, once the connection is closed here.
fn reset(stream: &TcpStream) -> io::Result<()> {
    Ok(sockopt::set_socket_linger(stream, Some(Duration::ZERO))?)
}
