//! Signatures over the documents of a registry.
//!
//! A document file is one line of canonical JSON, and detached signatures may follow it
//! ([`sreg_model::Document`]). Signatures are OpenSSH's, read under a strict profile
//! (`spec/signature.md`): [`Signature`] verifies, [`open`] gives a [`Signer`]. There is no way to
//! verify without saying what for.
//!
//! [`policy`] says whether the keys that signed a document are those that trust asks for. Commands
//! do not use it yet: [`standing`] tells apart what carries no signature from what claims to be
//! signed, so that nothing signed is ever taken for checked.

mod allowed_signers;
pub mod armor;
mod error;
mod key;
mod namespace;
pub mod policy;
mod raw;
mod signature;
mod signer;

pub use allowed_signers::allowed_signers;
pub use error::{SignError, SignatureError};
pub use key::check_key;
pub use namespace::Purpose;
pub use signature::{MAX_SIGNATURES, Signature, parse_all};
pub use signer::{AskPassphrase, KeyFile, Signer, SshKeygen, open};

use sreg_model::Document;
use sreg_model::document::Body;

/// What is known about who published a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It belongs to a registry without keys and carries no signature: its bytes are whole when
    /// their digest is, and nobody vouches for them.
    Unsigned,
    /// It belongs to a registry with keys, and its signatures were not checked. Not to be
    /// trusted more than an unsigned one.
    Unchecked,
}

/// The standing of a document.
#[must_use]
pub fn standing<T: Body>(document: &Document<T>) -> Standing {
    if document.body().is_signed() {
        Standing::Unchecked
    } else {
        Standing::Unsigned
    }
}

#[cfg(test)]
mod tests {
    use sreg_model::Digest;
    use sreg_model::head::{Head, IndexRoot, TrustVersion};

    use super::*;

    #[test]
    fn a_registry_with_keys_is_not_taken_for_checked() {
        let index = IndexRoot {
            digest: Digest::of(b"root"),
            tags: 0,
        };
        let unsigned = Head::unsigned(index, 1, None);
        let signed = Head {
            epoch: 1,
            expires: Some(2),
            registry: Some(Digest::of(b"registry")),
            trust: Some(TrustVersion {
                id: Digest::of(b"registry"),
                version: 1,
            }),
            ..unsigned.clone()
        };
        let of = |head| standing(&Document::new(head).unwrap());
        assert_eq!(of(unsigned), Standing::Unsigned);
        assert_eq!(of(signed), Standing::Unchecked);
    }
}
