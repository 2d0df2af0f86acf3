//! Somebody takes away and overwrites what is derived in a bucket: `sreg repair` writes it anew.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use sreg_model::layout::Place;
use sreg_model::{Arch, Digest};
use sreg_tests::images;

use super::bucket::{Bucket, ROOT, copy};
use crate::support::snapshot;

/// A registry of two images whose bucket has copies in the place of links.
const COPIES: &str = "s3://registry/copies";

/// Its copy of the second one.
const COPY: &str = "library/v1/imagefile/lab/tool:1.1";

fn bucket() -> (Bucket, [String; 2]) {
    let bucket = Bucket::new();
    let images = ["lab/tool/1.0", "lab/tool/1.1"].map(|name| bucket.image(name, 20_000));
    publish(&bucket);
    assert_eq!(bucket.faults_of(COPIES), Vec::<String>::new());
    (bucket, images)
}

/// Publishes exactly the images that there are.
fn publish(bucket: &Bucket) {
    let folder = bucket.bench.path("images");
    let folder = folder.to_str().unwrap();
    bucket.calm(&[
        "index", folder, "--out", "public", "--host", "s3", "--prune",
    ]);
    bucket.calm(&["mirror", "public", COPIES]);
}

/// An image of `lab/tool`, and where it stands.
fn blob(image: &str) -> (Vec<u8>, String) {
    let image = fs::read(image).unwrap();
    let place = format!("v2/lab/tool/blobs/{}", Digest::of(&image));
    (image, place)
}

/// Once the second image is sent again, a repair has it copied.
fn is_copied_once_pushed_again(bucket: &Bucket, image: &str) {
    bucket.calm(&["push", image, &format!("{COPIES}//lab/tool:1.1")]);
    let mended = BTreeSet::from([COPY.to_owned()]);
    assert_eq!(repaired(bucket, 0), (mended, Vec::new()));
    assert_eq!(bucket.faults_of(COPIES), Vec::<String>::new());
}

/// What a repair says of its faults: the paths of those that are gone, and the codes of those that are left.
fn repaired(bucket: &Bucket, code: i32) -> (BTreeSet<String>, Vec<String>) {
    let ran = bucket.run(&["repair", COPIES, "--format", "json"]);
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    let answer: Value = ran.json();
    let of = |field: &str, what: &str| {
        let faults = answer[field].as_array().unwrap().clone();
        let texts = faults.into_iter();
        texts
            .map(move |fault| fault[what].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mended = of("mended", "path").into_iter().collect();
    (mended, of("faults", "code"))
}

// spec: CLI-35
#[test]
fn what_is_derived_is_written_anew() {
    let (bucket, _) = bucket();
    let objects = bucket.server.objects().join("copies");
    let manifest = fs::read(objects.join("v2/lab/tool/manifests/1.0")).unwrap();
    let head = fs::read(objects.join("head")).unwrap();
    let gone = ["v2/lab/tool/tags/list", "library/v1/images/lab/tool:1.1"];
    let other = [
        "v2/lab/tool/manifests/1.0",
        "library/v1/imagefile/lab/tool:1.0",
    ];
    for path in gone {
        bucket.delete(&format!("../copies/{path}"));
    }
    for path in other {
        bucket.put(&format!("../copies/{path}"), b"{}\n");
    }
    let found: BTreeSet<String> = bucket.faults_of(COPIES).into_iter().collect();
    let (mended, left) = repaired(&bucket, 0);
    assert_eq!(left, Vec::<String>::new());
    let broken = gone.into_iter().chain(other).map(str::to_owned);
    assert_eq!(mended, broken.collect(), "{found:?}");
    assert_eq!(bucket.faults_of(COPIES), Vec::<String>::new());
    assert_eq!(
        fs::read(objects.join("v2/lab/tool/manifests/1.0")).unwrap(),
        manifest
    );
    assert_eq!(repaired(&bucket, 0), (BTreeSet::new(), Vec::new()));

    // Without a head, nothing else can be looked at before it is there again.
    bucket.put("../copies/head", b"{}\n");
    bucket.delete("../copies/v2/lab/tool/manifests/1.1");
    assert_eq!(
        repaired(&bucket, 0),
        (BTreeSet::from(["head".to_owned()]), Vec::new())
    );
    assert_eq!(fs::read(objects.join("head")).unwrap(), head);
    assert_eq!(bucket.faults_of(COPIES), Vec::<String>::new());
}

// spec: CLI-35
#[test]
fn what_cannot_be_derived_keeps_nothing_else_from_being_mended() {
    let (bucket, images) = bucket();
    let (_, blob) = blob(&images[1]);
    let view = "v2/lab/tool/manifests/1.0";
    for path in [&blob, COPY, view] {
        bucket.delete(&format!("../copies/{path}"));
    }
    let (mended, left) = repaired(&bucket, 4);
    assert_eq!(mended, BTreeSet::from([view.to_owned()]));
    assert_eq!(left, ["missing-view", "missing-blob"]);
    is_copied_once_pushed_again(&bucket, &images[1]);
}

/// A writer that was killed after its commit has left what only the version before it had.
// spec: CLI-35
#[test]
fn what_a_killed_run_was_to_remove_is_removed() {
    let (bucket, images) = bucket();
    let other = images::sif("for another machine", Arch::Arm64, 20_000);
    bucket.bench.write("lab/tool/1.1.arm64.sif", &other);
    publish(&bucket);
    let objects = bucket.server.objects().join("copies");
    let former = bucket.bench.path("former");
    copy(&objects, &former);
    fs::remove_file(bucket.bench.path("images/lab/tool/1.1.arm64.sif")).unwrap();
    fs::remove_file(&images[0]).unwrap();
    publish(&bucket);
    let mut left = Vec::new();
    for (path, _) in snapshot(&former) {
        let is_view = Place::parse(&path).is_some_and(|place| place.kind().is_view());
        if is_view && !objects.join(&path).exists() {
            copy(&former.join(&path), &objects.join(&path));
            left.push(objects.join(&path));
        }
    }
    assert!(
        left.iter()
            .any(|path| path.ends_with("arm64/v1/imagefile/lab/tool:1.1"))
    );
    assert!(
        left.iter()
            .any(|path| path.ends_with("v2/lab/tool/manifests/1.0"))
    );
    for journal in ["with the note of its run", "with another"] {
        if journal == "with the note of its run" {
            copy(
                &former.join("staging/journal"),
                &objects.join("staging/journal"),
            );
        }
        for path in &left {
            let former = former.join(path.strip_prefix(&objects).unwrap());
            copy(&former, path);
        }
        repaired(&bucket, 0);
        let found: Vec<_> = left.iter().filter(|path| path.exists()).collect();
        assert!(found.is_empty(), "{journal}: {found:?}");
    }
    assert_eq!(bucket.faults_of(COPIES), Vec::<String>::new());
}

/// A copy is made of an image that is as long as stated, and made again where it is not.
// spec: CLI-35
#[test]
fn a_copy_is_not_made_of_an_image_that_is_cut_off() {
    let (bucket, images) = bucket();
    let (image, blob) = blob(&images[1]);
    bucket.put(&format!("../copies/{blob}"), &image[..1000]);
    bucket.delete(&format!("../copies/{COPY}"));
    let (mended, left) = repaired(&bucket, 6);
    assert_eq!(mended, BTreeSet::new());
    assert!(left.contains(&"missing-view".to_owned()), "{left:?}");
    is_copied_once_pushed_again(&bucket, &images[1]);
}

/// Views are not brought back to what the registry was: who knows it refuses.
// spec: CLI-35
#[test]
fn an_older_version_than_is_known_is_not_shown_again() {
    let bucket = Bucket::signed(1);
    let image = bucket.image("one", 20_000);
    let publish = |tag: &str| {
        let target = format!("{ROOT}//lab/tool:{tag}");
        bucket.calm(&["push", &image, &target, "--key", "key-1"]);
    };
    publish("1.0");
    let objects = bucket.server.objects().join("reg");
    let head = fs::read(objects.join("head")).unwrap();
    let former = bucket.bench.path("former");
    copy(&objects, &former);
    publish("1.1");
    bucket.put("head", &head);
    bucket.delete("heads/1/3");
    let before = snapshot(&objects);
    let ran = bucket.run(&["repair", ROOT]);
    assert_eq!(ran.code, 7, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("error[rolled-back]"), "{}", ran.stderr);
    assert_eq!(snapshot(&objects), before);

    // Also where views are those of that version, and nothing else is wrong.
    fs::remove_dir_all(&objects).unwrap();
    copy(&former, &objects);
    let ran = bucket.run(&["repair", ROOT]);
    assert_eq!(ran.code, 7, "{}{}", ran.stdout, ran.stderr);
}
