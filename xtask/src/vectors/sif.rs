//! `spec/sif.md`: SIF files, laid out by hand from the tables of the page.

mod invalid;

use serde_json::{Value, json};

use super::Case;

/// The table stands right behind the header, which keeps the files small.
const TABLE: i64 = 128;
const SLOT: i64 = 585;
/// Where the data of a table of four descriptors starts.
const DATA: i64 = TABLE + 4 * SLOT;
const TIME: i64 = 1_600_000_000;
const GROUP: u32 = 0xf000_0000;

const RECIPE: &[u8] = b"bootstrap: scratch\n";
const SQUASHFS: &[u8] = b"squashfs";
const SIGNATURE: &[u8] = b"signed";

/// A SIF, field by field, and what is read in it.
#[derive(Clone)]
struct Sif {
    launch: Vec<u8>,
    magic: &'static [u8; 10],
    version: &'static [u8; 3],
    arch: (&'static [u8; 3], &'static str),
    created: (i64, Value),
    modified: (i64, Value),
    free: i64,
    total: i64,
    /// Offset and size in the header.
    table: (i64, i64),
    data: (i64, i64),
    /// Where the descriptors stand, whatever the header says.
    table_at: usize,
    slots: Vec<Slot>,
    contents: Vec<(usize, &'static [u8])>,
    /// The shortest that the file may be.
    size: usize,
}

/// A descriptor. `words` are the type, and what depends on it.
#[derive(Clone)]
struct Slot {
    kind: i32,
    used: u8,
    id: u32,
    group: u32,
    link: u32,
    offset: i64,
    size: i64,
    padded: i64,
    time: i64,
    name: Vec<u8>,
    extra: Vec<u8>,
    words: Value,
    signer: Value,
}

impl Slot {
    fn free() -> Self {
        Self {
            used: 0,
            group: 0,
            time: 0,
            ..Self::object(0, "", 0, (0, 0))
        }
    }

    /// An object in group 1.
    fn object(kind: i32, word: &str, id: u32, (offset, size): (i64, i64)) -> Self {
        Self {
            kind,
            used: 1,
            id,
            group: GROUP | 1,
            link: 0,
            offset,
            size,
            padded: size,
            time: TIME,
            name: Vec::new(),
            extra: Vec::new(),
            words: json!({"type": word}),
            signer: Value::Null,
        }
    }

    /// The primary partition, a squashfs for amd64.
    fn primary(id: u32, place: (i64, i64)) -> Self {
        let words = [("filesystem", "Squashfs"), ("partition", "*System")];
        Self::object(0x4004, "FS", id, place)
            .extra(&[&1i32.to_le_bytes(), &2i32.to_le_bytes(), b"02\0"])
            .words(&words)
            .words(&[("arch", "amd64")])
    }

    /// A PGP signature over group 1, itself in no group.
    fn signature(id: u32, place: (i64, i64)) -> Self {
        Self {
            group: GROUP,
            link: GROUP | 1,
            signer: json!({
                "object": id, "kind": "pgp", "hash": "SHA-256", "fingerprint": "07".repeat(20),
            }),
            ..Self::object(0x4005, "Signature", id, place)
                .extra(&[&1i32.to_le_bytes(), &[7; 20]])
                .words(&[("hash", "SHA-256")])
        }
    }

    fn extra(mut self, fields: &[&[u8]]) -> Self {
        self.extra = fields.concat();
        self
    }

    fn words(mut self, words: &[(&str, &str)]) -> Self {
        for (key, word) in words {
            self.words[key] = json!(word);
        }
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let fields: [&[u8]; 14] = [
            &self.kind.to_le_bytes(),
            &[self.used],
            &self.id.to_le_bytes(),
            &self.group.to_le_bytes(),
            &self.link.to_le_bytes(),
            &self.offset.to_le_bytes(),
            &self.size.to_le_bytes(),
            &self.padded.to_le_bytes(),
            &self.time.to_le_bytes(),
            &self.time.to_le_bytes(),
            &0i64.to_le_bytes(),
            &0i64.to_le_bytes(),
            &filled(&self.name, 128),
            &filled(&self.extra, 384),
        ];
        let bytes = fields.concat();
        assert_eq!(bytes.len(), 585);
        bytes
    }

    fn expect(&self) -> Value {
        let mut said = self.words.clone();
        let number = |masked: u32| match masked & !GROUP {
            0 => Value::Null,
            number => json!(number),
        };
        said["id"] = json!(self.id);
        said["group"] = number(self.group);
        said["link"] = number(self.link);
        if !said["link"].is_null() {
            said["link_to_group"] = json!(self.link > GROUP);
        }
        said["offset"] = json!(self.offset);
        said["size"] = json!(self.size);
        said["name"] = json!(String::from_utf8_lossy(&self.name));
        said
    }
}

impl Sif {
    /// A recipe, the primary partition, a signature over both, and a free descriptor.
    fn example() -> Self {
        let shown = "2020-09-13T12:26:40Z";
        Self {
            launch: b"#!/usr/bin/env run-singularity\n".to_vec(),
            magic: b"SIF_MAGIC\0",
            version: b"01\0",
            arch: (b"02\0", "amd64"),
            created: (TIME, json!(shown)),
            modified: (TIME, json!(shown)),
            free: 1,
            total: 4,
            table: (TABLE, 4 * SLOT),
            data: (DATA, 33),
            table_at: 128,
            slots: vec![
                Slot::object(0x4001, "Def.FILE", 1, (DATA, 19)),
                Slot::primary(2, (DATA + 19, 8)),
                Slot::signature(3, (DATA + 27, 6)),
                Slot::free(),
            ],
            contents: vec![(2468, RECIPE), (2487, SQUASHFS), (2495, SIGNATURE)],
            size: 128,
        }
    }

    /// The example with a change.
    fn with(change: impl Fn(&mut Self)) -> Self {
        let mut sif = Self::example();
        change(&mut sif);
        sif
    }

    /// The example with the data in front of the table.
    fn table_last() -> Self {
        Self::with(|sif| {
            sif.data.0 = TABLE;
            sif.table.0 = TABLE + 33;
            sif.table_at = 128 + 33;
            sif.contents = vec![(128, RECIPE), (147, SQUASHFS), (155, SIGNATURE)];
            for slot in &mut sif.slots[..3] {
                slot.offset -= 4 * SLOT;
            }
        })
    }

    /// Nothing but a header.
    fn smallest() -> Self {
        Self {
            arch: (b"00\0", "unknown"),
            created: (0, Value::Null),
            modified: (0, Value::Null),
            free: 0,
            total: 0,
            table: (128, 0),
            data: (128, 0),
            slots: Vec::new(),
            contents: Vec::new(),
            ..Self::example()
        }
    }

    /// Objects of one byte each, in the order of `slots`.
    fn of(slots: Vec<Slot>, arch: (&'static [u8; 3], &'static str)) -> Self {
        let count = i64::try_from(slots.len()).expect("few objects");
        let data = TABLE + count * SLOT;
        let mut sif = Self {
            arch,
            free: 0,
            total: count,
            table: (TABLE, count * SLOT),
            data: (data, count),
            slots,
            contents: Vec::new(),
            size: usize::try_from(data + count).expect("a small file"),
            ..Self::example()
        };
        for (offset, slot) in (data..).zip(&mut sif.slots) {
            (slot.offset, slot.size, slot.padded) = (offset, 1, 1);
        }
        sif
    }

    fn bytes(&self) -> Vec<u8> {
        let header: [&[u8]; 13] = [
            &filled(&self.launch, 32),
            self.magic,
            self.version,
            self.arch.0,
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            &self.created.0.to_le_bytes(),
            &self.modified.0.to_le_bytes(),
            &self.free.to_le_bytes(),
            &self.total.to_le_bytes(),
            &self.table.0.to_le_bytes(),
            &self.table.1.to_le_bytes(),
            &self.data.0.to_le_bytes(),
            &self.data.1.to_le_bytes(),
        ];
        let header = header.concat();
        assert_eq!(header.len(), 128);
        let mut file = vec![0; self.size];
        for (at, content) in &self.contents {
            put(&mut file, *at, content);
        }
        let slots: Vec<u8> = self.slots.iter().flat_map(Slot::bytes).collect();
        put(&mut file, self.table_at, &slots);
        put(&mut file, 0, &header);
        file
    }

    fn expect(&self) -> Value {
        let used = || self.slots.iter().filter(|slot| slot.used != 0);
        let signatures: Vec<&Value> = used()
            .map(|slot| &slot.signer)
            .filter(|signer| !signer.is_null())
            .collect();
        json!({
            "format": "sif",
            "arch": self.arch.1,
            "size": self.bytes().len(),
            "sif": {
                "version": "01",
                "id": "00010203-0405-0607-0809-0a0b0c0d0e0f",
                "created": self.created.1,
                "modified": self.modified.1,
                "objects": used().map(Slot::expect).collect::<Vec<_>>(),
            },
            "signatures": signatures,
        })
    }
}

fn filled(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut field = bytes.to_vec();
    assert!(field.len() <= size);
    field.resize(size, 0);
    field
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    file.resize(file.len().max(at + bytes.len()), 0);
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(kinds());
    cases.extend(invalid::bad_headers());
    cases.extend(invalid::bad_regions());
    cases.extend(invalid::bad_objects());
    cases
}

fn valid() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, ids: &'static str, note: &str, sif: Sif| {
        cases.push(Case::valid(
            "sif",
            name,
            ids,
            note,
            sif.bytes(),
            sif.expect(),
        ));
    };
    add(
        "smallest",
        "SIF-24 SIF-25",
        "the 128 bytes of the page, with another UUID",
        Sif::smallest(),
    );
    add(
        "signed",
        "SIF-23 SIF-25",
        "a recipe, the primary partition, a signature over group 1, and a free descriptor",
        Sif::example(),
    );
    add(
        "table-last",
        "SIF-17",
        "the data section stands in front of the table",
        Sif::table_last(),
    );
    add(
        "gaps",
        "SIF-17",
        "gaps behind the header, the table and an object",
        Sif::with(|sif| {
            (sif.table.0, sif.table_at) = (200, 200);
            sif.data = (3000, 100);
            sif.contents = vec![(3000, RECIPE), (3050, SQUASHFS), (3094, SIGNATURE)];
            for (slot, offset) in sif.slots.iter_mut().zip([3000, 3050, 3094]) {
                slot.offset = offset;
            }
        }),
    );
    add(
        "bytes-behind-data",
        "SIF-17",
        "a hundred bytes behind the data section",
        Sif::with(|sif| sif.size = 2601),
    );
    add(
        "larger-table",
        "SIF-7 SIF-17",
        "the table's size has room for more than its descriptors",
        Sif::with(|sif| {
            sif.total = 3;
            sif.free = 0;
        }),
    );
    add(
        "padded-sizes",
        "SIF-18",
        "padded sizes that are negative, too small and too great",
        Sif::with(|sif| {
            for (slot, padded) in sif.slots.iter_mut().zip([-1, 0, i64::MAX]) {
                slot.padded = padded;
            }
        }),
    );
    add(
        "odd-times",
        "SIF-19",
        "an image of the year 1, which says nothing, changed a second before 1970; objects of any time",
        Sif::with(|sif| {
            sif.created = (-62_135_596_800, Value::Null);
            sif.modified = (-1, json!("1969-12-31T23:59:59Z"));
            for (slot, time) in sif.slots.iter_mut().zip([i64::MIN, 0, i64::MAX]) {
                slot.time = time;
            }
        }),
    );
    add(
        "word-as-architecture",
        "SIF-15",
        "amd in the place of the primary partition's architecture, as siftool setprim wrote it",
        Sif::with(|sif| {
            sif.slots[1].extra[8..].copy_from_slice(b"amd");
            sif.slots[1].words["arch"] = json!("unknown");
        }),
    );
    add(
        "full-name",
        "SIF-20",
        "a name of 128 bytes",
        Sif::with(|sif| sif.slots[1].name = vec![b'n'; 128]),
    );
    add(
        "in-use-128",
        "SIF-21",
        "128 in the byte for in use",
        Sif::with(|sif| sif.slots[0].used = 128),
    );
    add(
        "empty-object",
        "SIF-22",
        "a recipe of 0 bytes",
        Sif::with(|sif| sif.slots[0].size = 0),
    );
    add(
        "odd-ids",
        "SIF-23",
        "ids with holes, in descending order, and a link to an id that is not there",
        Sif::with(|sif| {
            for (slot, id) in sif.slots.iter_mut().zip([u32::MAX, 900, 7]) {
                slot.id = id;
            }
            sif.slots[2].link = 5;
            sif.slots[2].signer["object"] = json!(7);
        }),
    );
    add(
        "hole-in-table",
        "SIF-11 SIF-23",
        "the free descriptor stands first, and another in place of the recipe's",
        Sif::with(|sif| {
            sif.slots[0].used = 0;
            sif.slots.rotate_right(1);
            sif.free = 2;
        }),
    );
    add(
        "unknown-codes",
        "SIF-24",
        "a type, a file system, a partition and a hash that are not known",
        Sif::with(|sif| {
            let odd = 99i32.to_le_bytes();
            sif.slots[0].kind = 0x4099;
            sif.slots[0].words["type"] = json!("Unknown");
            let words = [("filesystem", "Unknown"), ("partition", "Unknown")];
            sif.slots[1] = sif.slots[1]
                .clone()
                .extra(&[&odd, &odd, b"02\0"])
                .words(&words);
            sif.slots[2] = sif.slots[2]
                .clone()
                .extra(&[&odd, &[7; 20]])
                .words(&[("hash", "Unknown")]);
            sif.slots[2].signer["hash"] = json!("Unknown");
        }),
    );
    add(
        "unknown-architecture",
        "SIF-15 SIF-24",
        "an architecture that is not known, the same in both places",
        Sif::with(|sif| {
            sif.arch = (b"99\0", "unknown");
            sif.slots[1].extra[8..].copy_from_slice(b"99\0");
            sif.slots[1].words["arch"] = json!("unknown");
        }),
    );
    add(
        "no-primary",
        "SIF-14 SIF-15 SIF-24",
        "a data partition for arm64 alone: the header's architecture is not compared with it",
        Sif::with(|sif| {
            let (raw, data) = (4i32.to_le_bytes(), 3i32.to_le_bytes());
            let words = [
                ("filesystem", "Raw"),
                ("partition", "Data"),
                ("arch", "arm64"),
            ];
            sif.slots[1] = sif.slots[1]
                .clone()
                .extra(&[&raw, &data, b"04\0"])
                .words(&words);
        }),
    );
    cases
}

/// Every code of the page's tables.
fn kinds() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, note: &str, sif: Sif| {
        let (bytes, expect) = (sif.bytes(), sif.expect());
        cases.push(Case::valid("sif", name, "SIF-24", note, bytes, expect));
    };
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let one = 1i32.to_le_bytes();
    let object = |kind, word| Slot::object(kind, word, 0, (0, 0));
    let numbered = |mut slots: Vec<Slot>| {
        for (id, slot) in (1..).zip(&mut slots) {
            slot.id = id;
        }
        slots
    };
    let types = vec![
        object(0x4001, "Def.FILE"),
        object(0x4002, "Env.Vars"),
        object(0x4003, "JSON.Labels"),
        object(0x4006, "JSON.Generic"),
        object(0x4007, "Generic/Raw"),
        object(0x4008, "Cryptographic Message")
            .extra(&[&one, &0x100i32.to_le_bytes()])
            .words(&[("format", "OpenPGP"), ("message", "Clear Signature")]),
        object(0x4009, "SBOM")
            .extra(&[&4i32.to_le_bytes()])
            .words(&[("format", "spdx-json")]),
        object(0x400a, "OCI.RootIndex")
            .extra(&[digest.as_bytes()])
            .words(&[("digest", digest)]),
        object(0x400b, "OCI.Blob")
            .extra(&[digest.as_bytes()])
            .words(&[("digest", digest)]),
    ];
    add(
        "types",
        "an object of each type but partitions and signatures",
        Sif::of(numbered(types), (b"00\0", "unknown")),
    );
    let filesystems = [
        "Squashfs",
        "Ext3",
        "Archive",
        "Raw",
        "Encrypted squashfs",
        "Gocryptfs squashfs",
    ];
    let partitions = ["System", "*System", "Data", "Overlay", "Data", "Data"];
    let codes = [1i32, 2, 3, 4, 3, 3];
    let slots = (1i32..)
        .zip(filesystems)
        .zip(codes.into_iter().zip(partitions))
        .map(|((filesystem, word), (code, partition))| {
            let words = [
                ("filesystem", word),
                ("partition", partition),
                ("arch", "s390x"),
            ];
            object(0x4004, "FS")
                .extra(&[&filesystem.to_le_bytes(), &code.to_le_bytes(), b"11\0"])
                .words(&words)
        })
        .collect();
    add(
        "partitions",
        "each file system, and each kind of partition",
        Sif::of(numbered(slots), (b"11\0", "s390x")),
    );
    let hashes = [
        "SHA-256",
        "SHA-384",
        "SHA-512",
        "BLAKE2s-256",
        "BLAKE2b-256",
    ];
    let slots = (1..)
        .zip(hashes)
        .map(|(code, word)| {
            let signer = json!({
                "object": code, "kind": "dsse", "hash": word, "fingerprint": null,
            });
            Slot {
                signer,
                ..object(0x4005, "Signature")
                    .extra(&[&i32::to_le_bytes(code)])
                    .words(&[("hash", word)])
            }
        })
        .collect();
    add(
        "signatures",
        "a DSSE signature of each hash",
        Sif::of(numbered(slots), (b"00\0", "unknown")),
    );
    cases
}
