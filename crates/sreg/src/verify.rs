//! Verifies a registry.

use sreg_index::hasher::{IoMode, Observer};
use sreg_model::Reference;
use sreg_registry::verify::{BlobCheck, Options, Report, verify_reference, verify_registry};

use crate::{Error, Registry, Unobserved};

/// Verifies a registry, or one reference in it. Call `run` to start.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let images = sreg_tests::examples::write(&folder.path().join("images"));
/// # let public = folder.path().join("public");
/// # sreg::index(&images, &sreg::Registry::new(&public)).run()?;
/// let registry = sreg::Registry::new(&public);
/// let report = sreg::verify(&registry).run()?;
/// assert!(report.faults.is_empty());
/// assert_eq!(report.checked.blobs, 6);
/// # Ok(())
/// # }
/// ```
///
/// A report without faults shows that the registry is whole, and that its keys signed what they must. Whose keys they
/// are is known only if the registry has an expected id: [`Registry::with_id`].
#[must_use = "nothing is verified until `run` is called"]
pub fn verify(registry: &Registry) -> Verify<'_> {
    Verify {
        registry,
        reference: None,
        blobs: BlobCheck::Full,
        observer: &Unobserved,
    }
}

/// A registry to verify.
#[must_use = "nothing is verified until `run` is called"]
pub struct Verify<'a> {
    registry: &'a Registry,
    reference: Option<&'a Reference>,
    blobs: BlobCheck,
    observer: &'a dyn Observer,
}

impl<'a> Verify<'a> {
    /// Sets the only reference to verify, with everything from the head to its bytes.
    pub fn reference(self, reference: &'a Reference) -> Self {
        Self {
            reference: Some(reference),
            ..self
        }
    }

    /// Sets how thoroughly to check images (default: every byte).
    pub fn blobs(self, blobs: BlobCheck) -> Self {
        Self { blobs, ..self }
    }

    /// Sets the observer of the run, which may cancel it.
    pub fn observer(self, observer: &'a dyn Observer) -> Self {
        Self { observer, ..self }
    }

    /// Verifies, and returns every fault. Blocks until all is verified.
    ///
    /// # Errors
    /// `Registry` if there is no registry, or the observer cancels; `Known` if the known registries cannot be
    /// used. All else is a fault in the report.
    pub fn run(self) -> Result<Report, Error> {
        let registry = self.registry.open()?;
        let expected = self.registry.expected(Some(&registry))?;
        let options = Options {
            now: self.registry.now(),
            known: expected.pins().to_vec(),
            statements: expected.statements(),
            ..Options::new(self.blobs, IoMode::Auto)
        };
        let mut report = match self.reference {
            Some(reference) => verify_reference(&registry, reference, &options, self.observer)?,
            None => verify_registry(&registry, &options, self.observer)?,
        };
        report.check_confirmed(
            registry.stated_id()?.is_some(),
            expected.is_known(),
            expected.has_lock_file(),
        );
        let pins = self.registry.pins();
        pins.keep_evidence(&expected, &report.forks)?;
        if let (Some(seen), true) = (&report.seen, report.faults.is_empty())
            && pins.registries.is_some()
            && expected.is_recorded()
        {
            pins.record(self.registry.location(), seen)?;
        }
        Ok(report)
    }
}
