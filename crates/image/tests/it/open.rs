//! Formats and architectures from headers, and what is refused.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use sreg_image::{Image, OpenError};
use sreg_model::{Arch, ImageFormat};
use sreg_tests::images;
use sreg_tests::sif::{header, patch};

fn open(bytes: &[u8]) -> Result<Image, OpenError> {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    Image::from_file(file)
}

fn code(bytes: &[u8]) -> &'static str {
    open(bytes).expect_err("must be refused").code().word()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("room for it");
    encoder.finish().expect("writing to memory")
}

#[test]
fn recognises_every_format() {
    let cases = [
        (
            images::sif("a", Arch::Arm64, 9000),
            ImageFormat::Sif,
            Arch::Arm64,
        ),
        (
            images::simg("a", 9000),
            ImageFormat::Squashfs,
            Arch::Unknown,
        ),
        (
            images::simg_with_shebang("a", 9000),
            ImageFormat::Squashfs,
            Arch::Unknown,
        ),
        (
            images::simg_gz("a", 9000),
            ImageFormat::SquashfsGzip,
            Arch::Unknown,
        ),
    ];
    for (bytes, format, arch) in cases {
        let image = open(&bytes).unwrap();
        assert_eq!((image.format(), image.arch()), (format, arch));
        assert_eq!(image.size(), u64::try_from(bytes.len()).unwrap());
        assert_eq!(image.sif().is_some(), format == ImageFormat::Sif);
    }
}

// spec: SIF-28
#[test]
fn gzip_must_hold_a_squashfs() {
    assert_eq!(
        open(&gzip(&images::simg_with_shebang("a", 0)))
            .unwrap()
            .format(),
        ImageFormat::SquashfsGzip
    );
    assert_eq!(
        code(&gzip(b"a text that was compressed")),
        "image-too-small"
    );
    assert_eq!(
        code(&gzip(&images::sif("a", Arch::Amd64, 0))),
        "not-an-image"
    );
    assert_eq!(code(&gzip(&images::simg_gz("a", 0))), "not-an-image");
    assert_eq!(code(&gzip(b"")), "image-empty");
    assert_eq!(code(&images::simg_gz("a", 0)[..60]), "gzip-damaged");
    let mut damaged = images::simg_gz("a", 0);
    damaged[10..20].fill(0xff);
    assert_eq!(code(&damaged), "gzip-damaged");
}

#[test]
fn passes_on_what_the_parsers_refuse() {
    let mut sif = images::sif("a", Arch::Amd64, 0);
    assert_eq!(code(&sif[..sif.len() - 1]), "sif-truncated");
    patch(&mut sif, header::ARCH, b"04\0");
    assert_eq!(code(&sif), "sif-arch");
    assert_eq!(code(b""), "image-empty");
}

#[test]
fn a_folder_or_a_pipe_or_nothing_is_no_image() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Image::open(folder.path()).unwrap_err().code(), "not-a-file");
    assert_eq!(
        Image::open(&folder.path().join("none")).unwrap_err().code(),
        "unreadable"
    );
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(Image::open(&pipe).unwrap_err().code(), "not-a-file");
    let path = folder.path().join("some.sif");
    fs::write(&path, images::sif("a", Arch::Amd64, 0)).unwrap();
    assert_eq!(Image::open(&path).unwrap().arch(), Arch::Amd64);
}

#[test]
fn a_sparse_image_of_a_terabyte_opens_at_once() {
    // Were anything but headers read, this test would not end.
    let mut file = tempfile::tempfile().expect("a temporary file");
    let mut bytes = images::sif("a", Arch::Amd64, 0);
    patch(&mut bytes, header::DATA_SIZE, &(1i64 << 40).to_le_bytes());
    file.write_all(&bytes).expect("room for it");
    file.set_len((1 << 40) + 40_000).unwrap();
    assert_eq!(
        Image::from_file(file).expect("an image").arch(),
        Arch::Amd64
    );
}
