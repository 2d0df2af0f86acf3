//! SIF files that break one rule each.

use super::*;

fn invalid(name: &str, id: &'static str, note: &str, file: Vec<u8>, class: &'static str) -> Case {
    Case::invalid("sif", name, id, note, file, class)
}

pub(super) fn bad_headers() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, id, note: &str, class, change: &dyn Fn(&mut Sif)| {
        cases.push(invalid(name, id, note, Sif::with(change).bytes(), class));
    };
    add("version-02", "SIF-3", "version 02", "sif-version", &|sif| {
        sif.version = b"02\0";
    });
    add(
        "version-without-nul",
        "SIF-3",
        "version 010",
        "sif-version",
        &|sif| sif.version = b"010",
    );
    add(
        "launch-script-without-nul",
        "SIF-4",
        "a launch script of 32 bytes",
        "sif-launch-script",
        &|sif| sif.launch = vec![b'x'; 32],
    );
    let range = "sif-range";
    add(
        "negative-free",
        "SIF-5",
        "-1 free descriptors",
        range,
        &|sif| {
            sif.free = -1;
        },
    );
    add("negative-total", "SIF-5", "-1 descriptors", range, &|sif| {
        sif.total = -1;
    });
    add(
        "negative-table-offset",
        "SIF-5",
        "a table at -1",
        range,
        &|sif| {
            sif.table.0 = -1;
        },
    );
    add(
        "negative-table-size",
        "SIF-5",
        "a table of size -1",
        range,
        &|sif| {
            sif.table.1 = -1;
        },
    );
    add(
        "negative-data-offset",
        "SIF-5",
        "data at -1",
        range,
        &|sif| {
            sif.data.0 = -1;
        },
    );
    add(
        "negative-data-size",
        "SIF-5",
        "data of size -1",
        range,
        &|sif| {
            sif.data.1 = -1;
        },
    );
    add(
        "overflowing-table",
        "SIF-5",
        "a table at 2^63 - 1",
        range,
        &|sif| sif.table.0 = i64::MAX,
    );
    add(
        "overflowing-data",
        "SIF-5",
        "data at 2^63 - 1",
        range,
        &|sif| sif.data.0 = i64::MAX,
    );
    add(
        "4097-descriptors",
        "SIF-6",
        "more descriptors than the table has room for, too; their number is looked at first",
        "sif-too-many-descriptors",
        &|sif| sif.total = 4097,
    );
    add(
        "small-table",
        "SIF-7",
        "a table whose last descriptor lacks a byte",
        "sif-table-size",
        &|sif| sif.table.1 -= 1,
    );
    add(
        "none-free",
        "SIF-11",
        "no descriptor is free, says the header; one is",
        "sif-free-count",
        &|sif| sif.free = 0,
    );
    add(
        "all-free",
        "SIF-11",
        "all descriptors are free, says the header; one is",
        "sif-free-count",
        &|sif| sif.free = 4,
    );
    for (name, note, magic) in [
        ("other-magic", "a hyphen in the magic", b"SIF-MAGIC\0"),
        (
            "magic-without-nul",
            "a magic that does not end",
            b"SIF_MAGICS",
        ),
    ] {
        let file = Sif::with(|sif| sif.magic = magic).bytes();
        let case = invalid(name, "SIF-2", note, file, "sif-magic");
        cases.push(case.with("kind", json!("sif")));
    }
    cases
}

pub(super) fn bad_regions() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, id, note: &str, class, sif: Sif| {
        cases.push(invalid(name, id, note, sif.bytes(), class));
    };
    add(
        "table-behind-end",
        "SIF-1",
        "a table that starts where the file ends",
        "sif-truncated",
        Sif::with(|sif| sif.table.0 = 2501),
    );
    add(
        "data-past-end",
        "SIF-1",
        "a data section that ends a byte behind the file",
        "sif-truncated",
        Sif::with(|sif| sif.data.1 += 1),
    );
    add(
        "table-over-header",
        "SIF-8",
        "the table starts with the header's last byte",
        "sif-overlap",
        Sif::with(|sif| {
            // A free descriptor starts with a zero, as the header ends.
            sif.slots.rotate_right(1);
            (sif.table.0, sif.table_at) = (127, 127);
        }),
    );
    let mut sif = Sif::table_last();
    sif.data = (127, 34);
    add(
        "data-over-header",
        "SIF-8",
        "the data section starts with the header's last byte",
        "sif-overlap",
        sif,
    );
    add(
        "data-over-table",
        "SIF-8",
        "the data section starts with the table's last byte",
        "sif-overlap",
        Sif::with(|sif| sif.data = (DATA - 1, 34)),
    );
    add(
        "table-over-data",
        "SIF-8",
        "a table of four descriptors and a byte, which is the first of the data section",
        "sif-overlap",
        Sif::with(|sif| sif.table.1 += 1),
    );
    for (name, note, length) in [
        (
            "cut-off-header",
            "the smallest SIF without its last byte",
            127,
        ),
        ("magic-alone", "nothing behind the magic", 42),
    ] {
        let mut file = Sif::smallest().bytes();
        file.truncate(length);
        cases.push(invalid(name, "SIF-1", note, file, "sif-truncated"));
    }
    let mut file = Sif::example().bytes();
    file.pop();
    let note = "the last byte of the data section is not there";
    cases.push(invalid(
        "cut-off-data",
        "SIF-1",
        note,
        file,
        "sif-truncated",
    ));
    cases
}

pub(super) fn bad_objects() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, id, note: &str, class, change: &dyn Fn(&mut Sif)| {
        cases.push(invalid(name, id, note, Sif::with(change).bytes(), class));
    };
    add(
        "negative-object-offset",
        "SIF-5",
        "an object at -1",
        "sif-range",
        &|sif| sif.slots[0].offset = -1,
    );
    add(
        "negative-object-size",
        "SIF-5",
        "an object of size -1",
        "sif-range",
        &|sif| sif.slots[0].size = -1,
    );
    add(
        "overflowing-object",
        "SIF-5",
        "an object of 2^63 - 1 bytes",
        "sif-range",
        &|sif| sif.slots[2].size = i64::MAX,
    );
    add(
        "object-before-data",
        "SIF-9",
        "an object that starts a byte before the data section",
        "sif-out-of-data",
        &|sif| sif.slots[0].offset -= 1,
    );
    add(
        "object-past-data",
        "SIF-9",
        "an object that ends a byte behind the data section, inside the file",
        "sif-out-of-data",
        &|sif| sif.data.1 -= 1,
    );
    add(
        "object-behind-data",
        "SIF-9",
        "an object in the bytes behind the data section",
        "sif-out-of-data",
        &|sif| {
            sif.slots[2].offset = 2501;
            sif.contents.push((2501, SIGNATURE));
        },
    );
    add(
        "objects-share-a-byte",
        "SIF-10",
        "the partition starts with the recipe's last byte",
        "sif-overlap",
        &|sif| sif.slots[1].offset -= 1,
    );
    add(
        "object-in-another",
        "SIF-10",
        "the signature stands inside the recipe",
        "sif-overlap",
        &|sif| sif.slots[2].offset = DATA + 5,
    );
    add(
        "id-0",
        "SIF-12",
        "an object with id 0",
        "sif-zero-id",
        &|sif| {
            sif.slots[0].id = 0;
        },
    );
    add(
        "id-twice",
        "SIF-13",
        "two objects with id 2",
        "sif-duplicate-id",
        &|sif| sif.slots[0].id = 2,
    );
    add(
        "two-primaries",
        "SIF-14",
        "two primary partitions of one architecture",
        "sif-two-primaries",
        &|sif| sif.slots[0] = Slot::primary(1, (DATA, 19)),
    );
    add(
        "other-architecture",
        "SIF-15",
        "arm64 in the header, amd64 in the primary partition",
        "sif-arch",
        &|sif| sif.arch.0 = b"04\0",
    );
    add(
        "no-architecture",
        "SIF-15",
        "no architecture in the header, amd64 in the primary partition",
        "sif-arch",
        &|sif| sif.arch.0 = b"00\0",
    );
    add(
        "other-unknown-architecture",
        "SIF-15",
        "98 in the header, 99 in the primary partition: neither is known",
        "sif-arch",
        &|sif| {
            sif.arch.0 = b"98\0";
            sif.slots[1].extra[8..].copy_from_slice(b"99\0");
        },
    );
    add(
        "other-word-as-architecture",
        "SIF-15",
        "amd64 in the header, s39 in the place of the primary partition's architecture",
        "sif-arch",
        &|sif| sif.slots[1].extra[8..].copy_from_slice(b"s39"),
    );
    for (name, note, slot) in [
        ("empty-partition", "a partition of 0 bytes", 1),
        ("empty-signature", "a signature of 0 bytes", 2),
    ] {
        add(name, "SIF-16", note, "sif-empty-object", &|sif| {
            sif.slots[slot].size = 0;
        });
    }
    cases
}
