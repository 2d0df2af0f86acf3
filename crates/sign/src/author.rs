//! Who publishes in a registry with keys: trust, and the keys at hand.

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

/// Why a document could not be signed as trust asks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// A key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The keys at hand are not those that trust asks for.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The document is out of bounds.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl AuthorError {
    /// The error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Sign(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Document(error) => error.code(),
        }
    }
}

/// The keys at hand, and the trust of the registry that they publish in.
#[derive(Clone)]
pub struct Author<'a> {
    trust_chain: TrustChain,
    signers: &'a [Box<dyn Signer>],
}

impl<'a> Author<'a> {
    /// In the registry of `trust chain`, with these keys.
    #[must_use]
    pub fn new(trust_chain: TrustChain, signers: &'a [Box<dyn Signer>]) -> Self {
        Self {
            trust_chain,
            signers,
        }
    }

    /// The trust of the registry.
    #[must_use]
    pub fn trust_chain(&self) -> &TrustChain {
        &self.trust_chain
    }

    /// The newest trust.
    #[must_use]
    pub fn trust(&self) -> &Document<Trust> {
        self.trust_chain.newest()
    }

    /// The keys at hand.
    #[must_use]
    pub fn signers(&self) -> &'a [Box<dyn Signer>] {
        self.signers
    }

    /// Whether the keys at hand are enough to state something about a repository.
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
    /// When no delegation is about its repository, the keys at hand are too few, or one does not
    /// sign.
    pub fn statement(&self, body: Statement) -> Result<Document<Statement>, AuthorError> {
        let statement = self.draft_statement(body)?;
        policy::check_new_statement(self.trust(), &statement)?;
        Ok(statement)
    }

    /// As [`Author::statement`], where others still have to sign.
    ///
    /// # Errors
    /// When no delegation is about its repository, or a key does not sign.
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

    /// Signs a head for this registry, made under its newest trust.
    ///
    /// # Errors
    /// When the keys at hand are too few, or one does not sign.
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

    /// The keys at hand that are active, and among `listed`.
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
/// When a key does not sign, a signature that is there is wrong, or the file gets too long.
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
