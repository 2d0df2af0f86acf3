//! What the SIF parser refuses, rule by rule, each with its word (`spec/sif.md`).

use sreg_model::{Arch, SifImage};
use sreg_tests::sif::{descriptor, header, patch};

use crate::damaged::{accept, field, number, patched, valid};

fn code(file: &[u8]) -> &'static str {
    SifImage::from_bytes(file)
        .expect_err("must be refused")
        .code()
        .word()
}

// spec: SIF-1 SIF-2 SIF-3 SIF-4
#[test]
fn refuses_a_wrong_front() {
    assert_eq!(code(&patched(header::MAGIC, b"SIF-MAGIC\0")), "sif-magic");
    assert_eq!(code(&patched(header::VERSION, b"02\0")), "sif-version");
    assert_eq!(
        code(&patched(header::LAUNCH, &[b'x'; 32])),
        "sif-launch-script"
    );
    assert_eq!(code(&valid()[..127]), "sif-truncated");
    assert_eq!(code(b""), "sif-truncated");
}

// spec: SIF-5 SIF-6 SIF-7
#[test]
fn refuses_a_table_that_is_negative_huge_or_too_small() {
    assert_eq!(code(&patched(header::TOTAL, &number(-1))), "sif-range");
    assert_eq!(
        code(&patched(header::TOTAL, &number(4097))),
        "sif-too-many-descriptors"
    );
    assert_eq!(
        code(&patched(header::TOTAL, &number(i64::MAX))),
        "sif-too-many-descriptors"
    );
    assert_eq!(
        code(&patched(header::TABLE_SIZE, &number(48 * 585 - 1))),
        "sif-table-size"
    );
    assert_eq!(code(&patched(header::TABLE_SIZE, &number(-1))), "sif-range");
}

// spec: SIF-5
#[test]
fn refuses_overflow() {
    assert_eq!(
        code(&patched(header::TABLE_OFFSET, &number(i64::MAX))),
        "sif-range"
    );
    assert_eq!(
        code(&patched(header::DATA_OFFSET, &number(i64::MAX))),
        "sif-range"
    );
    assert_eq!(
        code(&patched(header::DATA_SIZE, &number(i64::MAX))),
        "sif-range"
    );
    assert_eq!(
        code(&patched(field(1, descriptor::OFFSET), &number(i64::MAX))),
        "sif-range"
    );
    assert_eq!(
        code(&patched(field(1, descriptor::LENGTH), &number(i64::MAX))),
        "sif-range"
    );
    assert_eq!(
        code(&patched(field(1, descriptor::LENGTH), &number(-1))),
        "sif-range"
    );
    assert_eq!(
        code(&patched(field(1, descriptor::OFFSET), &number(i64::MIN))),
        "sif-range"
    );
}

// spec: SIF-1
#[test]
fn refuses_what_is_out_of_the_file() {
    let file = valid();
    assert_eq!(code(&file[..file.len() - 1]), "sif-truncated");
    assert_eq!(code(&file[..32175]), "sif-truncated");
    assert_eq!(
        code(&patched(header::TABLE_OFFSET, &number(1 << 40))),
        "sif-truncated"
    );
    assert_eq!(
        code(&patched(header::DATA_SIZE, &number(1 << 40))),
        "sif-truncated"
    );
}

// spec: SIF-8
#[test]
fn refuses_regions_over_each_other() {
    assert_eq!(
        code(&patched(header::TABLE_OFFSET, &number(127))),
        "sif-overlap"
    );
    assert_eq!(
        code(&patched(header::TABLE_OFFSET, &number(4097))),
        "sif-overlap"
    );
    assert_eq!(
        code(&patched(header::DATA_OFFSET, &number(32175))),
        "sif-overlap"
    );
    let mut file = patched(header::DATA_OFFSET, &number(127));
    patch(&mut file, header::DATA_SIZE, &number(100));
    assert_eq!(code(&file), "sif-overlap");
}

// spec: SIF-9
#[test]
fn refuses_objects_out_of_place() {
    let below = patched(field(0, descriptor::OFFSET), &number(32175));
    assert_eq!(code(&below), "sif-out-of-data");
    let end = i64::try_from(valid().len()).unwrap();
    assert_eq!(
        code(&patched(field(3, descriptor::OFFSET), &number(end - 5))),
        "sif-out-of-data"
    );
    // Bytes after the data section are no part of it.
    let mut longer = patched(field(3, descriptor::OFFSET), &number(end));
    longer.extend([0; 100]);
    assert_eq!(code(&longer), "sif-out-of-data");
}

// spec: SIF-10
#[test]
fn refuses_objects_over_each_other() {
    assert_eq!(
        code(&patched(field(1, descriptor::OFFSET), &number(36861))),
        "sif-overlap"
    );
    let touching = patched(field(1, descriptor::OFFSET), &number(36860));
    assert_eq!(accept(&touching).objects().len(), 4);
    // An object inside another shares its bytes too.
    assert_eq!(
        code(&patched(field(0, descriptor::LENGTH), &number(4000))),
        "sif-overlap"
    );
}

// spec: SIF-11
#[test]
fn refuses_a_wrong_count_of_free_descriptors() {
    assert_eq!(code(&patched(header::FREE, &number(43))), "sif-free-count");
    assert_eq!(code(&patched(header::FREE, &number(48))), "sif-free-count");
    assert_eq!(code(&patched(header::FREE, &number(-1))), "sif-range");
    assert_eq!(
        code(&patched(field(0, descriptor::USED), &[0])),
        "sif-free-count"
    );
}

// spec: SIF-12 SIF-13
#[test]
fn refuses_ids_that_do_not_tell_objects_apart() {
    assert_eq!(
        code(&patched(field(0, descriptor::ID), &0u32.to_le_bytes())),
        "sif-zero-id"
    );
    assert_eq!(
        code(&patched(field(0, descriptor::ID), &2u32.to_le_bytes())),
        "sif-duplicate-id"
    );
}

// spec: SIF-14
#[test]
fn refuses_a_second_primary_partition() {
    assert_eq!(
        code(&patched(field(1, descriptor::EXTRA + 4), &[2])),
        "sif-two-primaries"
    );
}

// spec: SIF-15 SIF-24
#[test]
fn refuses_an_architecture_that_disagrees() {
    assert_eq!(code(&patched(header::ARCH, b"04\0")), "sif-arch");
    assert_eq!(code(&patched(header::ARCH, b"00\0")), "sif-arch");
    // Two codes that are not known are still two.
    let mut file = patched(header::ARCH, b"98\0");
    patch(&mut file, field(2, descriptor::EXTRA + 8), b"99\0");
    assert_eq!(code(&file), "sif-arch");
    patch(&mut file, header::ARCH, b"99\0");
    assert_eq!(accept(&file).arch(), Arch::Unknown);
    // A partition that is not the primary one may be of another architecture.
    assert_eq!(
        accept(&patched(field(1, descriptor::EXTRA + 8), b"04\0")).arch(),
        Arch::Amd64
    );
}

// spec: SIF-16
#[test]
fn refuses_an_empty_partition_or_signature() {
    assert_eq!(
        code(&patched(field(2, descriptor::LENGTH), &number(0))),
        "sif-empty-object"
    );
    assert_eq!(
        code(&patched(field(3, descriptor::LENGTH), &number(0))),
        "sif-empty-object"
    );
}
