//! `sreg index` on folders of images: names, architectures, views, the cache, changes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde_json::Value;
use sreg_model::{Arch, Digest};
use sreg_tests::images;

use crate::support::Bench;

#[test]
fn every_layout_of_a_folder_gives_references() {
    let bench = Bench::new();
    for name in [
        "lab/tool/1.0.sif",
        "lab/other_2.0.sif",
        "lab/plain.sif",
        "lab/seeded/manifests/3.0/built.sif",
        "flat_4.0.sif",
        "Upper/Case_X.sif",
    ] {
        bench.sif(name);
    }
    bench.write("old_1.simg", &images::simg("old", 10));
    bench.write("old_2.img", &images::simg_with_shebang("old2", 10));
    bench.write("old_3.simg.gz", &images::simg_gz("old3", 10));
    bench.write("lab/README.md", b"not an image");
    bench.write("lab/.hidden.sif", b"not an image");
    let answer = bench.index();
    assert_eq!(answer["images"], 9);
    assert_eq!(answer["hashed"], 9);
    assert_eq!(
        bench.ls(),
        [
            "Upper/Case:X amd64",
            "lab/other:2.0 amd64",
            "lab/plain:latest amd64",
            "lab/seeded:3.0 amd64",
            "lab/tool:1.0 amd64",
            "library/flat:4.0 amd64",
            "library/old:1 unknown",
            "library/old:2 unknown",
            "library/old:3 unknown",
        ]
    );
    bench.is_whole();
}

// spec: API-1 API-2 API-7 API-8
#[test]
fn the_seeds_endpoints_are_right_where_the_seeds_were_not() {
    let bench = Bench::new();
    let image = bench.sif("lab/tool/1.0.sif");
    // `a/b` must not list the tags of `xa/b`, and a stray file is no tag.
    bench.sif("xlab/tool/9.9.sif");
    bench.write("lab/tool/manifests/README.md", b"stray");
    bench.index_with(&["--base-url", "https://example.org/registry/"]);
    assert_eq!(
        bench.read("lab/tool/tags/index.html"),
        "{\"name\":\"lab/tool\",\"tags\":[\"1.0\"]}\n"
    );
    let manifest: Value =
        serde_json::from_str(&bench.read("lab/tool/manifests/1.0/index.html")).unwrap();
    let bytes = fs::read(&image).unwrap();
    let (digest, layer) = (Digest::of(&bytes).to_string(), &manifest["layers"][0]);
    assert_eq!(layer["size"], bytes.len());
    assert_eq!(layer["digest"], digest);
    assert_eq!(
        layer["urls"][0],
        format!("https://example.org/registry/v2/lab/tool/blobs/{digest}")
    );
    // The config is a descriptor of its own, of bytes that are there.
    let config = &manifest["config"];
    assert_eq!(config["size"], 2);
    assert_ne!(config["digest"], layer["digest"]);
    assert_eq!(
        bench.read(&format!(
            "v2/lab/tool/blobs/{}",
            config["digest"].as_str().unwrap()
        )),
        "{}"
    );
    assert_eq!(
        fs::read(bench.public().join(format!("v2/lab/tool/blobs/{digest}"))).unwrap(),
        bytes
    );
}

// spec: API-4
#[test]
fn several_architectures_stand_under_one_tag() {
    let bench = Bench::new();
    bench.write(
        "lab/tool/1.0.arm64.sif",
        &images::sif("arm", Arch::Arm64, 10),
    );
    bench.write("lab/tool/1.0.sif", &images::sif("amd", Arch::Amd64, 10));
    bench.write(
        "lab/tool/1.0.riscv64.sif",
        &images::sif("riscv", Arch::Riscv64, 10),
    );
    bench.index();
    assert_eq!(
        bench.ls(),
        [
            "lab/tool:1.0 amd64",
            "lab/tool:1.0 arm64",
            "lab/tool:1.0 riscv64"
        ]
    );
    let shown = |bench: &Bench| {
        let manifest: Value =
            serde_json::from_str(&bench.read("lab/tool/manifests/1.0/index.html")).unwrap();
        manifest["layers"][0]["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        shown(&bench),
        Digest::of(&images::sif("amd", Arch::Amd64, 10)).to_string()
    );
    // Without amd64 it is the first by name.
    fs::remove_file(bench.images().join("lab/tool/1.0.sif")).unwrap();
    assert_eq!(
        bench.index()["removed"],
        serde_json::json!(["lab/tool:1.0 (amd64)"])
    );
    assert_eq!(
        shown(&bench),
        Digest::of(&images::sif("arm", Arch::Arm64, 10)).to_string()
    );
    bench.is_whole();
}

#[test]
fn unchanged_images_are_not_read_again() {
    let bench = Bench::new();
    for number in 0..20 {
        bench.sif(&format!("lab/tool_{number}.sif"));
    }
    let first = bench.index();
    assert_eq!(
        (
            first["hashed"].as_u64(),
            first["reused"].as_u64(),
            first["version"].as_u64()
        ),
        (Some(20), Some(0), Some(1))
    );
    let second = bench.index();
    assert_eq!(
        (
            second["hashed"].as_u64(),
            second["reused"].as_u64(),
            second["version"].as_u64()
        ),
        (Some(0), Some(20), Some(1))
    );
    assert_eq!(second["root"], first["root"]);
    assert_eq!(bench.index_with(&["--no-cache"])["hashed"], 20);
    // The same size, and a new content.
    let path = bench.images().join("lab/tool_7.sif");
    let mut bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let third = bench.index();
    assert_eq!(
        (third["hashed"].as_u64(), third["version"].as_u64()),
        (Some(1), Some(2))
    );
    bench.is_whole();
}

/// A file that is written in the same tick in which it was hashed has the times that the cache
/// would remember: such an entry must not be kept.
#[test]
fn a_file_that_was_just_written_is_not_trusted_by_its_times() {
    let bench = Bench::new();
    let path = bench.sif("lab/tool_1.sif");
    let whole_second = fs::FileTimes::new().set_modified(std::time::SystemTime::now());
    for round in 0..5u8 {
        let mut bytes = images::sif("round", Arch::Amd64, 100);
        *bytes.last_mut().unwrap() = round;
        // In place: the inode and the size stay.
        fs::write(&path, &bytes).unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_times(whole_second)
            .unwrap();
        bench.index_with(&["--link", "copy"]);
        let rows = bench.run(&["ls", "public", "--format", "json"]).json();
        assert_eq!(
            rows[0]["digest"],
            Digest::of(&bytes).to_string(),
            "round {round}"
        );
    }
}

// spec: API-5 API-6
#[test]
fn a_reference_that_left_the_folder_is_removed_and_can_come_back() {
    let bench = Bench::new();
    let gone = bench.sif("lab/gone_1.sif");
    bench.sif("lab/tool_1.sif");
    let first = bench.index();
    let bytes = fs::read(&gone).unwrap();
    fs::remove_file(&gone).unwrap();
    assert_eq!(
        bench.index()["removed"],
        serde_json::json!(["lab/gone:1 (amd64)"])
    );
    assert_eq!(bench.ls(), ["lab/tool:1 amd64"]);
    assert!(!bench.public().join("lab/gone").exists());
    bench.is_whole();
    fs::write(&gone, bytes).unwrap();
    let third = bench.index();
    assert_eq!(third["version"], 3);
    // Removal and return are stated, so the index is another one.
    assert_ne!(third["root"], first["root"]);
    assert_eq!(bench.ls().len(), 2);
    bench.is_whole();
}

#[test]
fn what_came_from_elsewhere_stays_unless_pruned() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index();
    fs::create_dir(bench.path("more")).unwrap();
    fs::rename(bench.images().join("lab"), bench.path("more/lab2")).unwrap();
    let ran = bench.run(&["index", "more", "--out", "public", "--format", "json"]);
    assert_eq!(
        ran.json()["kept"],
        serde_json::json!(["lab/tool:1 (amd64)"])
    );
    assert_eq!(bench.ls(), ["lab/tool:1 amd64", "lab2/tool:1 amd64"]);
    let ran = bench.run(&[
        "index", "more", "--out", "public", "--prune", "--format", "json",
    ]);
    assert_eq!(
        ran.json()["removed"],
        serde_json::json!(["lab/tool:1 (amd64)"])
    );
    assert_eq!(bench.ls(), ["lab2/tool:1 amd64"]);
    bench.is_whole();
}

#[test]
fn a_moved_tag_moves_its_views_and_keeps_the_old_bytes() {
    let bench = Bench::new();
    let path = bench.sif("lab/tool_1.sif");
    bench.index();
    let old = Digest::of(&fs::read(&path).unwrap());
    fs::remove_file(&path).unwrap();
    fs::write(&path, images::sif("new", Arch::Amd64, 500)).unwrap();
    assert_eq!(bench.index()["version"], 2);
    assert!(
        bench
            .public()
            .join(format!("v2/lab/tool/blobs/{old}"))
            .exists()
    );
    bench.is_whole();
    let statements = fs::read_dir(bench.public().join("s")).unwrap().count();
    assert_eq!(statements, 2);
}

#[test]
fn links_are_as_asked_for() {
    for (mode, shared) in [("hard", true), ("copy", false)] {
        let bench = Bench::new();
        let path = bench.sif("lab/tool_1.sif");
        bench.index_with(&["--link", mode]);
        let digest = Digest::of(&fs::read(&path).unwrap());
        let blob =
            fs::metadata(bench.public().join(format!("v2/lab/tool/blobs/{digest}"))).unwrap();
        assert_eq!(
            blob.ino() == fs::metadata(&path).unwrap().ino(),
            shared,
            "{mode}"
        );
        // A web server runs as somebody else.
        assert_eq!(blob.mode() & 0o444, 0o444);
        assert_eq!(bench.index_with(&["--link", mode])["hashed"], 0, "{mode}");
    }
}

#[test]
fn the_same_image_in_two_repositories_is_one_file() {
    let bench = Bench::new();
    let path = bench.sif("lab/tool_1.sif");
    fs::create_dir(bench.images().join("lab2")).unwrap();
    fs::copy(&path, bench.images().join("lab2/tool_1.sif")).unwrap();
    fs::hard_link(&path, bench.images().join("lab/tool_2.sif")).unwrap();
    bench.index_with(&["--link", "hard"]);
    let digest = Digest::of(&fs::read(&path).unwrap());
    assert!(
        bench
            .public()
            .join(format!("v2/lab2/tool/blobs/{digest}"))
            .exists()
    );
    bench.is_whole();
    assert_eq!(bench.index()["hashed"], 0);
}

#[test]
fn images_can_live_elsewhere() {
    let bench = Bench::new();
    let path = bench.sif("lab/tool_1.sif");
    bench.index_with(&[
        "--blob-url",
        "https://store.example.org/{namespace}/{name}/{tag}.{ext}",
    ]);
    let manifest: Value =
        serde_json::from_str(&bench.read("lab/tool/manifests/1/index.html")).unwrap();
    assert_eq!(
        manifest["layers"][0]["urls"][0],
        "https://store.example.org/lab/tool/1.sif"
    );
    let digest = Digest::of(&fs::read(path).unwrap());
    assert!(
        !bench
            .public()
            .join(format!("v2/lab/tool/blobs/{digest}"))
            .exists()
    );
    let ran = bench.run(&["verify", "public", "--format", "json"]);
    assert_eq!(
        (ran.code, &ran.json()["checked"]["blobs_elsewhere"]),
        (0, &Value::from(1)),
        "{}",
        ran.stderr
    );
    // The tree remembers, and another URL writes all views anew.
    assert_eq!(bench.index()["version"], 1);
    bench.index_with(&["--blob-url", "https://b.example.org/{hex}"]);
    assert!(
        bench
            .read("lab/tool/manifests/1/index.html")
            .contains(&format!("https://b.example.org/{}", digest.hex()))
    );
    bench.is_whole();
}

#[test]
fn a_dry_run_writes_nothing() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    let ran = bench.run(&["index", "images", "--out", "public", "--dry-run"]);
    assert_eq!(ran.code, 0);
    assert!(!bench.public().exists());
    assert!(ran.stdout.contains("1 image"), "{}", ran.stdout);
}

#[test]
fn both_ways_of_reading_give_the_same_tree() {
    let trees: Vec<String> = ["mmap", "read"]
        .iter()
        .map(|io| {
            let bench = Bench::new();
            bench.write("lab/tool_1.sif", &images::sif("big", Arch::Amd64, 3 << 20));
            let mut command = bench.command(&[
                "index", "images", "--out", "public", "--io", io, "--format", "json",
            ]);
            let ran = crate::support::Ran::of(
                &command
                    .env("SOURCE_DATE_EPOCH", "1790000000")
                    .output()
                    .unwrap(),
            );
            ran.json()["root"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(trees[0], trees[1]);
}

#[test]
fn a_configuration_file_fills_in_what_flags_do_not_say() {
    let bench = Bench::new();
    bench.sif("tool_1.sif");
    fs::write(
        bench.path("sreg.toml"),
        "[index]\nsource = \"images\"\nout = \"public\"\nnamespace = \"lab\"\n",
    )
    .unwrap();
    assert_eq!(bench.run(&["index"]).code, 0);
    assert_eq!(bench.ls(), ["lab/tool:1 amd64"]);
    fs::write(bench.path("sreg.toml"), "yes = true\n").unwrap();
    let ran = bench.run(&["index"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("error[config]") && ran.stderr.contains("sreg.toml"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_tree_that_is_written_meanwhile_is_not_called_broken() {
    let bench = Bench::new();
    for number in 0..30 {
        bench.sif(&format!("lab/tool_{number}.sif"));
    }
    bench.index();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..4 {
                let path = bench.sif(&format!("lab/more_{round}.sif"));
                bench.index();
                fs::remove_file(path).unwrap();
                bench.index();
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            bench.is_whole();
        }
    });
    bench.is_whole();
}

// spec: API-6 API-16
#[test]
fn views_for_an_architecture_go_with_its_image() {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    let arm = bench.write(
        "lab/tool/1.0.arm64.sif",
        &sreg_tests::images::sif("arm", Arch::Arm64, 100),
    );
    bench.index();
    let told = bench.public().join("library/arm64/v1/images/lab/tool:1.0");
    let link = bench
        .public()
        .join("library/arm64/v1/imagefile/lab/tool:1.0");
    assert!(told.is_file() && link.is_symlink());
    let tag = bench.read("v2/lab/tool/manifests/1.0");
    assert!(tag.contains("image.index.v1"), "{tag}");
    fs::remove_file(arm).unwrap();
    bench.index();
    assert!(!told.exists() && !link.is_symlink());
    assert!(!bench.public().join("library/arm64").exists());
    let tag = bench.read("v2/lab/tool/manifests/1.0");
    assert!(tag.contains("image.manifest.v1"), "{tag}");
    bench.is_whole();
}
