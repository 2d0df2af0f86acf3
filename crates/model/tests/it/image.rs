//! What a file is taken for by its first bytes.

use proptest::prelude::*;
use sreg_model::Arch;
use sreg_model::image::{Compression, ImageKind, SNIFF_BYTES, sniff};
use sreg_tests::images;

fn of(file: &[u8]) -> Result<ImageKind, &'static str> {
    let front = &file[..file.len().min(SNIFF_BYTES)];
    sniff(front, u64::try_from(file.len()).expect("a length")).map_err(|error| error.code().word())
}

fn other(file: &[u8]) -> String {
    sniff(file, u64::try_from(file.len()).expect("a length"))
        .expect_err("no image")
        .to_string()
}

// spec: SIF-25
#[test]
fn tells_the_formats_apart() {
    assert_eq!(of(&images::sif("a", Arch::Amd64, 0)), Ok(ImageKind::Sif));
    assert_eq!(of(&images::simg_gz("a", 0)), Ok(ImageKind::Gzip));
    let Ok(ImageKind::Squashfs {
        offset: 0,
        superblock,
    }) = of(&images::simg("a", 0))
    else {
        panic!("a squashfs at the start");
    };
    assert_eq!(superblock.compression(), Compression::Gzip);
    assert!(superblock.inodes() > 5 && superblock.inode_table() < superblock.bytes_used());
    let behind = of(&images::simg_with_shebang("a", 0));
    assert_eq!(
        behind,
        Ok(ImageKind::Squashfs {
            offset: 31,
            superblock
        })
    );
}

// spec: SIF-26
#[test]
fn names_what_a_file_seems_to_be() {
    let mut ext = vec![0; 2048];
    ext[1080..1082].copy_from_slice(b"\x53\xef");
    let mut launched = b"#!/usr/bin/env run-singularity\n".to_vec();
    launched.extend(&ext);
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    let cases: [(&[u8], &str); 9] = [
        (&ext, "ext file system"),
        (&launched, "ext file system"),
        (&tar, "tar archive"),
        (b"  <!DOCTYPE HTML>\n<title>404</title>", "HTML page"),
        (b"<?xml version=\"1.0\"?><Error/>", "XML document"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
            "Git LFS pointer",
        ),
        (b"\x7fELF program", "ELF program"),
        (b"#!/bin/sh\nexit 0\n", "script"),
        (&[1; 500], "unknown kind"),
    ];
    for (file, word) in cases {
        assert!(other(file).contains(word), "{word}: {}", other(file));
        assert_eq!(of(file), Err("not-an-image"));
    }
    assert_eq!(of(b""), Err("image-empty"));
    assert_eq!(of(&[1; 20]), Err("image-too-small"));
}

// spec: SIF-25
#[test]
fn a_launch_line_is_bounded() {
    let with_line = |length: usize| {
        let mut file = vec![b'x'; length];
        file[..2].copy_from_slice(b"#!");
        file[length - 1] = b'\n';
        file.extend(images::simg("a", 0));
        file
    };
    assert!(matches!(
        of(&with_line(256)),
        Ok(ImageKind::Squashfs { offset: 256, .. })
    ));
    assert_eq!(of(&with_line(257)), Err("not-an-image"));
}

// spec: SIF-27
#[test]
fn refuses_a_superblock_that_cannot_be() {
    let good = images::simg("a", 0);
    let with = |at: usize, value: &[u8]| {
        let mut file = good.clone();
        file[at..at + value.len()].copy_from_slice(value);
        of(&file)
    };
    let far = u64::MAX.to_le_bytes();
    assert_eq!(with(28, &[3, 0]), Err("squashfs-version"));
    assert_eq!(with(30, &[1, 0]), Err("squashfs-version"));
    assert_eq!(with(12, &4097u32.to_le_bytes()), Err("squashfs-superblock"));
    assert_eq!(
        with(12, &(1u32 << 21).to_le_bytes()),
        Err("squashfs-superblock")
    );
    assert_eq!(with(22, &[16, 0]), Err("squashfs-superblock"));
    assert_eq!(with(20, &[0, 0]), Err("squashfs-superblock"));
    assert_eq!(with(20, &[7, 0]), Err("squashfs-superblock"));
    assert_eq!(with(40, &[95, 0, 0]), Err("squashfs-superblock"));
    assert_eq!(with(64, &far), Err("squashfs-superblock"));
    assert_eq!(with(72, &far), Err("squashfs-superblock"));
    assert_eq!(
        with(80, &[1, 0, 0, 0, 0, 0, 0, 0]),
        Err("squashfs-superblock")
    );
    assert!(with(80, &far).is_ok(), "no fragment table");
    assert!(
        with(20, &[3, 0]).is_ok(),
        "lzo is an image, even if its content cannot be read"
    );
    assert_eq!(
        with(40, &(1u64 << 40).to_le_bytes()),
        Err("squashfs-truncated")
    );
    assert_eq!(of(&good[..700]), Err("squashfs-truncated"));
}

proptest! {
    // An integration test has no source file for proptest to keep failures beside.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..3000), size in any::<u64>()) {
        let _ = sniff(&bytes, size);
        let launched = [&b"#!x\nhsqs"[..], &bytes].concat();
        let _ = sniff(&launched, size);
    }
}
