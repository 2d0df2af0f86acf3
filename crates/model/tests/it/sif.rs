//! What the SIF parser reads and lets pass, rule by rule, and that nothing makes it panic. The
//! rules are those of `spec/sif.md`.

use proptest::prelude::*;
use sreg_model::sif::{Extra, Filesystem, HashType, Link, ObjectType, PartitionType, SifHeader};
use sreg_model::{Arch, SifImage};
use sreg_tests::sif::{SifBuilder, descriptor, descriptor_at, header, patch};

use crate::damaged::{accept, field, number, patched, valid};

#[test]
fn reads_what_was_written() {
    let image = accept(&valid());
    assert_eq!(image.arch(), Arch::Amd64);
    assert_eq!(
        image.header().launch_script(),
        "#!/usr/bin/env run-singularity\n"
    );
    assert_eq!(image.header().version(), "01");
    assert_eq!(image.header().descriptors_free(), 44);
    assert_eq!(image.header().table(), 4096..32176);
    let types: Vec<_> = image
        .objects()
        .iter()
        .map(|object| object.object_type().as_str())
        .collect();
    assert_eq!(types, ["Def.FILE", "FS", "FS", "Signature"]);

    let primary = image.primary_partition().expect("there is one");
    assert_eq!(
        (primary.id(), primary.offset(), primary.size()),
        (3, 36864, 8)
    );
    assert_eq!(primary.group(), Some(1));
    assert_eq!(
        *primary.extra(),
        Extra::Partition {
            filesystem: Filesystem::Squashfs,
            partition: PartitionType::PrimarySystem,
            arch: Arch::Amd64
        }
    );

    let signature = image.object(4).expect("there is one");
    assert_eq!(
        (signature.group(), signature.link()),
        (None, Some(Link::Group(1)))
    );
    assert_eq!(
        *signature.extra(),
        Extra::Signature {
            hash: HashType::Sha256,
            fingerprint: Some([7; 20])
        }
    );
}

#[test]
fn two_steps_read_the_same_as_one() {
    let file = valid();
    let size = u64::try_from(file.len()).unwrap();
    let header = SifHeader::parse(&file[..SifHeader::SIZE], size).unwrap();
    let table = &file[4096..32176];
    assert_eq!(
        SifImage::parse(header.clone(), table).unwrap(),
        accept(&file)
    );
    assert_eq!(
        SifImage::parse(header, &table[..100]).unwrap_err().code(),
        "sif-truncated"
    );
}

#[test]
fn every_architecture_has_its_code() {
    for arch in Arch::ALL.iter().copied() {
        let image = accept(&SifBuilder::new("arch").primary(arch, b"x").build());
        assert_eq!(image.arch(), arch);
    }
}

#[test]
fn the_uuid_is_written_in_groups() {
    let mut file = valid();
    patch(
        &mut file,
        48,
        &[
            0x3f, 0xa8, 2, 0xcc, 0x35, 0x8b, 0x45, 0xe3, 0xbc, 0xc0, 0x69, 0xdc, 0x7a, 0x45, 0xf9,
            0xf8,
        ],
    );
    assert_eq!(
        accept(&file).header().id(),
        "3fa802cc-358b-45e3-bcc0-69dc7a45f9f8"
    );
}

// spec: SIF-17
#[test]
fn accepts_a_gap_before_the_data() {
    // As tools wrote until 2020: the data section starts at 32768.
    let mut file = SifBuilder::new("gap").primary(Arch::Amd64, b"x").build();
    patch(&mut file, header::DATA_OFFSET, &number(32768));
    patch(&mut file, header::DATA_SIZE, &number(1));
    assert_eq!(accept(&file).header().data(), 32768..32769);
}

// spec: SIF-18 SIF-19
#[test]
fn accepts_any_padded_size_and_time() {
    let mut file = patched(field(0, descriptor::PADDED), &number(4701));
    patch(&mut file, field(1, descriptor::PADDED), &number(-1));
    patch(&mut file, header::CREATED, &number(-62_135_596_800));
    patch(&mut file, field(0, descriptor::CREATED), &number(i64::MIN));
    let image = accept(&file);
    assert_eq!(image.header().created(), -62_135_596_800);
    assert_eq!(image.objects()[0].created(), i64::MIN);
}

// spec: SIF-20
#[test]
fn accepts_names_that_fill_their_field() {
    let image = accept(&patched(field(0, descriptor::NAME), &[b'n'; 128]));
    assert_eq!(image.objects()[0].name(), "n".repeat(128));
    let image = accept(&patched(field(0, descriptor::NAME), &[0xff, b'a', 0]));
    assert_eq!(image.objects()[0].name(), "\u{fffd}a");
}

// spec: SIF-21
#[test]
fn accepts_used_that_is_neither_0_nor_1() {
    assert_eq!(
        accept(&patched(field(0, descriptor::USED), &[0x80]))
            .objects()
            .len(),
        4
    );
}

// spec: SIF-22
#[test]
fn accepts_an_empty_object_of_another_type() {
    let file = SifBuilder::new("empty")
        .object(0x4007, &[], b"")
        .primary(Arch::Arm64, b"x")
        .build();
    let image = accept(&file);
    assert_eq!(
        (image.objects()[0].size(), image.objects()[0].object_type()),
        (0, ObjectType::Generic)
    );
}

// spec: SIF-23
#[test]
fn accepts_holes_in_ids_and_in_the_table() {
    let image = accept(&patched(field(3, descriptor::ID), &900u32.to_le_bytes()));
    assert!(image.object(4).is_none() && image.object(900).is_some());
    let mut file = patched(field(0, descriptor::USED), &[0]);
    patch(&mut file, header::FREE, &number(45));
    assert_eq!(accept(&file).objects()[0].id(), 2);
}

// spec: SIF-17
#[test]
fn accepts_bytes_after_the_data() {
    let mut file = valid();
    file.extend([0xaa; 5000]);
    assert_eq!(accept(&file).objects().len(), 4);
}

// spec: SIF-24
#[test]
fn accepts_codes_without_a_name() {
    let mut file = patched(descriptor_at(0), &0x4999i32.to_le_bytes());
    patch(&mut file, field(1, descriptor::EXTRA), &77i32.to_le_bytes());
    let image = accept(&file);
    assert_eq!(image.objects()[0].object_type().as_str(), "Unknown");
    assert!(matches!(
        image.objects()[1].extra(),
        Extra::Partition {
            filesystem: Filesystem::Unknown(77),
            ..
        }
    ));
}

// spec: SIF-24
#[test]
fn accepts_a_file_without_objects() {
    let image = accept(&SifBuilder::new("none").build());
    assert!(image.objects().is_empty() && image.primary_partition().is_none());
    assert_eq!(image.arch(), Arch::Unknown);
}

#[test]
fn reads_the_other_kinds() {
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let message = [1i32.to_le_bytes(), 0x100i32.to_le_bytes()].concat();
    let file = SifBuilder::new("kinds")
        .object(0x4008, &message, b"m")
        .object(0x4009, &4i32.to_le_bytes(), b"s")
        .object(0x400b, digest.as_bytes(), b"{}")
        .object(0x400a, b"sha512:00", b"{}")
        .signature(5, [0; 20], b"dsse")
        .link(1)
        .build();
    let image = accept(&file);
    let extra: Vec<_> = image
        .objects()
        .iter()
        .map(|object| object.extra().clone())
        .collect();
    assert!(matches!(extra[0], Extra::CryptoMessage { format, message }
        if format.as_str() == "OpenPGP" && message.as_str() == "Clear Signature"));
    assert!(matches!(extra[1], Extra::Sbom { format } if format.as_str() == "spdx-json"));
    assert_eq!(
        extra[2],
        Extra::OciBlob {
            digest: digest.parse().ok()
        }
    );
    assert_eq!(extra[3], Extra::OciBlob { digest: None });
    assert_eq!(
        extra[4],
        Extra::Signature {
            hash: HashType::Blake2b,
            fingerprint: None
        }
    );
    assert_eq!(image.objects()[4].link(), Some(Link::Object(1)));
}

/// What a caller may rely on in every image that was let pass.
fn holds(image: &SifImage, size: u64) {
    let data = image.header().data();
    assert!(data.end <= size);
    for object in image.objects() {
        assert!(data.start <= object.offset() && object.range().end <= data.end);
    }
}

proptest! {
    // An integration test has no source file for proptest to keep failures beside.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_image_is_refused_or_sound(
        changes in prop::collection::vec((0usize..40_000, any::<u8>()), 1..6),
        length in 0usize..42_000,
    ) {
        let mut file = valid();
        for (at, value) in changes {
            // Most of the file is padding: aim at the header and the first five descriptors.
            let at = if at < 30_000 { at % 128 } else { descriptor_at(0) + at % (5 * descriptor::SIZE) };
            file[at] = value;
        }
        file.truncate(length.max(30_000));
        if let Ok(image) = SifImage::from_bytes(&file) {
            holds(&image, u64::try_from(file.len()).unwrap());
        }
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..6000)) {
        let _ = SifImage::from_bytes(&bytes);
        // Past the first checks, too.
        if bytes.len() >= 64 {
            patch(&mut bytes, 0, &[0; 32]);
            patch(&mut bytes, header::MAGIC, b"SIF_MAGIC\x0001\0");
            if let Ok(image) = SifImage::from_bytes(&bytes) {
                holds(&image, u64::try_from(bytes.len()).unwrap());
            }
        }
    }
}
