//! Signs statements and heads of a registry with keys, with the available keys.

use sreg_model::document::{Body, DocumentError};
use sreg_model::fault::Code;
use sreg_model::head::{Head, TrustVersion};
use sreg_model::statement::Statement;
use sreg_model::trust::{KeyState, Trust};
use sreg_model::{Document, Fingerprint, Repository};

use crate::error::SignError;
use crate::namespace::Purpose;
use crate::policy::{self, PolicyError};
use crate::signer::Signer;
use crate::trust_chain::TrustChain;

/// Why a document could not be signed as the trust document requires.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// A key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The available keys do not meet the threshold.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The document has a field out of bounds.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl AuthorError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Sign(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Document(error) => error.code(),
        }
    }
}

/// The available keys, and the trust chain of the registry in which they publish.
#[derive(Clone)]
pub struct Author<'a> {
    trust_chain: TrustChain,
    signers: &'a [Box<dyn Signer>],
}

impl<'a> Author<'a> {
    /// Creates the author for the registry of `trust chain`, with these keys.
    #[must_use]
    pub fn new(trust_chain: TrustChain, signers: &'a [Box<dyn Signer>]) -> Self {
        Self {
            trust_chain,
            signers,
        }
    }

    /// Returns the trust chain of the registry.
    #[must_use]
    pub fn trust_chain(&self) -> &TrustChain {
        &self.trust_chain
    }

    /// Returns the newest trust document.
    #[must_use]
    pub fn trust(&self) -> &Document<Trust> {
        self.trust_chain.newest()
    }

    /// Returns the available keys.
    #[must_use]
    pub fn signers(&self) -> &'a [Box<dyn Signer>] {
        self.signers
    }

    /// Returns whether the available keys meet the threshold for statements about a repository.
    #[must_use]
    pub fn may_state(&self, repository: &Repository) -> bool {
        let trust = self.trust().body();
        trust.delegation(repository).is_some_and(|delegation| {
            self.active(&delegation.keys).count() as u64 >= delegation.threshold
        })
    }

    /// Signs a statement for this registry, in the epoch of its delegation.
    ///
    /// # Errors
    /// If no delegation covers its repository, the available keys are too few, or a key does not sign.
    pub fn statement(&self, body: Statement) -> Result<Document<Statement>, AuthorError> {
        let statement = self.draft_statement(body)?;
        policy::check_new_statement(self.trust(), &statement)?;
        Ok(statement)
    }

    /// Signs a statement like [`Author::statement`], even if more signatures are needed.
    ///
    /// # Errors
    /// If no delegation covers its repository, or a key does not sign.
    pub fn draft_statement(&self, mut body: Statement) -> Result<Document<Statement>, AuthorError> {
        let trust = self.trust().body();
        let repository = &body.subject.repository;
        let delegation = trust
            .delegation(repository)
            .ok_or_else(|| PolicyError::NotDelegated(repository.to_string()))?;
        body.registry = Some(self.trust_chain.registry());
        body.epoch = delegation.epoch;
        let signers = self.active(&delegation.keys);
        sign(Document::new(body)?, Purpose::Image, signers)
    }

    /// Signs a head for this registry, under its newest trust document.
    ///
    /// # Errors
    /// If the available keys are too few, or a key does not sign.
    pub fn head(&self, mut body: Head) -> Result<Document<Head>, AuthorError> {
        let trust = self.trust();
        body.registry = Some(self.trust_chain.registry());
        body.trust = Some(TrustVersion {
            id: trust.id(),
            version: trust.body().version,
        });
        let signers = self.active(&trust.body().roles.head.keys);
        let head = sign(Document::new(body)?, Purpose::Head, signers)?;
        policy::check_head(trust, &head)?;
        Ok(head)
    }

    /// Returns the available keys that are active, and among `listed`.
    fn active<'b>(
        &'b self,
        listed: &'b [Fingerprint],
    ) -> impl Iterator<Item = &'a dyn Signer> + 'b {
        let trust = self.trust().body();
        self.signers
            .iter()
            .map(AsRef::as_ref)
            .filter(move |signer| {
                let key = signer.key().fingerprint();
                listed.contains(&key) && trust.state(&key) == Some(KeyState::Active)
            })
    }
}

/// Adds a signature by each of `signers` whose key has not signed yet.
///
/// # Errors
/// If a key does not sign, an existing signature is wrong, or the file becomes too long.
pub fn sign<'a, T: Body>(
    document: Document<T>,
    purpose: Purpose,
    signers: impl IntoIterator<Item = &'a dyn Signer>,
) -> Result<Document<T>, AuthorError> {
    let mut signed = policy::signers(&document, purpose)?;
    let mut armored = document.signatures().to_vec();
    for signer in signers {
        if signed.insert(signer.key().fingerprint()) {
            armored.extend_from_slice(signer.sign(purpose, document.line())?.as_bytes());
        }
    }
    Ok(document.with_signatures(&armored)?)
}
