//! Published images that share their bytes with the source, by hard links.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sreg_model::{Arch, Digest};
use sreg_tests::images;
use sreg_tests::sif::SifBuilder;

use crate::support::Bench;

/// The file under which an image with these bytes is published.
fn published(bench: &Bench, repository: &str, bytes: &[u8]) -> PathBuf {
    let name = format!("v2/{repository}/blobs/{}", Digest::of(bytes));
    bench.public().join(name)
}

fn hard(bench: &Bench) {
    bench.index_with(&["--link", "hard"]);
}

/// Writes into a file without making another.
fn overwrite(path: &Path, bytes: &[u8]) {
    let mut file = fs::File::options().write(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}

#[test]
fn an_image_that_is_replaced_in_place_leaves_no_damaged_copy() {
    let bench = Bench::new();
    let path = bench.sif("lab/tool_1.sif");
    let old = fs::read(&path).unwrap();
    hard(&bench);
    assert_eq!(
        fs::metadata(&path).unwrap().ino(),
        fs::metadata(published(&bench, "lab/tool", &old))
            .unwrap()
            .ino()
    );
    let new = images::sif("new", Arch::Amd64, 500);
    overwrite(&path, &new);
    let ran = bench.ok(&["index", "images", "--out", "public", "--link", "hard"]);
    assert!(ran.stderr.contains("changed in place"), "{}", ran.stderr);
    assert!(!published(&bench, "lab/tool", &old).exists());
    assert_eq!(fs::read(published(&bench, "lab/tool", &new)).unwrap(), new);
    bench.is_whole();
    // The same size, as an overlay that was written into.
    let mut same_size = new.clone();
    *same_size.last_mut().unwrap() ^= 1;
    overwrite(&path, &same_size);
    hard(&bench);
    bench.is_whole();
}

#[test]
fn bytes_that_another_file_still_has_are_published_again() {
    let bench = Bench::new();
    let path = bench.sif("lab/tool_1.sif");
    let old = fs::read(&path).unwrap();
    hard(&bench);
    // Another tag has the bytes that the first had.
    bench.write("lab/tool_2.sif", &old);
    overwrite(&path, &images::sif("new", Arch::Amd64, 500));
    hard(&bench);
    assert_eq!(fs::read(published(&bench, "lab/tool", &old)).unwrap(), old);
    bench.is_whole();
}

#[test]
fn an_image_that_is_pushed_again_after_it_was_changed_in_place() {
    let bench = Bench::new();
    bench.index_with(&["--prune"]);
    let path = bench.sif("../tool.sif");
    let old = fs::read(&path).unwrap();
    let push = ["push", path.to_str().unwrap(), "public//lab/tool:1"];
    bench.ok(&push);
    let blob = published(&bench, "lab/tool", &old);
    if fs::metadata(&path).unwrap().ino() != fs::metadata(&blob).unwrap().ino() {
        // The file system has reflinks: make what others have.
        fs::remove_file(&blob).unwrap();
        fs::hard_link(&path, &blob).unwrap();
    }
    overwrite(&path, &images::sif("new", Arch::Amd64, 500));
    bench.ok(&push);
    bench.is_whole();
}

#[test]
fn repair_takes_damaged_images_away_that_no_version_names() {
    let bench = Bench::new();
    let path = bench.sif("lab/tool_1.sif");
    let old = fs::read(&path).unwrap();
    bench.index_with(&["--link", "copy"]);
    // The tag moves on; the image before it stays, and is signed where it is published.
    fs::write(&path, images::sif("new", Arch::Amd64, 500)).unwrap();
    bench.index_with(&["--link", "copy"]);
    let blob = published(&bench, "lab/tool", &old);
    let signed = [&old[..], b"a signature"].concat();
    overwrite(&blob, &signed);
    assert_eq!(bench.verify(), (6, vec!["blob-mismatch".to_owned()]));
    let ran = bench.ok(&["repair", "public"]);
    assert!(ran.stderr.contains("staging/damaged-"), "{}", ran.stderr);
    assert!(!blob.exists());
    bench.is_whole();
    // Nothing is lost: whoever signed it there finds it.
    let staging = bench.public().join("staging");
    let kept: Vec<Vec<u8>> = fs::read_dir(staging)
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(kept, [signed]);
    // The next run does not take it away either.
    bench.sif("lab/other_1.sif");
    bench.index();
    assert_eq!(
        fs::read_dir(bench.public().join("staging"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn repair_leaves_damaged_images_that_are_named() {
    let bench = Bench::new();
    let path = bench.sif("lab/tool_1.sif");
    let old = fs::read(&path).unwrap();
    bench.index_with(&["--link", "copy"]);
    let blob = published(&bench, "lab/tool", &old);
    let mut damaged = old.clone();
    *damaged.last_mut().unwrap() ^= 1;
    overwrite(&blob, &damaged);
    bench.run(&["repair", "public"]);
    assert_eq!(fs::read(&blob).unwrap(), damaged);
    let ran = bench.run(&["verify", "public"]);
    assert_eq!(ran.code, 6);
    assert!(ran.stderr.contains("apptainer sign"), "{}", ran.stderr);
}

#[test]
fn an_image_that_runtimes_write_into_is_never_hard_linked() {
    let bench = Bench::new();
    let bytes = SifBuilder::new("overlay")
        .primary(Arch::Amd64, &images::simg("overlay", 10))
        // An overlay on ext3.
        .partition(2, 4, Arch::Amd64, &[0; 4096])
        .build();
    let path = bench.write("lab/tool_1.sif", &bytes);
    for how in ["auto", "hard"] {
        let _ = fs::remove_dir_all(bench.public());
        bench.index_with(&["--link", how]);
        let blob = published(&bench, "lab/tool", &bytes);
        assert_eq!(fs::metadata(&blob).unwrap().nlink(), 1, "{how}");
        let written = fs::metadata(&path).unwrap().ino();
        assert_ne!(fs::metadata(&blob).unwrap().ino(), written, "{how}");
    }
}
