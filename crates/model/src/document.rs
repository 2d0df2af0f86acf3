//! A signed document as a file: line 1 is the document in canonical JSON with its LF, and the
//! armored signatures follow (`spec/statement.md`, `spec/head.md`).

use crate::fault::Code;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Digest;
use crate::canonical::{self, CanonicalError};

/// The longest file that holds a head or a statement and its signatures, in bytes.
pub const MAX_BYTES: usize = 16 << 10;

/// Why bytes are not a document file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The file is longer than permitted for its kind of document.
    #[error("the file has {bytes} bytes, expected at most {most}")]
    TooLarge {
        /// The file's size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// Line 1 does not end with an LF.
    #[error("line 1 does not end with an LF")]
    NoLine,
    /// Line 1 is not canonical JSON, or not the expected document.
    #[error("line 1 is not a valid document")]
    Json(#[from] CanonicalError),
    /// A field has a value that is not permitted.
    #[error("field {field}: {what}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// Signatures follow an unsigned document.
    #[error("{0} bytes follow line 1, but an unsigned document has no signatures")]
    Unsigned(usize),
}

impl DocumentError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::DocumentTooLarge,
            Self::NoLine => Code::DocumentNoLine,
            Self::Json(error) => error.code(),
            Self::Field { .. } => Code::DocumentField,
            Self::Unsigned(_) => Code::DocumentTrailing,
        }
    }

    pub(crate) fn field(field: &'static str, what: impl Into<String>) -> Self {
        Self::Field {
            field,
            what: what.into(),
        }
    }
}

/// The properties of a type of document.
pub trait Body: Serialize + DeserializeOwned {
    /// The longest file that holds such a document and its signatures, in bytes.
    const MAX_BYTES: usize = MAX_BYTES;

    /// Checks rules that the types of the fields do not express.
    ///
    /// # Errors
    /// [`DocumentError::Field`] for the first field that is out of bounds.
    fn check(&self) -> Result<(), DocumentError>;

    /// Returns whether the document belongs to a registry with keys.
    fn is_signed(&self) -> bool;
}

/// A document with its exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<T> {
    bytes: Vec<u8>,
    line: usize,
    body: T,
}

impl<T: Body> Document<T> {
    /// Encodes a new document without signatures.
    ///
    /// # Errors
    /// `Field` if a field of `body` is out of bounds; `TooLarge` if the document is too long.
    pub fn new(body: T) -> Result<Self, DocumentError> {
        body.check()?;
        let bytes = canonical::to_line(&body);
        check_size::<T>(&bytes)?;
        Ok(Self {
            line: bytes.len(),
            bytes,
            body,
        })
    }

    /// Parses a file: the document and the signatures after it.
    ///
    /// # Errors
    /// `TooLarge` or `NoLine` for the file; `Json` or `Field` if line 1 is not the canonical form of a
    /// valid document; `Unsigned` if bytes follow an unsigned document.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, DocumentError> {
        check_size::<T>(&bytes)?;
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or(DocumentError::NoLine)?;
        let body: T = canonical::from_slice(&bytes[..end])?;
        body.check()?;
        let line = end + 1;
        if !body.is_signed() && line != bytes.len() {
            return Err(DocumentError::Unsigned(bytes.len() - line));
        }
        Ok(Self { bytes, line, body })
    }

    /// Replaces the signatures of the document by these armored ones.
    ///
    /// # Errors
    /// `TooLarge` if the file becomes too long; `Unsigned` if the document has no registry.
    pub fn with_signatures(mut self, armored: &[u8]) -> Result<Self, DocumentError> {
        self.bytes.truncate(self.line);
        self.bytes.extend_from_slice(armored);
        check_size::<T>(&self.bytes)?;
        if !self.body.is_signed() && !armored.is_empty() {
            return Err(DocumentError::Unsigned(armored.len()));
        }
        Ok(self)
    }

    /// Returns the parsed document.
    #[must_use]
    pub fn body(&self) -> &T {
        &self.body
    }

    /// Returns the whole file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns line 1 with its LF, the bytes that are hashed and signed.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.bytes[..self.line]
    }

    /// Returns the bytes after line 1: armored signatures, not verified.
    #[must_use]
    pub fn signatures(&self) -> &[u8] {
        &self.bytes[self.line..]
    }

    /// Returns the document's id: the digest of line 1 with its LF. Signatures are not part of it.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of(self.line())
    }
}

fn check_size<T: Body>(bytes: &[u8]) -> Result<(), DocumentError> {
    if bytes.len() > T::MAX_BYTES {
        return Err(DocumentError::TooLarge {
            bytes: bytes.len(),
            most: T::MAX_BYTES,
        });
    }
    Ok(())
}

/// The maximal length of a text for people, in bytes.
pub const MAX_TEXT: usize = 1024;

/// Refuses a text for people that is empty, too long, or has control characters.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), DocumentError> {
    if text.is_empty() || text.len() > MAX_TEXT || !canonical::is_plain_text(text) {
        return Err(DocumentError::field(
            field,
            "a text of 1 to 1024 bytes without control characters is needed",
        ));
    }
    Ok(())
}
