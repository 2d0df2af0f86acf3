//! SIF files in the layout that apptainer writes, for tests to read and to damage.

use sreg_model::Arch;

use crate::seed::Seed;

/// Where the fields of the header stand.
pub mod header {
    #![allow(missing_docs, reason = "each constant is the field it is named after")]
    pub const LAUNCH: usize = 0;
    pub const MAGIC: usize = 32;
    pub const VERSION: usize = 42;
    pub const ARCH: usize = 45;
    pub const CREATED: usize = 64;
    pub const FREE: usize = 80;
    pub const TOTAL: usize = 88;
    pub const TABLE_OFFSET: usize = 96;
    pub const TABLE_SIZE: usize = 104;
    pub const DATA_OFFSET: usize = 112;
    pub const DATA_SIZE: usize = 120;
    pub const SIZE: usize = 128;
}

/// Where the fields of a descriptor stand, from its start.
pub mod descriptor {
    #![allow(missing_docs, reason = "each constant is the field it is named after")]
    pub const SIZE: usize = 585;
    pub const TYPE: usize = 0;
    pub const USED: usize = 4;
    pub const ID: usize = 5;
    pub const GROUP: usize = 9;
    pub const LINK: usize = 13;
    pub const OFFSET: usize = 17;
    pub const LENGTH: usize = 25;
    pub const PADDED: usize = 33;
    pub const CREATED: usize = 41;
    pub const NAME: usize = 73;
    pub const EXTRA: usize = 201;
}

const TABLE: usize = 4096;
const CAPACITY: usize = 48;
const GROUP_MASK: u32 = 0xf000_0000;

/// The start of descriptor `index`, counted from 0, in a file that [`SifBuilder`] made.
#[must_use]
pub const fn descriptor_at(index: usize) -> usize {
    TABLE + index * descriptor::SIZE
}

/// Overwrites bytes of a file.
///
/// # Panics
/// When `value` does not fit at `at`.
pub fn patch(file: &mut [u8], at: usize, value: &[u8]) {
    file[at..at + value.len()].copy_from_slice(value);
}

#[derive(Debug, Clone)]
struct Object {
    kind: i32,
    group: u32,
    link: u32,
    align: usize,
    name: Vec<u8>,
    extra: Vec<u8>,
    content: Vec<u8>,
}

/// Writes SIF files, the same bytes for the same seed and calls: a table of 48 descriptors at
/// 4096, data from 32176, objects in group 1, partitions at multiples of 4096.
#[derive(Debug, Clone)]
pub struct SifBuilder {
    id: Vec<u8>,
    time: i64,
    launch: Vec<u8>,
    arch: [u8; 3],
    table: usize,
    capacity: usize,
    objects: Vec<Object>,
}

impl SifBuilder {
    /// A file without objects, whose id and time follow from `seed`.
    #[must_use]
    pub fn new(seed: &str) -> Self {
        let mut seed = Seed::new(seed);
        let mut id = seed.bytes(16);
        // A random UUID, version 4 of RFC 9562.
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        Self {
            id,
            time: seed.time().into(),
            launch: b"#!/usr/bin/env run-singularity\n".to_vec(),
            arch: code(Arch::Unknown),
            table: TABLE,
            capacity: CAPACITY,
            objects: Vec::new(),
        }
    }

    /// Sets the launch script, at most 31 bytes.
    #[must_use]
    pub fn launch(mut self, script: &str) -> Self {
        self.launch = script.as_bytes().to_vec();
        self
    }

    /// Moves the table to right behind the header, with room for `capacity` objects.
    #[must_use]
    pub fn compact(mut self, capacity: usize) -> Self {
        self.table = header::SIZE;
        self.capacity = capacity;
        self
    }

    /// Adds an object of any type, with the bytes of its extra field.
    #[must_use]
    pub fn object(mut self, kind: i32, extra: &[u8], content: &[u8]) -> Self {
        self.objects.push(Object {
            kind,
            group: GROUP_MASK | 1,
            link: 0,
            align: 1,
            name: Vec::new(),
            extra: extra.to_vec(),
            content: content.to_vec(),
        });
        self
    }

    /// Adds a definition file.
    #[must_use]
    pub fn recipe(self, text: &str) -> Self {
        self.object(0x4001, &[], text.as_bytes())
    }

    /// Adds environment variables.
    #[must_use]
    pub fn environment(self, text: &str) -> Self {
        self.object(0x4002, &[], text.as_bytes())
    }

    /// Adds labels.
    #[must_use]
    pub fn labels(self, json: &str) -> Self {
        self.object(0x4003, &[], json.as_bytes())
    }

    /// Adds a JSON document with a name.
    #[must_use]
    pub fn json(self, name: &str, json: &str) -> Self {
        self.object(0x4006, &[], json.as_bytes())
            .name(name.as_bytes())
    }

    /// Adds a partition with the codes of its file system and type.
    #[must_use]
    pub fn partition(mut self, filesystem: i32, kind: i32, arch: Arch, content: &[u8]) -> Self {
        if kind == 2 {
            self.arch = code(arch);
        }
        let extra = [
            &filesystem.to_le_bytes()[..],
            &kind.to_le_bytes(),
            &code(arch),
        ]
        .concat();
        self.object(0x4004, &extra, content).align(4096)
    }

    /// Adds the primary partition, a squashfs.
    #[must_use]
    pub fn primary(self, arch: Arch, squashfs: &[u8]) -> Self {
        self.partition(1, 2, arch, squashfs)
    }

    /// Adds a signature, in no group, with the code of its hash; a DSSE signature has zeros for
    /// a fingerprint.
    #[must_use]
    pub fn signature(self, hash: i32, fingerprint: [u8; 20], content: &[u8]) -> Self {
        let mut extra = hash.to_le_bytes().to_vec();
        extra.extend(fingerprint);
        self.object(0x4005, &extra, content).group(0)
    }

    /// Moves the last object to a group; 0 is none.
    #[must_use]
    pub fn group(self, group: u32) -> Self {
        self.change(|last| last.group = GROUP_MASK | group)
    }

    /// Links the last object to another.
    #[must_use]
    pub fn link(self, id: u32) -> Self {
        self.change(|last| last.link = id)
    }

    /// Links the last object to a group.
    #[must_use]
    pub fn link_group(self, group: u32) -> Self {
        self.change(|last| last.link = GROUP_MASK | group)
    }

    /// Names the last object, in at most 128 bytes.
    #[must_use]
    pub fn name(self, name: &[u8]) -> Self {
        self.change(|last| last.name = name.to_vec())
    }

    /// Lets the last object start at a multiple of `align`.
    #[must_use]
    pub fn align(self, align: usize) -> Self {
        self.change(|last| last.align = align)
    }

    fn change(mut self, change: impl FnOnce(&mut Object)) -> Self {
        change(self.objects.last_mut().expect("an object was added before"));
        self
    }

    /// The file.
    ///
    /// # Panics
    /// With more objects than the table has room for, or a launch script, name or extra field that is too long.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut file = vec![0; self.data_at()];
        for (index, object) in self.objects.iter().enumerate() {
            assert!(index < self.capacity, "more than {} objects", self.capacity);
            let end = file.len();
            file.resize(end.next_multiple_of(object.align), 0);
            let start = file.len();
            file.extend(&object.content);
            let padded = file.len() - end;
            self.describe(&mut file, index, [start, object.content.len(), padded]);
        }
        self.head(&mut file);
        file
    }

    fn data_at(&self) -> usize {
        self.table + self.capacity * descriptor::SIZE
    }

    fn describe(&self, file: &mut [u8], index: usize, [start, length, padded]: [usize; 3]) {
        let object = &self.objects[index];
        let at = self.table + index * descriptor::SIZE;
        let id = u32::try_from(index + 1).expect("few objects");
        assert!(
            object.name.len() <= 128 && object.extra.len() <= 384,
            "a field is too long"
        );
        for (field, value) in [
            (descriptor::TYPE, &object.kind.to_le_bytes()[..]),
            (descriptor::USED, &[1]),
            (descriptor::ID, &id.to_le_bytes()),
            (descriptor::GROUP, &object.group.to_le_bytes()),
            (descriptor::LINK, &object.link.to_le_bytes()),
            (descriptor::OFFSET, &number(start)),
            (descriptor::LENGTH, &number(length)),
            (descriptor::PADDED, &number(padded)),
            (descriptor::CREATED, &self.time.to_le_bytes()),
            (descriptor::CREATED + 8, &self.time.to_le_bytes()),
            (descriptor::NAME, &object.name),
            (descriptor::EXTRA, &object.extra),
        ] {
            patch(file, at + field, value);
        }
    }

    fn head(&self, file: &mut [u8]) {
        assert!(self.launch.len() < 32, "the launch script is too long");
        let data_size = file.len() - self.data_at();
        for (field, value) in [
            (header::LAUNCH, &self.launch[..]),
            (header::MAGIC, b"SIF_MAGIC\0"),
            (header::VERSION, b"01\0"),
            (header::ARCH, &self.arch),
            (48, &self.id),
            (header::CREATED, &self.time.to_le_bytes()),
            (header::CREATED + 8, &self.time.to_le_bytes()),
            (header::FREE, &number(self.capacity - self.objects.len())),
            (header::TOTAL, &number(self.capacity)),
            (header::TABLE_OFFSET, &number(self.table)),
            (
                header::TABLE_SIZE,
                &number(self.capacity * descriptor::SIZE),
            ),
            (header::DATA_OFFSET, &number(self.data_at())),
            (header::DATA_SIZE, &number(data_size)),
        ] {
            patch(file, field, value);
        }
    }
}

fn code(arch: Arch) -> [u8; 3] {
    let [first, second] = *arch.sif_code();
    [first, second, 0]
}

fn number(value: usize) -> [u8; 8] {
    i64::try_from(value)
        .expect("a size in memory")
        .to_le_bytes()
}
