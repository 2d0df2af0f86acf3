//! Trust, and what the reader knows of the registry: `spec/trust.md`.

use sreg_model::document::Document;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Known;
use sreg_model::statement::Statement;
use sreg_model::trust::{self, Trust};
use sreg_sign::policy::{PolicyError, check_fresh};
use sreg_sign::{Purpose, Series, check_known_head};

use super::{Class, Evidence, Run, unlocked};
use crate::error::TreeError;
use crate::tree::Tree;

/// Who may sign what in a tree.
pub(super) enum Keys {
    /// The registry has no keys.
    None,
    /// It has, but its trust is at fault: nothing can be said of signatures.
    Unknown,
    /// It has, and every version of trust is verified.
    Known(Box<Series>),
}

impl Keys {
    pub(super) fn series(&self) -> Option<&Series> {
        match self {
            Self::Known(series) => Some(series),
            Self::None | Self::Unknown => None,
        }
    }
}

impl Run<'_> {
    /// Verifies every version of trust, and holds it to what is known.
    pub(super) fn read_keys(&mut self) {
        self.keys = self.series();
        if let Keys::Known(series) = &self.keys {
            let newest = series.newest();
            let place = Place::Trust(newest.body().version);
            let fresh = check_fresh(
                Purpose::Trust,
                Some(newest.body().expires),
                self.options.now,
            );
            self.held(&place, None, fresh);
            for known in &self.options.known {
                let held = series.check_known(known);
                if let (Err(PolicyError::Fork(_)), Some(seen)) = (&held, known.trust) {
                    self.keep(&Place::Trust(seen.version));
                }
                self.held(&place, None, held);
            }
        } else if let (Keys::None, Some(known)) = (&self.keys, self.options.known.first()) {
            let stripped = PolicyError::Unsigned(known.id);
            self.held(&Place::Trust(1), None, Err(stripped));
        }
    }

    fn series(&self) -> Keys {
        let mut keys = Keys::None;
        for version in 1.. {
            let place = Place::Trust(version);
            let read = match read_trust(self.tree, version) {
                Err(TreeError::Missing { .. }) => break,
                read => read,
            };
            self.expect(&place);
            keys = match (keys, read) {
                (Keys::None, Ok(first)) => self.found(&place, Series::begin(first)),
                (Keys::Known(mut series), Ok(next)) => {
                    let extended = series.extend(next).map(|()| *series);
                    self.found(&place, extended)
                }
                // Whatever follows one that is at fault cannot be judged.
                (Keys::Unknown, _) => Keys::Unknown,
                (_, Err(error)) => {
                    self.error(&place, None, &error);
                    Keys::Unknown
                }
            };
        }
        keys
    }

    fn found(&self, place: &Place, series: Result<Series, PolicyError>) -> Keys {
        match series {
            Ok(series) => Keys::Known(Box::new(series)),
            Err(error) => {
                self.held(place, None, Err(error));
                Keys::Unknown
            }
        }
    }

    /// Holds the newest head to trust, the clock, and what is known.
    pub(super) fn hold_head(&self, head: &Document<Head>) {
        match &self.keys {
            Keys::None if head.body().registry.is_some() => self.without_trust(&Place::Head, None),
            Keys::Known(series) => {
                self.held(&Place::Head, None, series.check_newest_head(head));
                let fresh = check_fresh(Purpose::Head, head.body().expires, self.options.now);
                self.held(&Place::Head, None, fresh);
            }
            Keys::None | Keys::Unknown => {}
        }
        for known in &self.options.known {
            self.hold_to_known(head, known);
        }
    }

    fn hold_to_known(&self, head: &Document<Head>, known: &Known) {
        let Some(series) = self.keys.series() else {
            return;
        };
        if series.registry() != known.id {
            // The fault is that it is another registry.
            return;
        }
        let held = check_known_head(known, head);
        if let Err(PolicyError::Fork(_)) = held {
            self.keep(&Place::Head);
        }
        let newest = held.is_ok();
        self.held(&Place::Head, None, held);
        let Some(seen) = known.head.filter(|_| newest) else {
            return;
        };
        if series.is_abandoned(seen.epoch, seen.version) {
            return;
        }
        let slot = Place::HeadSlot {
            epoch: seen.epoch,
            version: seen.version,
        };
        // One that is missing or malformed is found on the way from the newest.
        if let Ok(Some(found)) = self.tree.head_slot(seen.epoch, seen.version)
            && found.id() != seen.id
        {
            self.keep(&slot);
            let what = format!("it is {}, but {} was seen before", found.id(), seen.id);
            self.held(&slot, None, Err(PolicyError::Fork(what)));
        }
    }

    /// Holds a head that `later` follows to the trust under which it was made.
    pub(super) fn hold_earlier_head(&self, head: &Document<Head>, later: &Head) {
        if let Some(series) = self.keys.series().filter(|_| head.body().epoch > 0) {
            let slot = Place::HeadSlot {
                epoch: head.body().epoch,
                version: head.body().version,
            };
            self.held(&slot, None, series.check_earlier_head(head, later));
        }
    }

    /// Holds a statement of the newest index to trust, the clock, and what is known.
    pub(super) fn hold_statement(&self, statement: &Document<Statement>, reference: &str) {
        let place = Place::Statement(statement.id());
        let of = || Some(reference.to_owned());
        match &self.keys {
            Keys::None if statement.body().registry.is_some() => self.without_trust(&place, of()),
            Keys::Known(series) => {
                let counts = series.check_statement(statement).map(drop);
                self.held(&place, of(), counts);
                let expires = statement.body().expires;
                self.held(
                    &place,
                    of(),
                    check_fresh(Purpose::Image, expires, self.options.now),
                );
            }
            Keys::None | Keys::Unknown => {}
        }
        let body = statement.body();
        if let Some(seen) = self.options.statements.get(&body.subject) {
            let (found, before) = ((body.epoch, body.seq), (seen.epoch, seen.seq));
            let what = format!(
                "statement {} of epoch {} about {} is newest, but {} of epoch {} was seen before",
                body.seq, body.epoch, body.subject, seen.seq, seen.epoch
            );
            if found < before {
                self.held(&place, of(), Err(PolicyError::RolledBack(what)));
            } else if found == before && seen.id != statement.id() {
                self.keep(&place);
                let what = format!("{what}: {}", seen.id);
                self.held(&place, of(), Err(PolicyError::Fork(what)));
            }
        }
        if let Some(statements) = &self.statements {
            unlocked(statements).push(statement.clone());
        }
    }

    /// Holds a statement that another has followed to trust.
    pub(super) fn hold_earlier_statement(&self, statement: &Document<Statement>) {
        if let Some(series) = self.keys.series() {
            let place = Place::Statement(statement.id());
            self.held(&place, None, series.check_earlier_statement(statement));
        }
    }

    /// Reports what does not hold.
    pub(super) fn held(
        &self,
        place: &Place,
        reference: Option<String>,
        held: Result<(), PolicyError>,
    ) {
        if let Err(error) = held {
            let class = match error {
                PolicyError::Version { .. } => Class::Mismatch,
                _ => Class::Untrusted,
            };
            let message = crate::error::explain(&error);
            self.fault_of(error.code(), class, place, reference, message);
        }
    }

    fn without_trust(&self, place: &Place, reference: Option<String>) {
        let message = "it is of a registry with keys, but the tree has no trust/1 to check it by";
        self.fault_of("missing-trust", Class::Untrusted, place, reference, message);
    }

    /// Keeps a document that stands in the place of another that was seen.
    fn keep(&self, place: &Place) {
        if let Ok(bytes) = self.tree.read(place, trust::MAX_BYTES) {
            let place = place.clone();
            unlocked(&self.forks).push(Evidence { place, bytes });
        }
    }
}

/// The document at `trust/<version>`.
pub(crate) fn read_trust(tree: &Tree, version: u64) -> Result<Document<Trust>, TreeError> {
    let place = Place::Trust(version);
    let bytes = tree.read(&place, trust::MAX_BYTES)?;
    Document::parse(bytes).map_err(|source| TreeError::Document {
        path: tree.path(&place),
        source,
    })
}
