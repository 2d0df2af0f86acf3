//! Kinds of stores, and what each of them can do.

use std::path::Path;

/// The kind of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// Objects in memory.
    Memory,
    /// The files of a folder: a path, or `file://`.
    Folder,
    /// What a web server serves: `http://` or `https://`.
    Web,
    /// A bucket of S3, or of a server with the same API: `s3://`.
    S3,
}

impl Scheme {
    /// Returns the kind of store that a location names.
    #[must_use]
    pub fn of(location: &str) -> Self {
        match location.split_once("://") {
            Some(("http" | "https", _)) => Self::Web,
            Some(("s3", _)) => Self::S3,
            _ => Self::Folder,
        }
    }

    /// Returns whether many publishers write to such a store at the same time, each request on its own.
    #[must_use]
    pub fn is_bucket(self) -> bool {
        matches!(self, Self::S3)
    }
}

/// What a store can do, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities<'a> {
    /// The kind of store.
    pub scheme: Scheme,
    /// The folder whose files the objects are. One writer locks it. In any other store, requests and their
    /// conditions coordinate the writers.
    pub folder: Option<&'a Path>,
    /// Whether objects can be written.
    pub writes: bool,
    /// Whether objects can be listed.
    pub lists: bool,
    /// Whether the store supports keys that end with a slash, as web servers use them for folders. Only
    /// [`Store::read`](crate::Store::read), [`Store::write`](crate::Store::write) and
    /// [`Store::remove`](crate::Store::remove) take such keys. A write under such a key does nothing if the store
    /// turns out not to support them.
    pub trailing_slash: bool,
}

impl Capabilities<'_> {
    /// Returns those of a store that can be written and listed.
    #[must_use]
    pub fn of(scheme: Scheme) -> Self {
        Self {
            scheme,
            folder: None,
            writes: true,
            lists: true,
            trailing_slash: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_name_kinds() {
        for (location, scheme) in [
            ("s3://bucket/prefix", Scheme::S3),
            ("http://host/", Scheme::Web),
            ("https://host", Scheme::Web),
            ("file:///folder", Scheme::Folder),
            ("folder", Scheme::Folder),
            ("s3:bucket", Scheme::Folder),
            ("a://b", Scheme::Folder),
        ] {
            assert_eq!(Scheme::of(location), scheme, "{location}");
        }
    }
}
