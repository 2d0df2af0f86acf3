//! What is found inside images, and that damage ends in a note, within bounds.

use std::io::Write as _;
use std::time::{Duration, Instant};

use backhand::compression::Compressor;
use proptest::prelude::*;
use serde_json::Value;
use sreg_image::{Content, Image, Limits, Report};
use sreg_model::Arch;
use sreg_tests::images::{self, ENVIRONMENT};
use sreg_tests::seed::Seed;
use sreg_tests::sif::SifBuilder;
use sreg_tests::squashfs::Tree;

fn image(bytes: &[u8]) -> Image {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    Image::from_file(file).expect("an image")
}

fn content(bytes: &[u8]) -> Content {
    image(bytes).content(&Limits::default())
}

fn json(bytes: &[u8]) -> Value {
    let image = image(bytes);
    let content = image.content(&Limits::default());
    serde_json::to_value(Report::new(&image, content)).expect("a report is JSON")
}

#[test]
fn every_format_gives_the_same_content() {
    for bytes in [
        images::sif("lab/a:1", Arch::Amd64, 300_000),
        images::simg("lab/a:1", 300_000),
        images::simg_with_shebang("lab/a:1", 300_000),
        images::simg_gz("lab/a:1", 300_000),
    ] {
        let content = content(&bytes);
        assert_eq!(content.notes, Vec::<String>::new());
        assert_eq!(content.labels["org.opencontainers.image.title"], "lab/a:1");
        assert_eq!(content.recipe, Some(images::recipe("lab/a:1")));
        assert_eq!(content.runscript, Some(images::runscript("lab/a:1")));
        assert_eq!(
            content.environment["/.singularity.d/env/90-environment.sh"],
            ENVIRONMENT
        );
        assert_eq!(content.environment.len(), 2);
    }
}

#[test]
fn every_compression_is_read() {
    // Larger than a block, so that blocks, fragments and metadata are all met.
    let runscript = String::from_utf8(vec![b'x'; 300_000]).unwrap();
    for compressor in [
        Compressor::Gzip,
        Compressor::Xz,
        Compressor::Zstd,
        Compressor::Lz4,
    ] {
        let mut tree = Tree::new(1).container("{\"a\":\"b\"}", "recipe", &runscript, "export A=1");
        for number in 0..2000 {
            tree = tree.file(&format!("usr/{number}"), 0o644, number.to_string());
        }
        let content = content(&tree.build(compressor));
        assert_eq!(content.notes, Vec::<String>::new(), "{compressor:?}");
        assert_eq!(content.labels["a"], "b");
        assert_eq!(content.runscript.as_deref(), Some(runscript.as_str()));
    }
}

#[test]
fn objects_stand_in_for_what_the_squashfs_lacks() {
    let bare = Tree::new(1)
        .file("etc/hostname", 0o644, "x")
        .build(Compressor::Gzip);
    let filled = content(
        &SifBuilder::new("objects")
            .recipe("from the object")
            .labels("{\"a\":1,\"b\":\"c\"}")
            .environment("export B=2")
            .primary(Arch::Amd64, &bare)
            .build(),
    );
    assert_eq!(filled.recipe.as_deref(), Some("from the object"));
    assert_eq!(
        (filled.labels["a"].as_str(), filled.labels["b"].as_str()),
        ("1", "c")
    );
    assert_eq!(filled.environment["Env.Vars"], "export B=2");

    let full = Tree::new(1)
        .container("{\"a\":\"fs\"}", "fs", "fs", "fs")
        .build(Compressor::Gzip);
    let kept = content(
        &SifBuilder::new("both")
            .recipe("object")
            .labels("{\"a\":\"o\"}")
            .primary(Arch::Amd64, &full)
            .build(),
    );
    assert_eq!(
        (kept.recipe.as_deref(), kept.labels["a"].as_str()),
        (Some("fs"), "fs")
    );
}

#[test]
fn an_encrypted_partition_is_named_and_its_metadata_used() {
    let metadata = r#"{"data":{"attributes":{"labels":{"a":"b"},"deffile":"d","runscript":"r",
        "environment":{"/.singularity.d/env/90-environment.sh":"e"}}},"type":"container"}"#;
    for (filesystem, word) in [
        (5, "encrypted squashfs"),
        (6, "gocryptfs squashfs"),
        (2, "ext3"),
    ] {
        let content = content(
            &SifBuilder::new("encrypted")
                .json("inspect-metadata.json", metadata)
                .partition(filesystem, 2, Arch::Amd64, &[0x5a; 9000])
                .build(),
        );
        assert!(content.notes[0].contains(word), "{:?}", content.notes);
        assert_eq!(content.labels["a"], "b");
        assert_eq!(
            (content.recipe.as_deref(), content.runscript.as_deref()),
            (Some("d"), Some("r"))
        );
        assert_eq!(content.environment.len(), 1);
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let mut lzo = images::simg("a", 0);
    lzo[20] = 3;
    assert!(content(&lzo).notes[0].contains("lzo"));
    let none = SifBuilder::new("none").build();
    assert!(content(&none).notes[0].contains("no primary partition"));
    let not = SifBuilder::new("not")
        .primary(Arch::Amd64, &[1; 4096])
        .build();
    assert!(content(&not).notes[0].contains("not readable"));
    let broken = Tree::new(1)
        .container("not json", "r", "r", "e")
        .build(Compressor::Gzip);
    let broken = content(&broken);
    assert!(
        broken.notes[0].contains("labels.json"),
        "{:?}",
        broken.notes
    );
    assert_eq!(broken.recipe.as_deref(), Some("r"));
}

#[test]
fn limits_hold() {
    let large = "x".repeat(5000);
    let tree = Tree::new(1)
        .container("{}", &large, "run", "e")
        .build(Compressor::Gzip);
    let image = image(&tree);
    let defaults = Limits::default();
    let content = image.content(&Limits {
        file: 4999,
        ..defaults
    });
    assert_eq!(
        (content.recipe, content.runscript.as_deref()),
        (None, Some("run"))
    );
    assert!(content.notes[0].contains("/.singularity.d/Singularity is larger than 4999"));
    let content = image.content(&Limits {
        read: 20_000,
        ..defaults
    });
    assert!(
        content.notes[0].contains("reading stopped after 20000 bytes"),
        "{:?}",
        content.notes
    );
    let content = image.content(&Limits {
        time: Duration::ZERO,
        ..defaults
    });
    assert!(content.notes[0].contains("too long"), "{:?}", content.notes);
    let gzipped = self::image(&images::simg_gz("a", 9000));
    let content = gzipped.content(&Limits {
        inflated: 9000,
        ..defaults
    });
    assert!(
        content.notes[0].contains("inflated image is larger"),
        "{:?}",
        content.notes
    );
}

#[test]
fn a_gzip_stream_cut_off_is_named() {
    let whole = images::simg_gz("a", 90_000);
    let cut = content(&whole[..whole.len() / 2]);
    assert!(
        cut.notes[0].contains("could not be read"),
        "{:?}",
        cut.notes
    );
}

#[test]
fn links_are_not_followed() {
    let tree = Tree::new(1)
        .link(".singularity.d/labels.json", "/etc/passwd")
        .link(".singularity.d/env", "/")
        .file("etc/passwd", 0o644, "{\"secret\":\"x\"}");
    let content = content(&tree.build(Compressor::Gzip));
    assert_eq!(content, Content::default());
}

#[test]
fn the_report_has_the_published_shape() {
    let squashfs = images::simg("lab/a:1", 0);
    let report = json(
        &SifBuilder::new("report")
            .recipe("r")
            .primary(Arch::Amd64, &squashfs)
            .signature(1, [0xab; 20], b"pgp")
            .link_group(1)
            .signature(3, [0; 20], b"{}")
            .link(2)
            .name(b"second")
            .build(),
    );
    assert_eq!(report["format"], "sif");
    assert_eq!(report["arch"], "amd64");
    assert!(report.get("digest").is_none() && report.get("chain").is_none());
    let objects = &report["sif"]["objects"];
    assert_eq!(
        objects[1],
        serde_json::json!({
            "id": 2, "type": "FS", "group": 1, "link": null, "offset": 32768,
            "size": squashfs.len(), "name": "",
            "filesystem": "Squashfs", "partition": "*System", "arch": "amd64"
        })
    );
    assert_eq!(
        (&objects[2]["link"], &objects[2]["link_to_group"]),
        (&1.into(), &true.into())
    );
    assert_eq!(
        (&objects[3]["link"], objects[3].get("link_to_group")),
        (&2.into(), None)
    );
    assert_eq!(objects[3]["name"], "second");
    assert_eq!(report["signatures"][0]["fingerprint"], "AB".repeat(20));
    assert_eq!(
        (
            &report["signatures"][1]["kind"],
            &report["signatures"][1]["hash"]
        ),
        (&"dsse".into(), &"SHA-512".into())
    );
    let created = report["sif"]["created"]
        .as_str()
        .expect("a time of the seed");
    assert!(
        created.starts_with("202") && created.ends_with('Z') && created.len() == 20,
        "{created}"
    );
    assert_eq!(json(&images::simg_gz("a", 0))["compression"], "gzip");
    assert!(json(&squashfs).get("sif").is_none());
}

#[test]
fn times_that_say_nothing_are_null() {
    for seconds in [0, -62_135_596_800, i64::MAX, i64::MIN] {
        let mut sif = SifBuilder::new("time").build();
        sreg_tests::sif::patch(
            &mut sif,
            sreg_tests::sif::header::CREATED,
            &seconds.to_le_bytes(),
        );
        assert_eq!(json(&sif)["sif"]["created"], Value::Null, "{seconds}");
    }
}

/// Reads an image that was changed in a few places; it may be refused, and must end soon.
fn survives(mut bytes: Vec<u8>, changes: &[(usize, u8)]) {
    for (at, value) in changes {
        let at = at % bytes.len();
        bytes[at] = *value;
    }
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(&bytes).expect("room for it");
    let start = Instant::now();
    if let Ok(image) = Image::from_file(file) {
        let _ = image.content(&Limits {
            inflated: 1 << 24,
            ..Limits::default()
        });
    }
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "reading took {:?}",
        start.elapsed()
    );
}

#[test]
fn damage_anywhere_ends_in_a_result() {
    // Without compression of metadata to hide behind, every byte of the tables is changed.
    let image = images::simg("a", 0);
    let used = 1000;
    for at in 0..used {
        for value in [0, 0x7f, 0xff] {
            survives(image.clone(), &[(at, value)]);
        }
    }
}

proptest! {
    // An integration test has no source file for proptest to keep failures beside.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_damage_ends_in_a_result(
        compressor in 0usize..4,
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..8),
    ) {
        let compressor = [Compressor::Gzip, Compressor::Xz, Compressor::Zstd, Compressor::Lz4][compressor];
        let script = Seed::new("script").bytes(3000);
        let tree = Tree::new(1).container("{}", "r", "r", "e").file("bin/x", 0o755, script);
        survives(tree.build(compressor), &changes);
    }
}
