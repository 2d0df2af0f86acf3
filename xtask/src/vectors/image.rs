//! `spec/sif.md`: what kind of image a file is; the bare squashfs, and gzip around one.

use serde_json::{Value, json};

use super::Case;

/// The superblock of a squashfs of 200 bytes without a file, and what follows it.
#[derive(Clone)]
struct Squashfs {
    block_size: u32,
    compression: u16,
    block_log: u16,
    version: [u16; 2],
    bytes_used: u64,
    inode_table: u64,
    directory_table: u64,
    fragment_table: u64,
}

impl Squashfs {
    fn with(change: impl Fn(&mut Self)) -> Vec<u8> {
        let mut squashfs = Self {
            block_size: 1 << 17,
            compression: 1,
            block_log: 17,
            version: [4, 0],
            bytes_used: 200,
            inode_table: 96,
            directory_table: 130,
            fragment_table: u64::MAX,
        };
        change(&mut squashfs);
        squashfs.bytes()
    }

    fn bytes(&self) -> Vec<u8> {
        let (inodes, time, fragments) = (1u32, 1_600_000_000u32, 0u32);
        let (flags, ids) = (0u16, 1u16);
        let (root, id_table) = (0u64, 150u64);
        let (xattrs, exports) = (u64::MAX, u64::MAX);
        let fields: [&[u8]; 20] = [
            b"hsqs",
            &inodes.to_le_bytes(),
            &time.to_le_bytes(),
            &self.block_size.to_le_bytes(),
            &fragments.to_le_bytes(),
            &self.compression.to_le_bytes(),
            &self.block_log.to_le_bytes(),
            &flags.to_le_bytes(),
            &ids.to_le_bytes(),
            &self.version[0].to_le_bytes(),
            &self.version[1].to_le_bytes(),
            &root.to_le_bytes(),
            &self.bytes_used.to_le_bytes(),
            &id_table.to_le_bytes(),
            &xattrs.to_le_bytes(),
            &self.inode_table.to_le_bytes(),
            &self.directory_table.to_le_bytes(),
            &self.fragment_table.to_le_bytes(),
            &exports.to_le_bytes(),
            &[0; 104],
        ];
        let bytes = fields.concat();
        assert_eq!(bytes.len(), 200);
        bytes
    }
}

/// A gzip member with one stored block (RFC 1952, RFC 1951).
fn gzip(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a small file");
    [
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1][..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        content,
        &crc32(content).to_le_bytes(),
        &u32::from(length).to_le_bytes(),
    ]
    .concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= 0xedb8_8320;
            }
        }
    }
    !crc
}

/// A squashfs behind a first line of `length` bytes.
fn launched(length: usize) -> Vec<u8> {
    let mut file = b"#!/usr/bin/env run-singularity".to_vec();
    file.resize(length - 1, b' ');
    file.push(b'\n');
    file.extend(Squashfs::with(|_| {}));
    file
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(other_kinds());
    cases.extend(superblocks());
    cases
}

fn valid() -> Vec<Case> {
    let plain = Squashfs::with(|_| {});
    let padded = [&plain[..], &[0; 56]].concat();
    let mut cases = Vec::new();
    let mut add = |name: &str, ids: &'static str, note: &str, file: Vec<u8>, compressed: bool| {
        let mut expect: Value = json!({
            "format": "squashfs", "arch": "unknown", "size": file.len(), "signatures": [],
        });
        if compressed {
            expect["compression"] = json!("gzip");
        }
        cases.push(Case::valid("sif", name, ids, note, file, expect));
    };
    let (file, line) = (plain.clone(), launched(31));
    add("squashfs", "SIF-25 SIF-27", "a bare squashfs", file, false);
    add(
        "squashfs-padded",
        "SIF-27",
        "a bare squashfs with padding at its end",
        padded,
        false,
    );
    add(
        "squashfs-lzo",
        "SIF-27",
        "a compression that a reader may not know; the image is one all the same",
        Squashfs::with(|squashfs| squashfs.compression = 3),
        false,
    );
    add(
        "squashfs-launched",
        "SIF-25",
        "a bare squashfs behind a launch line",
        line,
        false,
    );
    add(
        "longest-launch-line",
        "SIF-25",
        "a bare squashfs behind a line of 256 bytes",
        launched(256),
        false,
    );
    add(
        "gzip",
        "SIF-25 SIF-28",
        "a bare squashfs in gzip",
        gzip(&plain),
        true,
    );
    add(
        "gzip-launched",
        "SIF-25 SIF-28",
        "a launch line and a squashfs in gzip",
        gzip(&launched(31)),
        true,
    );
    cases
}

fn other_kinds() -> Vec<Case> {
    let mut plain = Squashfs::with(|_| {});
    let zipped = gzip(&plain);
    let mut bad_block = zipped.clone();
    // The third kind of block does not exist.
    bad_block[10] = 0b111;
    let mut sif = vec![0; 128];
    sif[32..44].copy_from_slice(b"SIF_MAGIC\x0001");
    // Long enough for an image.
    let padded = |text: &[u8]| [text, &[b'\n'; 128]].concat();
    let mut cases = Vec::new();
    let mut add = |name: &str, id, note: &str, file: &[u8], class| {
        cases.push(Case::invalid("sif", name, id, note, file, class));
    };
    add("empty", "SIF-26", "no byte", b"", "image-empty");
    add(
        "too-small",
        "SIF-26",
        "twenty bytes",
        &[1; 20],
        "image-too-small",
    );
    add(
        "other-bytes",
        "SIF-26",
        "bytes of no known kind",
        &[1; 500],
        "not-an-image",
    );
    add(
        "html",
        "SIF-26",
        "a web page, as a server sends it in place of a file",
        &padded(b"<!DOCTYPE html>\n<title>404</title>\n"),
        "not-an-image",
    );
    add(
        "script",
        "SIF-26",
        "a first line, and no image behind it",
        &padded(b"#!/bin/sh\nexit 0\n"),
        "not-an-image",
    );
    add(
        "long-launch-line",
        "SIF-25",
        "a bare squashfs behind a line of 257 bytes",
        &launched(257),
        "not-an-image",
    );
    add(
        "gzip-magic-alone",
        "SIF-28",
        "nothing behind the magic of gzip",
        &[0x1f, 0x8b],
        "gzip-damaged",
    );
    add(
        "gzip-bad-block",
        "SIF-28",
        "a block of a kind that gzip does not have",
        &bad_block,
        "gzip-damaged",
    );
    add(
        "gzip-cut-off",
        "SIF-28",
        "gzip that ends inside the superblock",
        &zipped[..60],
        "gzip-damaged",
    );
    add(
        "gzip-of-nothing",
        "SIF-26 SIF-28",
        "no byte in gzip",
        &gzip(b""),
        "image-empty",
    );
    add(
        "gzip-of-text",
        "SIF-28",
        "bytes of no known kind in gzip",
        &gzip(&[1; 500]),
        "not-an-image",
    );
    add(
        "gzip-of-sif",
        "SIF-28",
        "a SIF in gzip",
        &gzip(&sif),
        "not-an-image",
    );
    add(
        "gzip-of-gzip",
        "SIF-28",
        "a squashfs in gzip in gzip",
        &gzip(&zipped),
        "not-an-image",
    );
    plain[28] = 3;
    add(
        "gzip-of-squashfs-3",
        "SIF-27 SIF-28",
        "a squashfs of version 3.0 in gzip",
        &gzip(&plain),
        "squashfs-version",
    );
    cases
}

fn superblocks() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, note: &str, class, change: &dyn Fn(&mut Squashfs)| {
        let file = Squashfs::with(change);
        cases.push(Case::invalid("sif", name, "SIF-27", note, file, class));
    };
    let version = "squashfs-version";
    add("squashfs-3", "version 3.0", version, &|squashfs| {
        squashfs.version = [3, 0];
    });
    add("squashfs-4.1", "version 4.1", version, &|squashfs| {
        squashfs.version = [4, 1];
    });
    let wrong = "squashfs-superblock";
    add(
        "block-size",
        "blocks of 131,073 bytes",
        wrong,
        &|squashfs| {
            squashfs.block_size += 1;
        },
    );
    add(
        "small-blocks",
        "blocks of 2,048 bytes",
        wrong,
        &|squashfs| {
            (squashfs.block_size, squashfs.block_log) = (2048, 11);
        },
    );
    add("large-blocks", "blocks of 2 MiB", wrong, &|squashfs| {
        (squashfs.block_size, squashfs.block_log) = (2 << 20, 21);
    });
    add(
        "block-log",
        "a logarithm that is not that of the block size",
        wrong,
        &|squashfs| squashfs.block_log = 16,
    );
    add("compression-0", "compression 0", wrong, &|squashfs| {
        squashfs.compression = 0;
    });
    add("compression-7", "compression 7", wrong, &|squashfs| {
        squashfs.compression = 7;
    });
    add(
        "inodes-in-superblock",
        "an inode table inside the superblock",
        wrong,
        &|squashfs| squashfs.inode_table = 95,
    );
    add(
        "inodes-behind-end",
        "tables of inodes and directories at the end",
        wrong,
        &|squashfs| (squashfs.inode_table, squashfs.directory_table) = (200, 200),
    );
    add(
        "directories-before-inodes",
        "a directory table in front of the inode table",
        wrong,
        &|squashfs| (squashfs.inode_table, squashfs.directory_table) = (130, 129),
    );
    add(
        "directories-behind-end",
        "a directory table at the end",
        wrong,
        &|squashfs| squashfs.directory_table = 200,
    );
    add(
        "fragments-in-superblock",
        "a fragment table inside the superblock",
        wrong,
        &|squashfs| squashfs.fragment_table = 1,
    );
    add(
        "cut-off-squashfs",
        "a squashfs that lacks a byte",
        "squashfs-truncated",
        &|squashfs| squashfs.bytes_used = 201,
    );
    let file = &Squashfs::with(|_| {})[..95];
    let note = "a superblock that lacks a byte";
    let name = "cut-off-superblock";
    cases.push(Case::invalid(
        "sif",
        name,
        "SIF-27",
        note,
        file,
        "squashfs-truncated",
    ));
    cases
}
