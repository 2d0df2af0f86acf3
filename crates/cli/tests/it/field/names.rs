//! Names of files as other programs and people give them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::{Bench, snapshot};

fn texts(value: &Value, key: &str) -> Vec<String> {
    let rows = value.as_array().unwrap().iter();
    rows.map(|row| row[key].as_str().unwrap().to_owned())
        .collect()
}

// spec: CLI-52
#[test]
fn names_with_two_readings_are_listed_with_the_one_that_was_taken() {
    let bench = Bench::new();
    for name in [
        "multiqc_1.9--py_1",
        "samtools_1.19.2--h50ea8bc_0",
        "my_tool",
        "python-3.11",
    ] {
        bench.sif(&format!("{name}.sif"));
    }
    let answer = bench.index();
    assert_eq!(
        bench.ls(),
        [
            "library/multiqc:1.9--py_1 amd64",
            "library/my:tool amd64",
            "library/python-3.11:latest amd64",
            "library/samtools:1.19.2--h50ea8bc_0 amd64",
        ]
    );
    let readings = &answer["readings"];
    assert_eq!(
        texts(readings, "reference"),
        ["library/my:tool", "library/python-3.11:latest"]
    );
    assert_eq!(readings[0]["others"][0], "library/my_tool:latest");
    assert_eq!(readings[1]["others"][0], "library/python:3.11");
    let ran = bench.ok(&["index", "images", "--out", "public"]);
    let says = "note: images/python-3.11.sif is published as library/python-3.11:latest; did you mean library/python:3.11?\n";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    assert!(!ran.stderr.contains("multiqc"), "{}", ran.stderr);
}

// spec: CLI-52
#[test]
fn a_dry_run_prints_the_reference_of_each_path() {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    bench.sif("my_tool.sif");
    let ran = bench.ok(&["index", "images", "--out", "public", "--dry-run"]);
    let table = "lab/tool/1.0.sif  lab/tool:1.0 (amd64)\nmy_tool.sif       library/my:tool (amd64)  or library/my_tool:latest\n";
    assert!(ran.stdout.starts_with(table), "{}", ran.stdout);
    assert!(!bench.public().exists());
    let answer = bench.index_with(&["--dry-run"]);
    assert_eq!(
        texts(&answer["names"], "reference"),
        ["lab/tool:1.0", "library/my:tool"]
    );
}

// spec: CLI-54
#[test]
fn a_map_and_patterns_give_references() {
    let bench = Bench::new();
    for name in [
        "my_tool.sif",
        "a b",
        "python-3.11.sif",
        "skip_1.sif",
        "lab/x_1.sif",
    ] {
        bench.sif(name);
    }
    let map = "my_tool.sif lab/my_tool:2\na b lab/ab:1\nskip_1.sif -\n";
    fs::write(bench.path("names"), map).unwrap();
    fs::write(
        bench.path("sreg.toml"),
        "[index]\nnames = ['{name}-{version}']\n",
    )
    .unwrap();
    let answer = bench.index_with(&["--map", "names"]);
    assert_eq!(answer["readings"].as_array().unwrap().len(), 0);
    let published = [
        "lab/ab:1 amd64",
        "lab/my_tool:2 amd64",
        "lab/x:1 amd64",
        "library/python:3.11 amd64",
    ];
    assert_eq!(bench.ls(), published);
    // A wrong map is refused before anything is hashed.
    for (map, code, word) in [
        ("my_tool.sif lab", 2, "name-map"),
        ("my_tool.sif lab/x:1\nmy_tool.sif lab/y:1", 2, "name-map"),
        ("my_tool.sif", 2, "name-map"),
        ("absent.sif lab/x:2", 4, "missing-file"),
    ] {
        fs::write(bench.path("names"), map).unwrap();
        bench.index_fails(code, word, &["--map", "names"]);
    }
    bench.index_fails(4, "missing-file", &["--map", "none"]);
    fs::write(bench.path("sreg.toml"), "[index]\nnames = ['{no}']\n").unwrap();
    bench.index_fails(2, "config", &[]);
}

// spec: CLI-53
#[test]
fn the_folders_of_other_programs_are_recognized() {
    for (layout, file, reference) in [
        (
            "nextflow",
            "depot.galaxyproject.org-singularity-fastqc-0.12.1--hdfd78af_0.img",
            "biocontainers/fastqc:0.12.1--hdfd78af_0 amd64",
        ),
        (
            "galaxy",
            "bbmap:38.87--h1296035_0",
            "biocontainers/bbmap:38.87--h1296035_0 amd64",
        ),
        (
            "shpc",
            "quay.io/biocontainers/samtools/1.15--h3_0/quay.io-x.sif",
            "biocontainers/samtools:1.15--h3_0 amd64",
        ),
    ] {
        let bench = Bench::new();
        bench.sif(file);
        bench.index_with(&["--layout", layout]);
        assert_eq!(bench.ls(), [reference]);
    }
    let bench = Bench::new();
    bench.sif("tool_1.sif");
    let ran = bench.index_fails(6, "malformed-reference", &["--layout", "nextflow"]);
    assert!(
        ran.stderr.contains("in the nextflow layout"),
        "{}",
        ran.stderr
    );
}

// spec: CLI-55
#[test]
fn what_has_no_reference_is_refused_with_a_name_that_has_one() {
    for (file, proposed) in [
        ("tool:1.0.sif", "tool_1.0.sif"),
        ("My Tool v2.sif", "My-Tool_v2.sif"),
        ("tool_1.0+cu11.sif", "tool_1.0-cu11.sif"),
        ("quay.io/bio/samtools/1.15/x_1.sif", "1.15/x_1.sif"),
        ("lab/tool/1.0+x.sif", "lab/tool_1.0-x.sif"),
    ] {
        let bench = Bench::new();
        bench.sif(file);
        let ran = bench.run(&["index", "images", "--out", "public"]);
        assert_eq!(ran.code, 6, "{}", ran.stderr);
        let says = format!("rename it to {proposed}, or set its reference with --map");
        assert!(ran.stderr.contains(&says), "{}", ran.stderr);
        // And that name is taken.
        let bench = Bench::new();
        bench.sif(proposed);
        bench.index();
    }
    let bench = Bench::new();
    bench.sif("TOOL_1.0.SIF");
    bench.index();
    assert_eq!(bench.ls(), ["library/TOOL:1.0 amd64"]);
}

// spec: CLI-55
#[test]
fn an_image_under_another_name_is_listed_and_nothing_else_is() {
    let bench = Bench::new();
    bench.sif("good_1.sif");
    bench.sif("bbmap:38.87--h1296035_0");
    bench.sif("deep/tool_1.sqsh");
    bench.sif("tool_2.sif.part");
    bench.sif(".hidden_1.sqsh");
    bench.write("README.md", b"# Images\n");
    bench.write("data.tar.gz", &[0x1f, 0x8b, 8, 0]);
    bench.write("empty", b"");
    let ran = bench.run(&["index", "images", "--out", "public", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let skipped = &ran.json()["skipped"];
    assert_eq!(texts(skipped, "code"), ["unnamed-image", "unnamed-image"]);
    assert_eq!(
        texts(skipped, "path"),
        ["images/bbmap:38.87--h1296035_0", "images/deep/tool_1.sqsh"]
    );
    let says = "warning[unnamed-image]: images/bbmap:38.87--h1296035_0: an image without an image's ending: rename it to bbmap_38.87--h1296035_0.sif, or set its reference with --map; for a folder of Galaxy, add --layout galaxy\n";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
    // Blobs of a registry are images under other names, and no news.
    fs::create_dir(bench.path("more")).unwrap();
    fs::rename(bench.public(), bench.images().join("old")).unwrap();
    fs::remove_dir_all(bench.images().join("old/library")).unwrap();
    let answer = bench.index();
    assert_eq!(answer["skipped"].as_array().unwrap().len(), 2, "{answer}");
    // Where there is no other image, that is said with it.
    let bench = Bench::new();
    bench.sif("bbmap:38.87");
    let ran = bench.index_fails(4, "no-images", &[]);
    assert!(ran.stderr.contains("bbmap_38.87.sif"), "{}", ran.stderr);
    assert!(snapshot(&bench.public()).is_empty());
}

// spec: CLI-55
#[test]
fn folders_of_the_file_system_are_not_searched() {
    let bench = Bench::new();
    bench.sif("good_1.sif");
    for name in [
        "lost+found",
        "deep/lost+found",
        "System Volume Information",
        "$RECYCLE.BIN",
    ] {
        let folder = bench.images().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let answer = bench.index();
    assert_eq!(texts(&answer["skipped"], "code"), ["not-searched"; 4]);
    assert_eq!(bench.ls(), ["library/good:1 amd64"]);
}

// spec: CLI-52
#[test]
fn what_pull_writes_is_read_back_or_pull_says_so() {
    let bench = Bench::new();
    let map = "a lab/multiqc:1.9--py_1\nb lab/my:tool\nc lab/tool:1.0.arm64\nd lab/x_2:1.0\n";
    for name in ["a", "b", "c", "d"] {
        bench.sif(name);
    }
    fs::write(bench.path("names"), map).unwrap();
    bench.index_with(&["--map", "names"]);
    for (reference, says) in [
        ("lab/multiqc:1.9--py_1", None),
        ("lab/my:tool", Some("lab/my:tool or lab/my_tool:latest")),
        ("lab/tool:1.0.arm64", Some("lab/tool:1.0 for arm64")),
        ("lab/x_2:1.0", Some("lab/x:2_1.0")),
    ] {
        let target = format!("public//{reference}");
        let ran = bench.ok(&["pull", &target, "--arch", "amd64"]);
        assert_eq!(
            ran.stderr.contains("choose another with -o"),
            says.is_some(),
            "{}",
            ran.stderr
        );
        if let Some(says) = says {
            assert!(ran.stderr.contains(says), "{}", ran.stderr);
        }
        let ran = bench.ok(&[
            "pull",
            &target,
            "--arch",
            "amd64",
            "-o",
            "named.sif",
            "--force",
        ]);
        assert!(!ran.stderr.contains("choose another"), "{}", ran.stderr);
    }
}
