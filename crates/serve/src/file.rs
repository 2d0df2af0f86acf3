//! Looks up the file at the path of a request.

use std::fs::{File, Metadata};
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderValue;

use crate::body::{PIECE, State};
use crate::content_type::kind;
use crate::file_cache::{FileCache, FileFields};
use crate::path::RequestPath;
use crate::root::{Entry, Root, Wait};

/// The maximal size of a document that is read whole: a manifest (image-spec), a list of tags. Each
/// blocking thread has at most one in memory.
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// A file to be sent.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'static str,
    /// A strong validator, with its quotes.
    pub(crate) etag: HeaderValue,
    pub(crate) modified: Option<SystemTime>,
    /// `Docker-Content-Digest`.
    pub(crate) digest: Option<HeaderValue>,
    /// The URL of the next page of a list.
    pub(crate) next: Option<String>,
    pub(crate) length: u64,
    pub(crate) content: Content,
}

/// The bytes of a file.
#[derive(Debug)]
pub(crate) enum Content {
    /// A small file, read whole, so that it does not stay open.
    Small(Bytes),
    /// A larger file, read while it is sent, and its state before its fields were computed.
    Open(File, State),
}

/// The entry at a path.
#[derive(Debug)]
pub(crate) enum Looked {
    File(Box<Found>),
    /// A folder with an `index.html`, requested without its slash.
    FolderWithIndex,
    Nothing,
}

/// Looks up a path.
pub(crate) fn look(
    root: &Root,
    cache: &FileCache,
    path: &RequestPath,
    wait: Wait,
) -> io::Result<Looked> {
    let file = path.file();
    match root.entry(&file, wait)? {
        Entry::File(open, metadata) => {
            let found = describe(cache, &file, open, &metadata, wait)?;
            Ok(Looked::File(Box::new(found)))
        }
        Entry::Folder if !path.is_folder() => {
            match root.entry(&format!("{file}/index.html"), wait)? {
                Entry::File(..) => Ok(Looked::FolderWithIndex),
                Entry::Folder | Entry::Nothing => Ok(Looked::Nothing),
            }
        }
        Entry::Folder | Entry::Nothing => Ok(Looked::Nothing),
    }
}

fn describe(
    cache: &FileCache,
    path: &str,
    file: File,
    metadata: &Metadata,
    wait: Wait,
) -> io::Result<Found> {
    let size = metadata.len();
    let is_read = size <= PIECE as u64 || (size <= MAX_DOCUMENT && kind(path).is_document);
    let fields = match is_read {
        true => cache.fields(path, read(&file, size, wait)?)?,
        false => Arc::new(FileFields::of_large(path, metadata)?),
    };
    let (length, content) = match &fields.bytes {
        // It may have been cut since it was measured.
        Some(bytes) if bytes.len() <= PIECE => (bytes.len() as u64, Content::Small(bytes.clone())),
        _ => (size, Content::Open(file, State::of(metadata))),
    };
    Ok(Found {
        content_type: fields.content_type,
        cache_control: fields.cache_control,
        etag: fields.etag.clone(),
        modified: metadata.modified().ok(),
        digest: fields.digest.clone(),
        next: None,
        length,
        content,
    })
}

/// Reads the first `length` bytes of a file, or fewer if the file is shorter.
pub(crate) fn read(file: &File, length: u64, wait: Wait) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match wait.read_at(file, &mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
