//! Whole images that differ by their seed: small, fast to make, the same on every run.

use std::io::Write as _;

use backhand::compression::Compressor;
use flate2::{Compression, GzBuilder};
use sreg_model::Arch;

use crate::seed::Seed;
use crate::sif::SifBuilder;
use crate::squashfs::Registry;

/// A SIF with recipe, labels and a squashfs as its primary partition, which holds the same and
/// `payload_bytes` bytes that do not compress.
#[must_use]
pub fn sif(seed: &str, arch: Arch, payload_bytes: usize) -> Vec<u8> {
    SifBuilder::new(seed)
        .recipe(&recipe(seed))
        .labels(&labels(seed, arch))
        .primary(arch, &rootfs(seed, arch, payload_bytes))
        .build()
}

/// A bare squashfs, as older tools wrote images.
#[must_use]
pub fn simg(seed: &str, payload_bytes: usize) -> Vec<u8> {
    rootfs(seed, Arch::Amd64, payload_bytes)
}

/// The same behind a launch line.
#[must_use]
pub fn simg_with_shebang(seed: &str, payload_bytes: usize) -> Vec<u8> {
    let mut image = b"#!/usr/bin/env run-singularity\n".to_vec();
    image.extend(simg(seed, payload_bytes));
    image
}

/// A bare squashfs inside gzip.
///
/// # Panics
/// Never: writing to memory does not fail.
#[must_use]
pub fn simg_gz(seed: &str, payload_bytes: usize) -> Vec<u8> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::fast());
    encoder
        .write_all(&simg(seed, payload_bytes))
        .expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// The labels that an image of this seed has, as JSON.
#[must_use]
pub fn labels(seed: &str, arch: Arch) -> String {
    format!(
        "{{\"org.label-schema.build-arch\":\"{arch}\",\"org.opencontainers.image.title\":\"{seed}\"}}"
    )
}

/// The recipe that an image of this seed has.
#[must_use]
pub fn recipe(seed: &str) -> String {
    format!("bootstrap: scratch\n\n%runscript\n    echo \"hello from {seed}\"\n")
}

/// The runscript that an image of this seed has.
#[must_use]
pub fn runscript(seed: &str) -> String {
    format!("#!/bin/sh\n\necho \"hello from {seed}\"\n")
}

/// The environment that an image of this seed has.
pub const ENVIRONMENT: &str = "#!/bin/sh\n\nexport LC_ALL=C\n";

fn rootfs(seed: &str, arch: Arch, payload_bytes: usize) -> Vec<u8> {
    let mut random = Seed::new(seed);
    let mut tree = Registry::new(random.time())
        .container(
            &labels(seed, arch),
            &recipe(seed),
            &runscript(seed),
            ENVIRONMENT,
        )
        .file(
            "bin/sh",
            0o755,
            *b"\x7fELF stands for a program, and runs nowhere\n",
        )
        .file(
            "etc/os-release",
            0o644,
            *b"ID=example\nNAME=\"An example, not a system\"\n",
        );
    if payload_bytes > 0 {
        tree = tree.file("usr/share/payload", 0o644, random.bytes(payload_bytes));
    }
    tree.build(Compressor::Gzip)
}
