//! What is found inside images. What hostile ones do is tested by way of the command, in
//! `crates/cli/tests/it/inspect.rs`.

use std::io::Write as _;

use backhand::compression::Compressor;
use serde_json::{Value, json};
use sreg_image::{Content, Image, Limits, Report};
use sreg_model::Arch;
use sreg_tests::images::{self, ENVIRONMENT};
use sreg_tests::sif::SifBuilder;
use sreg_tests::squashfs::Registry;

fn image(bytes: &[u8]) -> Image {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    Image::from_file(file).expect("an image")
}

fn content(bytes: &[u8]) -> Content {
    image(bytes).content_in_process(&Limits::default(), &std::env::temp_dir())
}

fn json(bytes: &[u8]) -> Value {
    let image = image(bytes);
    let content = image.content_in_process(&Limits::default(), &std::env::temp_dir());
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
        assert_eq!(content.environment.len(), 1);
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
        let mut tree =
            Registry::new(1).container("{\"a\":\"b\"}", "recipe", &runscript, "export A=1");
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
    let bare = Registry::new(1)
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

    let full = Registry::new(1)
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
        "helpfile":"h","test":"t","startscript":"s","apps":{"x":{"runscript":"rx","helpfile":"hx"}},
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
        let texts = [&content.help, &content.test, &content.startscript];
        assert_eq!(texts.map(|text| text.as_deref()), ["h", "t", "s"].map(Some));
        let app = &content.apps["x"];
        let texts = [&app.runscript, &app.help].map(|text| text.as_deref());
        assert_eq!(texts, ["rx", "hx"].map(Some));
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
    let broken = Registry::new(1)
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
    let tree = Registry::new(1)
        .container("{}", &"x".repeat(5000), "run", "e")
        .build(Compressor::Gzip);
    let defaults = Limits::default();
    let within =
        |bytes: &[u8], limits| image(bytes).content_in_process(&limits, &std::env::temp_dir());
    // The recipe alone is too large; what is read before and behind it is not.
    let content = within(
        &tree,
        Limits {
            text: 4999,
            ..defaults
        },
    );
    assert_eq!(
        (content.recipe, content.runscript.as_deref()),
        (None, Some("run"))
    );
    assert_eq!(content.notes.len(), 1, "{:?}", content.notes);
    assert!(content.notes[0].starts_with("/.singularity.d/Singularity was left out"));
    let cases = [
        (
            Limits {
                inodes: 5,
                ..defaults
            },
            "inodes, expected at most 5",
        ),
        (
            Limits {
                tables: 99,
                ..defaults
            },
            "bytes, expected at most 99",
        ),
    ];
    for (limits, note) in cases {
        let content = within(&tree, limits);
        assert!(content.notes[0].contains(note), "{:?}", content.notes);
    }
    let limits = Limits {
        inflated: 9000,
        ..defaults
    };
    let content = within(&images::simg_gz("a", 9000), limits);
    assert!(
        content.notes[0].contains("inflated image has more than"),
        "{:?}",
        content.notes
    );
}

#[test]
fn what_apptainer_inspect_all_shows_is_shown() {
    let mut tree = Registry::new(1).container("{}", "r", "run", "own");
    for (path, text) in [
        ("env/10-docker2singularity.sh", "docker"),
        ("env/91-environment.sh", "own too"),
        ("env/94-appsbase.sh", "apptainer's"),
        ("env/95-apps.sh", "apptainer's"),
        ("env/99-base.sh", "apptainer's"),
        ("env/99-runtimevars.sh", "apptainer's"),
        ("runscript.help", "help"),
        ("startscript", "start"),
        ("test", "test"),
        ("actions/exec", "apptainer's"),
    ] {
        tree = tree.file(&format!(".singularity.d/{path}"), 0o755, text);
    }
    for (path, text) in [
        ("one/scif/labels.json", "{\"a\":\"b\"}"),
        ("one/scif/runscript", "one"),
        ("one/scif/runscript.help", "help of one"),
        ("one/scif/test", "test of one"),
        ("one/scif/env/90-environment.sh", "of one"),
        ("one/scif/env/01-base.sh", "apptainer's"),
        ("one/bin/tool", "x"),
        ("two/scif/runscript", "two"),
        ("none/bin/tool", "x"),
    ] {
        tree = tree.file(&format!("scif/apps/{path}"), 0o755, text);
    }
    let content = content(&tree.build(Compressor::Gzip));
    assert_eq!(content.notes, Vec::<String>::new());
    let said = serde_json::to_value(&content).unwrap();
    assert_eq!(
        said["environment"],
        json!({
            "/.singularity.d/env/10-docker2singularity.sh": "docker",
            "/.singularity.d/env/90-environment.sh": "own",
            "/.singularity.d/env/91-environment.sh": "own too",
        })
    );
    assert_eq!(
        (
            &said["help"],
            &said["test"],
            &said["startscript"],
            &said["runscript"]
        ),
        (
            &json!("help"),
            &json!("test"),
            &json!("start"),
            &json!("run")
        )
    );
    assert_eq!(
        said["apps"],
        json!({
            "one": {
                "labels": {"a": "b"},
                "runscript": "one",
                "help": "help of one",
                "test": "test of one",
                "environment": {"/scif/apps/one/scif/env/90-environment.sh": "of one"},
            },
            "two": {"labels": {}, "runscript": "two", "help": null, "test": null, "environment": {}},
        })
    );
}

#[test]
fn at_most_64_apps_are_read() {
    let mut tree = Registry::new(1).container("{}", "r", "run", "e");
    for number in 0..70 {
        tree = tree.file(&format!("scif/apps/{number}/scif/runscript"), 0o755, "x");
    }
    let content = content(&tree.build(Compressor::Gzip));
    assert_eq!(content.apps.len(), 64);
    assert_eq!(content.notes, ["the image has 70 apps; 64 were read"]);
}

#[test]
fn at_most_64_scripts_are_read() {
    let mut tree = Registry::new(1).container("{\"a\":\"b\"}", "r", "run", "e");
    for number in 1..71 {
        let path = format!(".singularity.d/env/9{number}-environment.sh");
        tree = tree.file(&path, 0o644, "x");
    }
    let content = content(&tree.build(Compressor::Gzip));
    assert_eq!(content.environment.len(), 64);
    assert!(content.notes[0].contains("has 71 files; 64 were read"));
    assert_eq!(content.runscript.as_deref(), Some("run"));
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
    let tree = Registry::new(1)
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
        (&2.into(), Some(&false.into()))
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
