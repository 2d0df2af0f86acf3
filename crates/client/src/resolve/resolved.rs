//! A resolved image.

use std::sync::Arc;

use sreg_model::layout::Place;
use sreg_model::statement::{Image, Statement};
use sreg_model::{Arch, Document, Fingerprint, Repository, Tag};
use sreg_registry::Registry;
use sreg_registry::verify::Seen;
use sreg_sign::policy;
use sreg_store::{Store, StoreConfig};

use crate::fetch::Source;
use crate::known::{KnownError, Pins};
use crate::location::{Location, file_beside};
use crate::resolve::error::ResolveError;

/// A resolved image, with the documents that vouch for it.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub(super) statement: Document<Statement>,
    pub(super) image: Image,
    pub(super) version: u64,
    /// The registry or mirror that was verified first.
    pub(super) registries: Vec<Registry>,
    pub(super) seen: Option<Seen>,
    /// The location to record the registry at; `None` to record nothing.
    pub(super) recorded_at: Option<Location>,
}

impl Resolved {
    /// Returns the verified statement for the image.
    #[must_use]
    pub fn statement(&self) -> &Document<Statement> {
        &self.statement
    }

    /// Returns the image that the statement describes.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Returns the repository of the image.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.statement.body().subject.repository
    }

    /// Returns the tag of the image.
    #[must_use]
    pub fn tag(&self) -> &Tag {
        &self.statement.body().subject.tag
    }

    /// Returns the architecture of the image.
    #[must_use]
    pub fn arch(&self) -> Arch {
        self.statement.body().subject.arch
    }

    /// Returns the version of the registry that names the image.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns the registry of the image, or the mirror that answered for it, followed by its other copies;
    /// empty if no server was asked.
    #[must_use]
    pub fn registries(&self) -> &[Registry] {
        &self.registries
    }

    /// Returns `namespace/name:tag`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}:{}", self.repository(), self.tag())
    }

    /// Returns the default name of the image's file: `<name>_<tag>` with the ending of its format.
    #[must_use]
    pub fn file_name(&self) -> String {
        let ending = self.image.format.extension();
        format!("{}_{}.{ending}", self.repository().name(), self.tag())
    }

    /// Returns the keys that validly signed the statement.
    #[must_use]
    pub fn signers(&self) -> Vec<Fingerprint> {
        let Some(seen) = &self.seen else {
            return Vec::new();
        };
        let signers = policy::check_statement(&seen.trust, &self.statement);
        signers
            .map(|keys| keys.into_iter().collect())
            .unwrap_or_default()
    }

    /// Returns the places that may have the image: the registry and its mirrors, the URL in `sreg.json`, the
    /// publisher's URLs.
    ///
    /// # Errors
    /// `InsecureUrl` or `Store` if the URL in `sreg.json` cannot be used.
    pub fn sources(&self, config: &StoreConfig) -> Result<Vec<Source>, ResolveError> {
        let subject = &self.statement.body().subject;
        let key = Place::blob(self.repository(), self.image.digest).to_string();
        let mut sources = Vec::new();
        for registry in &self.registries {
            match &registry.settings().blob_url {
                None => sources.push(Source {
                    store: registry.store().clone(),
                    key: key.clone(),
                }),
                Some(_) => {
                    let url = registry.settings().image_url(subject, &self.image);
                    sources.push(web(&**registry.store(), &url, config)?);
                }
            }
        }
        // URLs of the publisher are hints: one that cannot be used is skipped.
        if let Some(registry) = self.registries.first() {
            let web = |url: &String| web(&**registry.store(), url, config).ok();
            sources.extend(self.image.urls.iter().filter_map(web));
        }
        Ok(sources)
    }

    /// Records the verified state of the registry, if it is known or was confirmed.
    ///
    /// # Errors
    /// As [`Pins::record`].
    pub fn record(&self, pins: &Pins) -> Result<(), KnownError> {
        let (Some(seen), Some(location)) = (&self.seen, &self.recorded_at) else {
            return Ok(());
        };
        let seen = Seen {
            statements: vec![self.statement.clone()],
            ..seen.clone()
        };
        pins.record(location, &seen)
    }
}

/// Returns the source for a URL that a registry or a publisher names. Refuses plain http for a registry at
/// https.
fn web(store: &dyn Store, url: &str, config: &StoreConfig) -> Result<Source, ResolveError> {
    let root = store.name();
    if root.starts_with("https://") && !url.starts_with("https://") {
        return Err(ResolveError::InsecureUrl {
            url: sreg_store::shown(url),
            registry: root.to_owned(),
        });
    }
    Ok(Source {
        store: Arc::new(file_beside(store, url, config)?),
        key: String::new(),
    })
}
