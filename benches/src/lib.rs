//! Inputs shared by the benchmarks.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use sreg_model::node::{ImageSize, TagEntry};
use sreg_model::statement::{Image, Subject};
use sreg_model::{Arch, Digest, ImageFormat};
use sreg_tests::images;
use sreg_tests::seed::Seed;

/// Writes an image of `size` bytes: a sound SIF, and behind it bytes that do not compress.
///
/// # Errors
/// As the file system says.
pub fn write_image(path: &Path, seed: &str, size: usize) -> io::Result<()> {
    let front = images::sif(seed, Arch::Amd64, 100);
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&front)?;
    let mut random = Seed::new(seed);
    let mut left = size.saturating_sub(front.len());
    while left > 0 {
        let piece = random.bytes(left.min(1 << 20));
        file.write_all(&piece)?;
        left -= piece.len();
    }
    file.flush()
}

/// The subject and image number `number` of a registry of `namespaces` namespaces.
///
/// # Panics
/// Never: the names are well formed.
#[must_use]
pub fn published(number: u64, namespaces: u64) -> (Subject, Image) {
    let namespace = number % namespaces;
    let (name, tag) = (number / namespaces / 8, number / namespaces % 8);
    let subject = Subject {
        repository: format!("lab{namespace}/tool{name}")
            .parse()
            .expect("a well formed name"),
        tag: format!("1.{tag}").parse().expect("a well formed tag"),
        arch: Arch::Amd64,
    };
    let image = Image {
        digest: Digest::of(&number.to_le_bytes()),
        size: 700_000_000 + number,
        chain: Digest::of(&(number + 1).to_be_bytes()),
        format: ImageFormat::Sif,
        frozen: false,
        urls: Vec::new(),
        attached: Vec::new(),
    };
    (subject, image)
}

/// The line of an image in a map of tags.
///
/// # Panics
/// Never: the key is well formed.
#[must_use]
pub fn entry(number: u64) -> TagEntry {
    TagEntry {
        arch: Arch::Amd64,
        image: Some(ImageSize {
            digest: Digest::of(&number.to_le_bytes()),
            size: number + 1,
        }),
        key: format!("tool{}:1.{}", number / 8, number % 8)
            .parse()
            .expect("a well formed key"),
        statement: Digest::of(&number.to_be_bytes()),
    }
}
