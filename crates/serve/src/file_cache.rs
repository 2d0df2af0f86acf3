//! The header fields of small files that were sent before. Each request opens and reads its file; the fields that
//! its path and bytes determine are computed only if the bytes are new.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderValue;
use serde::Deserialize;
use sreg_model::Digest;
use sreg_model::media_type::{OCI_INDEX, OCI_MANIFEST};

use crate::content_type::kind;

/// The maximal number of files in the cache.
const FILES: usize = 4096;
/// The maximal size of a file in the cache, in bytes. With [`FILES`], it bounds the memory to 32 MiB.
const SIZE: usize = 8 << 10;

/// The header fields that the path and the bytes of a file determine.
#[derive(Debug)]
pub(crate) struct FileFields {
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'static str,
    /// A strong validator, with its quotes.
    pub(crate) etag: HeaderValue,
    /// `Docker-Content-Digest`.
    pub(crate) digest: Option<HeaderValue>,
    /// The whole file, if it was read.
    pub(crate) bytes: Option<Bytes>,
}

/// The fields of files, by their paths.
#[derive(Debug, Default)]
pub(crate) struct FileCache(Mutex<HashMap<String, Arc<FileFields>>>);

impl FileCache {
    /// Returns the fields of a file with these bytes.
    pub(crate) fn fields(&self, path: &str, bytes: Vec<u8>) -> io::Result<Arc<FileFields>> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fields) = cache.get(path)
            && fields.bytes.as_ref().is_some_and(|cached| *cached == bytes)
        {
            return Ok(Arc::clone(fields));
        }
        drop(cache);
        let is_small = bytes.len() <= SIZE;
        let fields = Arc::new(FileFields::of(path, bytes.into())?);
        if is_small {
            let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if cache.len() >= FILES {
                cache.clear();
            }
            cache.insert(path.to_owned(), Arc::clone(&fields));
        }
        Ok(fields)
    }
}

impl FileFields {
    fn of(path: &str, bytes: Bytes) -> io::Result<Self> {
        let kind = kind(path);
        // A file whose path contains its digest is not hashed: clients check it.
        let named = kind.digest.filter(|_| !kind.is_document);
        let digest = named.unwrap_or_else(|| Digest::of(&bytes));
        let has_digest = kind.is_document || kind.is_blob;
        Ok(Self {
            content_type: match kind.is_document {
                true => stated(&bytes),
                false => kind.served.content_type,
            },
            cache_control: kind.served.cache_control,
            etag: quoted(&digest)?,
            digest: has_digest.then(|| value(digest.to_string())).transpose()?,
            bytes: Some(bytes),
        })
    }

    /// Returns the fields of a file that is too large to read for each request.
    pub(crate) fn of_large(path: &str, metadata: &Metadata) -> io::Result<Self> {
        let kind = kind(path);
        let named = kind.digest.filter(|_| !kind.is_document);
        let shown = named.filter(|_| kind.is_blob);
        Ok(Self {
            content_type: kind.served.content_type,
            cache_control: kind.served.cache_control,
            etag: match named {
                Some(digest) => quoted(&digest)?,
                None => by_status(metadata)?,
            },
            digest: shown.map(|digest| value(digest.to_string())).transpose()?,
            bytes: None,
        })
    }
}

/// Returns a validator from a digest.
pub(crate) fn quoted(digest: &Digest) -> io::Result<HeaderValue> {
    value(format!("\"{digest}\""))
}

/// Returns a validator from inode, size and times, as good as the file system's clock. It is for files
/// that are too large to be hashed for each request. A writer replaces these by files with another
/// inode.
fn by_status(metadata: &Metadata) -> io::Result<HeaderValue> {
    value(format!(
        "\"{:x}-{:x}-{:x}.{:x}-{:x}.{:x}\"",
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    ))
}

fn value(text: String) -> io::Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(io::Error::other)
}

/// Returns the media type that a manifest states, if it is one of the two known types.
fn stated(manifest: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    struct Stated<'a> {
        #[serde(rename = "mediaType", borrow)]
        media_type: Cow<'a, str>,
    }
    match serde_json::from_slice::<Stated>(manifest) {
        Ok(stated) if stated.media_type == OCI_INDEX => OCI_INDEX,
        _ => OCI_MANIFEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_have_other_facts() {
        let cache = FileCache::default();
        let etag = |bytes: &[u8]| cache.fields("head", bytes.to_vec()).unwrap().etag.clone();
        assert_eq!(etag(b"a"), etag(b"a"));
        assert_ne!(etag(b"a"), etag(b"b"));
        assert_eq!(etag(b"b"), quoted(&Digest::of(b"b")).unwrap());
    }

    #[test]
    fn the_cache_is_bounded() {
        let cache = FileCache::default();
        for number in 0..FILES * 3 {
            cache.fields(&number.to_string(), vec![0]).unwrap();
        }
        cache.fields("large", vec![0; SIZE + 1]).unwrap();
        let cache = cache.0.into_inner().unwrap();
        assert!(cache.len() <= FILES);
        assert!(!cache.contains_key("large"));
    }
}
