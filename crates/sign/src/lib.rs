//! Signatures over the documents of a registry.
//!
//! A document file is one line of canonical JSON, and detached signatures may follow it
//! ([`sreg_model::Document`]). Signatures are OpenSSH's, read under a strict profile
//! (`spec/signature.md`): [`Signature`] verifies, [`open`] gives a [`Signer`]. There is no way to
//! verify without saying what for.
//!
//! [`policy`] says whether the keys that signed a document are those that trust asks for, and a
//! [`TrustChain`] holds all versions of trust of a registry. [`amend`] makes the next one.

mod allowed_signers;
pub mod amend;
pub mod armor;
mod author;
mod error;
mod key;
mod namespace;
pub mod policy;
mod raw;
mod signature;
mod signer;
mod trust_chain;

pub use allowed_signers::{AllowedSigner, allowed_signers, signers_of};
pub use author::{Author, AuthorError, sign};
pub use error::{SignError, SignatureError};
pub use key::check_key;
pub use namespace::Purpose;
pub use signature::{MAX_SIGNATURES, Signature, parse_all};
pub use signer::{AskPassphrase, KeyFile, Signer, SshKeygen, open, open_text};
pub use trust_chain::{TrustChain, check_known_head, check_seen_slot, seen_slot};
