//! The trust chain and the newest head of a registry, verified, and checked against what a reader knows of it
//! (`spec/trust.md`).

use std::time::Duration;

use sreg_model::Document;
use sreg_model::fault::Class;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Pin;
use sreg_sign::policy::PolicyError;
use sreg_sign::{TrustChain, check_known_head, check_seen_slot, seen_slot};
use sreg_store::retry::Interrupt;

use crate::error::RegistryError;
use crate::heads;
use crate::registry::Registry;

/// The number of attempts to read trust and head that belong together, because a publisher writes them one
/// after the other.
const ATTEMPTS: u32 = 4;
/// The pause that lets a publisher finish.
const PAUSE: Duration = Duration::from_millis(300);

/// The state of a registry with keys.
#[derive(Debug, Clone)]
pub struct Signed {
    /// All trust versions, verified.
    pub trust_chain: TrustChain,
    /// The newest head, signed as trust requires.
    pub head: Document<Head>,
}

impl Registry {
    /// Returns the trust chain and the newest head, verified; `None` if the registry has no keys. Reads again
    /// if they do not match, because a publisher may be writing them.
    ///
    /// # Errors
    /// `NoHead` if nothing is published; `Policy` if a document is not signed as required; `Document` if one
    /// is malformed; `Read` or `Store` if one cannot be read; `Cancelled` if the interrupt is set.
    pub fn signed(&self, interrupt: &Interrupt) -> Result<Option<Signed>, RegistryError> {
        let mut attempts = 1;
        loop {
            match self.signed_once() {
                Err(error) if error.code().class() == Class::Untrusted && attempts < ATTEMPTS => {
                    attempts += 1;
                    interrupt.sleep(PAUSE)?;
                }
                found => return found,
            }
        }
    }

    fn signed_once(&self) -> Result<Option<Signed>, RegistryError> {
        let Some(trust_chain) = self.trust_chain()? else {
            return Ok(None);
        };
        // A server could list slots without end; its `head` is the version that it publishes.
        let head = match self.store().capabilities().folder {
            None => Some(self.head()?),
            Some(_) => heads::newest(self, Some(&trust_chain))?,
        };
        let head = head.ok_or_else(|| RegistryError::NoHead(self.root().to_owned()))?;
        trust_chain
            .check_newest_head(&head)
            .map_err(|source| RegistryError::Policy {
                path: self.path(&Place::Head),
                source,
            })?;
        Ok(Some(Signed { trust_chain, head }))
    }

    /// Checks the trust chain and the newest head against pins. Without a trust chain, any pin refuses.
    ///
    /// # Errors
    /// `Policy` if the registry is another one, or older than a pin, or has a fork; `Read` or `Store` if a
    /// slot cannot be read.
    pub fn check_pins(
        &self,
        trust_chain: Option<&TrustChain>,
        head: Option<&Document<Head>>,
        pins: &[Pin],
    ) -> Result<(), RegistryError> {
        let refused = |place: Place| {
            let path = self.path(&place);
            move |source| RegistryError::Policy { path, source }
        };
        for pin in pins {
            let trust_chain = trust_chain.ok_or(PolicyError::Unsigned(pin.id));
            let trust_chain = trust_chain.map_err(refused(Place::Trust(1)))?;
            let newest = Place::Trust(trust_chain.newest().body().version);
            trust_chain.check_known(pin).map_err(refused(newest))?;
            let Some(head) = head else {
                continue;
            };
            check_known_head(pin, head).map_err(refused(Place::Head))?;
            if let Some(slot) = seen_slot(pin, trust_chain)
                && let Place::HeadSlot { epoch, version } = slot
                && let Some(found) = self.head_slot(epoch, version)?
            {
                check_seen_slot(pin, &found).map_err(refused(slot))?;
            }
        }
        Ok(())
    }
}
