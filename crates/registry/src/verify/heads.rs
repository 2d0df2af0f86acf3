//! Verification of the chain of heads.

use sreg_model::Document;
use sreg_model::fault::Code;
use sreg_model::head::Head;
use sreg_model::layout::Place;

use super::{Heads, Run, count};
use crate::error::RegistryError;
use crate::heads;

impl Run<'_> {
    /// Verifies `head` and all heads before it. Returns the readable ones, newest first.
    pub(super) fn heads(&self) -> Heads {
        let mut heads = Heads::new();
        let copy = match self.registry.head() {
            Ok(head) => head,
            Err(RegistryError::NoHead(_)) => {
                self.fault(Code::MissingHead, Place::Head, "no version is published");
                return heads;
            }
            Err(error) => {
                self.error(&Place::Head, None, &error);
                return heads;
            }
        };
        self.hold_head(&copy);
        self.check_slot(&copy);
        self.check_lag(&copy);
        let mut next = Some(copy);
        while let Some(head) = next {
            count(&self.counts.heads, 1);
            let body = head.body();
            self.expect(&Place::HeadSlot {
                epoch: body.epoch,
                version: body.version,
            });
            next = match heads::before(self.registry, body, self.keys.trust_chain()) {
                Ok(before) => {
                    if let Some(before) = &before {
                        self.hold_earlier_head(before, body);
                    }
                    before
                }
                Err(error) => {
                    let slot =
                        heads::slot_before(body, self.keys.trust_chain()).unwrap_or(Place::Head);
                    self.expect(&slot);
                    self.error(&slot, None, &error);
                    None
                }
            };
            heads.push(head);
        }
        heads
    }

    /// Verifies only the newest head, as a reader does: the one in `head`, or `stored`.
    pub(super) fn newest_head(&self, stored: Option<&Document<Head>>) -> Heads {
        let newest = match stored {
            Some(stored) => Ok(stored.clone()),
            None => self.registry.head(),
        };
        match newest {
            Ok(mut head) => {
                if let Some(trust_chain) = self.keys.trust_chain().filter(|_| stored.is_none())
                    && trust_chain.check_newest_head(&head).is_err()
                {
                    match heads::behind(self.registry, trust_chain, head.body()) {
                        Ok(Some(later)) => head = later,
                        Ok(None) => {}
                        Err(error) => {
                            self.error(&Place::Head, None, &error);
                            return Heads::new();
                        }
                    }
                }
                match self.options.pinned {
                    true => self.hold_pinned_head(&head),
                    false => self.hold_head(&head),
                }
                vec![head]
            }
            Err(error) => {
                self.error(&Place::Head, None, &error);
                Heads::new()
            }
        }
    }

    /// Verifies that `head` is identical to its slot.
    fn check_slot(&self, copy: &Document<Head>) {
        let slot = Place::HeadSlot {
            epoch: copy.body().epoch,
            version: copy.body().version,
        };
        match self.registry.read(&slot, sreg_model::document::MAX_BYTES) {
            Ok(bytes) if bytes == copy.bytes() => {}
            Ok(_) => self.fault(
                Code::HeadMismatch,
                &slot,
                "another document of the same version",
            ),
            Err(error) => self.error(&slot, None, &error),
        }
    }

    /// Reports a slot after `head`: a commit whose run was killed before it updated `head`. After the last
    /// valid head of an epoch, that is the first slot of the next one.
    fn check_lag(&self, copy: &Document<Head>) {
        let (mut epoch, mut version) = (copy.body().epoch, copy.body().version);
        let trust_chain = self.keys.trust_chain();
        match trust_chain.and_then(|trust_chain| trust_chain.base(epoch.saturating_add(1))) {
            Some(base) if base.version.is_none_or(|last| version >= last) => {
                (epoch, version) = (base.epoch, 1);
            }
            _ => version = version.saturating_add(1),
        }
        let slot = Place::HeadSlot { epoch, version };
        match self.registry.head_slot(epoch, version) {
            Ok(None) => {}
            Ok(Some(next)) => {
                self.expect(&slot);
                let counts = trust_chain.map(|trust_chain| trust_chain.check_newest_head(&next));
                if let Some(Err(error)) = counts {
                    return self.held(&slot, None, Err(error));
                }
                let message = format!(
                    "version {version} of epoch {epoch} is published, but head is version {} of epoch {}",
                    copy.body().version,
                    copy.body().epoch
                );
                self.fault(Code::LaggingHead, Place::Head, message);
            }
            Err(error) => {
                self.expect(&slot);
                self.error(&slot, None, &error);
            }
        }
    }
}
