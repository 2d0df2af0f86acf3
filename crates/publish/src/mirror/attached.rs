//! Copies attachments.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use sreg_index::hasher::{self, IoMode, Unobserved};
use sreg_model::attachment::Attachment;
use sreg_model::layout::Place;
use sreg_store::retry;

use super::Copying;
use crate::error::PublishError;
use crate::link::LinkMode;
use crate::upload_check::ensure_uploaded;
use crate::writer::Writer;
use sreg_registry::RegistryError;

impl Copying<'_> {
    /// Copies an attachment, unless the copy has one of its size: only complete files get their name.
    pub(super) fn copy_attachment(
        &self,
        writer: &dyn Writer,
        place: &Place,
        attachment: &Attachment,
    ) -> Result<(), PublishError> {
        self.check_cancelled()?;
        match writer.registry().size(place) {
            Ok(size) if size == attachment.size => return Ok(()),
            Ok(_) | Err(RegistryError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if self.mirror.from.store().capabilities().folder.is_some() {
            return self.bring_attachment(writer, place, attachment, &self.mirror.from.path(place));
        }
        let scratch = self
            .mirror
            .scratch
            .join(place.to_string().replace('/', "-"));
        self.fetch_attachment(place, attachment, &scratch)?;
        let brought = self.bring_attachment(writer, place, attachment, &scratch);
        fs::remove_file(&scratch).map_err(PublishError::write(&scratch))?;
        brought
    }

    fn fetch_attachment(
        &self,
        place: &Place,
        attachment: &Attachment,
        file: &Path,
    ) -> Result<(), PublishError> {
        let size = self.mirror.from.size(place)?;
        if size != attachment.size {
            return Err(self.wrong(place, format!("has {size} bytes")));
        }
        let mut out = File::create(file).map_err(PublishError::write(file))?;
        let key = place.to_string();
        let mut write = |part: &[u8]| out.write_all(part);
        Ok(retry::read_range(
            &**self.mirror.from.store(),
            &key,
            0..size,
            &mut write,
        )?)
    }

    fn bring_attachment(
        &self,
        writer: &dyn Writer,
        place: &Place,
        attachment: &Attachment,
        file: &Path,
    ) -> Result<(), PublishError> {
        let hashed = hasher::hash(file, IoMode::Auto, &Unobserved)?;
        let found = hashed.chain.digest();
        if found != attachment.digest {
            return Err(self.wrong(place, format!("digest is {found}")));
        }
        let whole = (&hashed.stamp, &hashed.chain);
        let link = LinkMode::Auto;
        ensure_uploaded(writer, place, file, whole, (link, false), &Unobserved).map(drop)
    }
}
