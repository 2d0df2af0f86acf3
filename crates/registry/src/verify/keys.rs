//! Verification against trust and pins: `spec/trust.md`.

use sreg_model::document::Document;
use sreg_model::fault::Code;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::{Pin, StatementVersion};
use sreg_model::statement::Statement;
use sreg_model::{Digest, Reference, trust};
use sreg_sign::policy::{PolicyError, check_fresh};
use sreg_sign::{Purpose, TrustChain, check_known_head, check_seen_slot, seen_slot};

use super::{Evidence, Heads, Run, unlocked};
use crate::error::RegistryError;
use crate::trust::{most_versions, read_trust};

/// The keys of a registry.
pub(super) enum Keys {
    /// The registry has no keys.
    None,
    /// Its trust has a fault: signatures cannot be checked.
    Unknown,
    /// Every trust version is verified.
    Known(Box<TrustChain>),
}

impl Keys {
    pub(super) fn trust_chain(&self) -> Option<&TrustChain> {
        match self {
            Self::Known(trust_chain) => Some(trust_chain),
            Self::None | Self::Unknown => None,
        }
    }
}

impl Run<'_> {
    /// Verifies every trust version, and compares them with the pins.
    pub(super) fn read_keys(&mut self) {
        self.keys = self.trust_chain();
        if let Keys::Known(trust_chain) = &self.keys {
            let newest = trust_chain.newest();
            let place = Place::Trust(newest.body().version);
            let fresh = check_fresh(
                Purpose::Trust,
                Some(newest.body().expires),
                self.options.now,
            );
            self.held(&place, None, fresh);
            for known in &self.options.known {
                let held = trust_chain.check_known(known);
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

    fn trust_chain(&self) -> Keys {
        let mut keys = Keys::None;
        for version in 1..most_versions(self.registry) {
            let place = Place::Trust(version);
            let read = match read_trust(self.registry, version) {
                Err(RegistryError::Missing { .. }) => break,
                read => read,
            };
            self.expect(&place);
            keys = match (keys, read) {
                (Keys::None, Ok(first)) => self.found(&place, TrustChain::begin(first)),
                (Keys::Known(mut trust_chain), Ok(next)) => {
                    let extended = trust_chain.extend(next).map(|()| *trust_chain);
                    self.found(&place, extended)
                }
                // Nothing after a faulty version can be checked.
                (Keys::Unknown, _) => Keys::Unknown,
                (_, Err(error)) => {
                    self.error(&place, None, &error);
                    Keys::Unknown
                }
            };
            // A server's files cannot be listed, and nothing further can be checked.
            if matches!(keys, Keys::Unknown)
                && self.registry.store().capabilities().folder.is_none()
            {
                break;
            }
        }
        keys
    }

    fn found(&self, place: &Place, trust_chain: Result<TrustChain, PolicyError>) -> Keys {
        match trust_chain {
            Ok(trust_chain) => Keys::Known(Box::new(trust_chain)),
            Err(error) => {
                self.held(place, None, Err(error));
                Keys::Unknown
            }
        }
    }

    /// Checks a pinned head against the trust that it names: it may be old, but not dropped by an epoch.
    pub(super) fn hold_pinned_head(&self, head: &Document<Head>) {
        let (epoch, version) = (head.body().epoch, head.body().version);
        match &self.keys {
            Keys::Known(trust_chain) if epoch > 0 && !trust_chain.is_abandoned(epoch, version) => {
                let slot = Place::HeadSlot { epoch, version };
                self.held(&slot, None, trust_chain.check_head_in_its_time(head));
            }
            _ => self.hold_head(head),
        }
    }

    /// Checks the newest head against trust, the clock and the pins.
    pub(super) fn hold_head(&self, head: &Document<Head>) {
        match &self.keys {
            Keys::None if head.body().registry.is_some() => self.without_trust(&Place::Head, None),
            Keys::Known(trust_chain) => {
                self.held(&Place::Head, None, trust_chain.check_newest_head(head));
                let expires = head.body().expires.filter(|_| !self.options.pinned);
                let fresh = check_fresh(Purpose::Head, expires, self.options.now);
                self.held(&Place::Head, None, fresh);
            }
            Keys::None | Keys::Unknown => {}
        }
        for known in &self.options.known {
            self.hold_to_known(head, known);
        }
    }

    /// Returns whether the registry is the one that the pins name, if they name any.
    fn is_expected(&self) -> bool {
        let registry = self.keys.trust_chain().map(TrustChain::registry);
        let mut known = self.options.known.iter();
        known.all(|known| registry == Some(known.id))
    }

    fn hold_to_known(&self, head: &Document<Head>, known: &Pin) {
        let Some(trust_chain) = self.keys.trust_chain() else {
            return;
        };
        if trust_chain.registry() != known.id {
            // Reported as another registry.
            return;
        }
        let held = check_known_head(known, head);
        // An unsigned document proves nothing.
        if matches!(held, Err(PolicyError::Fork(_))) && trust_chain.check_newest_head(head).is_ok()
        {
            self.keep(&Place::Head);
        }
        let newest = held.is_ok();
        self.held(&Place::Head, None, held);
        let slot = seen_slot(known, trust_chain).filter(|_| newest);
        let Some(slot @ Place::HeadSlot { epoch, version }) = slot else {
            return;
        };
        match self.registry.head_slot(epoch, version) {
            Ok(Some(found)) => {
                let held = check_seen_slot(known, &found);
                let counts =
                    epoch == 0 || trust_chain.check_earlier_head(&found, head.body()).is_ok();
                if held.is_err() && counts {
                    self.keep(&slot);
                }
                self.held(&slot, None, held);
            }
            // A reader must not continue without it.
            Err(error @ (RegistryError::Store(_) | RegistryError::Read { .. }))
                if self.is_reader =>
            {
                self.error(&slot, None, &error);
            }
            // A missing or malformed one is reported on the way from the newest.
            Ok(None) | Err(_) => {}
        }
    }

    /// Checks a head that `later` follows against the trust under which it was made.
    pub(super) fn hold_earlier_head(&self, head: &Document<Head>, later: &Head) {
        if let Some(trust_chain) = self.keys.trust_chain().filter(|_| head.body().epoch > 0) {
            let slot = Place::HeadSlot {
                epoch: head.body().epoch,
                version: head.body().version,
            };
            self.held(&slot, None, trust_chain.check_earlier_head(head, later));
        }
    }

    /// Checks a statement of the newest index against trust, the clock and the pins.
    pub(super) fn hold_statement(&self, statement: &Document<Statement>, reference: &str) {
        let place = Place::Statement(statement.id());
        let of = || Some(reference.to_owned());
        let mut counts = true;
        match &self.keys {
            Keys::None if statement.body().registry.is_some() => self.without_trust(&place, of()),
            Keys::Known(trust_chain) => {
                let held = trust_chain.check_statement(statement).map(drop);
                counts = held.is_ok();
                self.held(&place, of(), held);
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
        let abandoned = |seen: &StatementVersion| {
            let (epoch, version) = seen.head;
            let trust_chain = self.keys.trust_chain();
            trust_chain.is_some_and(|trust_chain| trust_chain.is_abandoned(epoch, version))
        };
        let seen = self.options.statements.get(&body.subject);
        // What was seen is the expected registry's: another one is reported as such.
        let seen = seen.filter(|_| self.is_expected());
        if let Some(seen) = seen.filter(|seen| !abandoned(seen)) {
            let (found, before) = ((body.epoch, body.seq), (seen.epoch, seen.seq));
            let what = format!(
                "newest statement is {} of epoch {} for {}, but statement {} of epoch {} was seen before",
                body.seq, body.epoch, body.subject, seen.seq, seen.epoch
            );
            if found < before {
                self.held(&place, of(), Err(PolicyError::RolledBack(what)));
            } else if found == before && seen.id != statement.id() && counts {
                self.keep(&place);
                let what = format!("{what}: {}", seen.id);
                self.held(&place, of(), Err(PolicyError::Fork(what)));
            }
        }
        if let Some(statements) = &self.statements {
            unlocked(statements).push(statement.clone());
        }
    }

    /// Compares the newest entries of a reference with those of the head that was seen before: each of those
    /// must be the newest still, or precede the newest (TRUST-24).
    pub(super) fn hold_to_seen_lines(&self, heads: &Heads, reference: &Reference) {
        let (Some(trust_chain), Some(head)) = (self.keys.trust_chain(), heads.first()) else {
            return;
        };
        let Some(tag) = reference.tag_or_default() else {
            return;
        };
        // Includes removals, which are not images of the reference.
        let index = self.registry.index(head.body());
        let Ok(newest) = index.look_up(reference.repository(), &tag) else {
            return;
        };
        for known in &self.options.known {
            if known.head.is_some_and(|seen| seen.id == head.id()) {
                continue;
            }
            let slot = seen_slot(known, trust_chain);
            let Some(Place::HeadSlot { epoch, version }) = slot else {
                continue;
            };
            // Verification of the whole registry reports unreadable files. A reader that cannot compare could
            // be shown old entries.
            let place = Place::HeadSlot { epoch, version };
            let seen = match self.registry.head_slot(epoch, version) {
                Ok(Some(seen)) => seen,
                Ok(None) if self.is_reader => {
                    let what = format!(
                        "missing version {version} of epoch {epoch}, which was seen before"
                    );
                    self.held(&place, None, Err(PolicyError::RolledBack(what)));
                    continue;
                }
                Err(error) if self.is_reader => {
                    self.error(&place, None, &error);
                    continue;
                }
                _ => continue,
            };
            let index = self.registry.index(seen.body());
            let entries = match index.look_up(reference.repository(), &tag) {
                Ok(entries) => entries,
                Err(source) if self.is_reader => {
                    self.error(&place, None, &self.registry.map_error(source));
                    continue;
                }
                Err(_) => continue,
            };
            for entry in entries {
                let newest = newest.iter().find(|other| other.arch == entry.arch);
                let follows =
                    newest.is_some_and(|newest| self.leads_to(newest.statement, entry.statement));
                if !follows {
                    let what = format!(
                        "version {version} of epoch {epoch}, which was seen before, has a later statement for {reference} ({})",
                        entry.arch
                    );
                    self.held(
                        &Place::Head,
                        Some(reference.to_string()),
                        Err(PolicyError::RolledBack(what)),
                    );
                }
            }
        }
    }

    /// Returns whether the history of statements that ends in `newest` contains `earlier`.
    fn leads_to(&self, newest: Digest, earlier: Digest) -> bool {
        let mut next = Some(newest);
        while let Some(id) = next {
            if id == earlier {
                return true;
            }
            let Ok(statement) = self.registry.statement(&id) else {
                // Verification of the whole registry reports this fault.
                return !self.is_reader;
            };
            next = statement.body().previous;
        }
        false
    }

    /// Checks a statement that has a successor against trust.
    pub(super) fn hold_earlier_statement(&self, statement: &Document<Statement>) {
        if let Some(trust_chain) = self.keys.trust_chain() {
            let place = Place::Statement(statement.id());
            self.held(&place, None, trust_chain.check_earlier_statement(statement));
        }
    }

    /// Reports a failed check.
    pub(super) fn held(
        &self,
        place: &Place,
        reference: Option<String>,
        held: Result<(), PolicyError>,
    ) {
        if let Err(error) = held {
            let message = crate::error::explain(&error);
            self.fault_of(error.code(), place, reference, message);
        }
    }

    fn without_trust(&self, place: &Place, reference: Option<String>) {
        let message = "belongs to a registry with keys, but trust/1 is missing";
        self.fault_of(Code::MissingTrust, place, reference, message);
    }

    /// Keeps a document that replaces one that was seen, as evidence.
    fn keep(&self, place: &Place) {
        if let Ok(bytes) = self.registry.read(place, trust::MAX_BYTES) {
            let place = place.clone();
            unlocked(&self.forks).push(Evidence { place, bytes });
        }
    }
}
