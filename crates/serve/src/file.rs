//! What stands at the path of a request, opened and described.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

use bytes::Bytes;
use serde::Deserialize;
use sreg_model::Digest;
use sreg_model::media_type::{OCI_INDEX, OCI_MANIFEST};

use crate::body::PIECE;
use crate::content_type::{self, Kind};
use crate::path::RequestPath;
use crate::root::{Entry, Root, Wait};

/// The largest document that is read as a whole: a manifest (image-spec), a list of tags. As many
/// are in memory as there are threads that block.
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// A file to be sent.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'static str,
    /// A strong validator, with its quotes.
    pub(crate) etag: String,
    pub(crate) modified: Option<SystemTime>,
    /// `Docker-Content-Digest`.
    pub(crate) digest: Option<Digest>,
    /// Where the next page of a list is.
    pub(crate) next: Option<String>,
    pub(crate) length: u64,
    pub(crate) content: Content,
}

/// The bytes of a file.
#[derive(Debug)]
pub(crate) enum Content {
    /// Small ones are read at once, so that no file stays open for them.
    Small(Bytes),
    /// Read as they are sent.
    Open(File),
}

/// What stands at a path.
#[derive(Debug)]
pub(crate) enum Looked {
    File(Box<Found>),
    /// A folder with an index, asked for without its slash.
    FolderWithIndex,
    Nothing,
}

/// Looks for a path.
pub(crate) fn look(root: &Root, path: &RequestPath, wait: Wait) -> io::Result<Looked> {
    let file = path.file();
    match root.entry(&file, wait)? {
        Entry::File(open, metadata) => {
            let found = describe(open, &metadata, &content_type::kind(&file), wait)?;
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

fn describe(file: File, metadata: &Metadata, kind: &Kind, wait: Wait) -> io::Result<Found> {
    let mut content_type = kind.served.content_type;
    // What stands at the place of a blob is checked by those who asked for it by its digest.
    let mut digest = kind.digest.filter(|_| kind.is_blob);
    let mut length = metadata.len();
    let mut etag = None;
    let whole = length <= PIECE as u64 || (kind.is_document && length <= MAX_DOCUMENT);
    let content = if whole {
        let bytes = read(&file, length, wait)?;
        let computed = Digest::of(&bytes);
        if kind.is_document {
            content_type = stated(&bytes);
            digest = Some(computed);
        }
        etag = Some(computed);
        match bytes.len() <= PIECE {
            true => {
                // It may have been cut since it was measured.
                length = bytes.len() as u64;
                Content::Small(bytes.into())
            }
            false => Content::Open(file),
        }
    } else {
        Content::Open(file)
    };
    let named = kind.digest.filter(|_| !kind.is_document);
    Ok(Found {
        content_type,
        cache_control: kind.served.cache_control,
        etag: match named.or(etag) {
            Some(digest) => format!("\"{digest}\""),
            None => by_status(metadata),
        },
        modified: metadata.modified().ok(),
        digest,
        next: None,
        length,
        content,
    })
}

/// A validator as good as the file system's clock: of files too large to be hashed for each request,
/// all of which a writer replaces by others with another inode.
fn by_status(metadata: &Metadata) -> String {
    format!(
        "\"{:x}-{:x}-{:x}.{:x}-{:x}.{:x}\"",
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    )
}

/// The first `length` bytes of a file, or what there is of them.
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

/// The media type that a manifest states, where it is one of the two that there can be.
fn stated(manifest: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    struct Stated {
        #[serde(rename = "mediaType")]
        media_type: String,
    }
    match serde_json::from_slice::<Stated>(manifest) {
        Ok(stated) if stated.media_type == OCI_INDEX => OCI_INDEX,
        _ => OCI_MANIFEST,
    }
}
