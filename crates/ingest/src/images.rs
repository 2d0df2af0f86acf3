//! Image files: their names and headers.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rayon::prelude::*;
use sreg_image::{Image as ImageFile, WORD_AS_ARCH};
use sreg_index::stamp::Stamp;
use sreg_model::fault::Code;
use sreg_model::statement::{MAX_SIZE, Subject};
use sreg_model::{Arch, ImageFormat};
use sreg_registry::explain;

use crate::hash_cache::{Cache, Known};
use crate::source::{self, Candidate, Scan};
use sreg_publish::SourceFault;

/// An image whose headers are sound.
#[derive(Debug)]
pub(crate) struct SourceImage {
    pub(crate) path: PathBuf,
    pub(crate) stamp: Stamp,
    pub(crate) subject: Subject,
    /// The architecture in the headers, which the name may add to.
    pub(crate) header_arch: Arch,
    pub(crate) format: ImageFormat,
    pub(crate) known: Option<Known>,
    /// The other references that the name could mean.
    pub(crate) others: Vec<String>,
    /// A note about the file that does not prevent publishing.
    pub(crate) note: Option<&'static str>,
}

/// The images of a folder: valid ones and faulty ones, both by path.
pub(crate) struct Classified {
    pub(crate) found: Vec<SourceImage>,
    pub(crate) faults: Vec<SourceFault>,
    pub(crate) passed_over: Vec<SourceFault>,
    pub(crate) is_partial: bool,
}

/// Reads the headers of all candidates that are not cached, and excludes images with the same reference.
pub(crate) fn classify_all(scan: Scan, cache: &Cache) -> Classified {
    let results: Vec<Result<SourceImage, SourceFault>> = scan
        .candidates
        .into_par_iter()
        .map(|candidate| classify(candidate, cache))
        .collect();
    let mut found = Vec::new();
    let mut faults = scan.faults;
    for result in results {
        match result {
            Ok(image) => found.push(image),
            Err(fault) => faults.push(fault),
        }
    }
    let subjects: Vec<(Subject, PathBuf)> = found
        .iter()
        .map(|image| (image.subject.clone(), image.path.clone()))
        .collect();
    let collisions = source::collisions(&subjects);
    let collided: BTreeSet<&PathBuf> = collisions.iter().map(|fault| &fault.path).collect();
    found.retain(|image| !collided.contains(&image.path));
    faults.extend(collisions);
    faults.sort_by(|left, right| left.path.cmp(&right.path));
    Classified {
        found,
        faults,
        passed_over: scan.passed_over,
        is_partial: scan.is_partial,
    }
}

fn classify(candidate: Candidate, cache: &Cache) -> Result<SourceImage, SourceFault> {
    let Candidate {
        path,
        stamp,
        repository,
        tag,
        arch,
        others,
    } = candidate;
    let known = cache.get(&path, &stamp).cloned();
    let mut note = None;
    let (format, header_arch) = match &known {
        Some(known) => (known.format, known.arch),
        None => {
            let image = ImageFile::open(&path)
                .map_err(|error| SourceFault::new(error.code(), &path, explain(&error)))?;
            note = image.has_word_as_arch().then_some(WORD_AS_ARCH);
            (image.format(), image.arch())
        }
    };
    if stamp.size == 0 || stamp.size > MAX_SIZE {
        return Err(SourceFault::new(
            Code::ImageSize,
            &path,
            format!("{} bytes, expected 1 to 2^44", stamp.size),
        ));
    }
    let arch = match (arch, header_arch) {
        (None, header) => header,
        (Some(named), Arch::Unknown) => named,
        (Some(named), header) if named == header => header,
        (Some(named), header) => {
            let message = format!(
                "file name states {named}, but the header states {header}: rename the file"
            );
            return Err(SourceFault::new(Code::ArchMismatch, &path, message));
        }
    };
    let subject = Subject {
        repository,
        tag,
        arch,
    };
    Ok(SourceImage {
        path,
        stamp,
        subject,
        header_arch,
        format,
        known,
        others,
        note,
    })
}
