//! The image that both files of tests damage.

use sreg_model::{Arch, SifImage};
use sreg_tests::sif::{SifBuilder, descriptor_at, patch};

/// Recipe, raw system partition, primary partition, signature over group 1.
pub(crate) fn valid() -> Vec<u8> {
    SifBuilder::new("valid")
        .recipe("bootstrap: scratch\n")
        .partition(4, 1, Arch::Amd64, b"raw.")
        .primary(Arch::Amd64, b"squashfs")
        .signature(1, [7; 20], b"signed")
        .link_group(1)
        .build()
}

pub(crate) fn patched(at: usize, value: &[u8]) -> Vec<u8> {
    let mut file = valid();
    patch(&mut file, at, value);
    file
}

pub(crate) fn number(value: i64) -> [u8; 8] {
    value.to_le_bytes()
}

pub(crate) fn accept(file: &[u8]) -> SifImage {
    SifImage::from_bytes(file).expect("must be let pass")
}

/// A field of the descriptor `index`.
pub(crate) fn field(index: usize, field: usize) -> usize {
    descriptor_at(index) + field
}
