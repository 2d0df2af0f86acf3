//! Somebody takes away and overwrites what is derived in a bucket: `sreg repair` writes it anew.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::bucket::{Bucket, ROOT};
use crate::support::snapshot;

/// A registry of two images whose bucket has copies in the place of links.
const COPIES: &str = "s3://registry/copies";

fn bucket() -> (Bucket, [String; 2]) {
    let bucket = Bucket::new();
    let images = ["lab/tool/1.0", "lab/tool/1.1"].map(|name| bucket.image(name, 20_000));
    let folder = bucket.bench.path("images");
    let folder = folder.to_str().unwrap();
    bucket.calm(&["index", folder, "--out", "public", "--host", "s3"]);
    bucket.calm(&["mirror", "public", COPIES]);
    assert_eq!(bucket.faults_of(COPIES), Vec::<String>::new());
    (bucket, images)
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
    let image = fs::read(&images[1]).unwrap();
    let blob = format!("v2/lab/tool/blobs/{}", sreg_model::Digest::of(&image));
    let copy = "library/v1/imagefile/lab/tool:1.1";
    let view = "v2/lab/tool/manifests/1.0";
    for path in [&blob, copy, view] {
        bucket.delete(&format!("../copies/{path}"));
    }
    let (mended, left) = repaired(&bucket, 4);
    assert_eq!(mended, BTreeSet::from([view.to_owned()]));
    assert_eq!(left, ["missing-view", "missing-blob"]);

    bucket.calm(&["push", &images[1], &format!("{COPIES}//lab/tool:1.1")]);
    let (mended, left) = repaired(&bucket, 0);
    assert_eq!(
        (mended, left),
        (BTreeSet::from([copy.to_owned()]), Vec::new())
    );
    assert_eq!(bucket.faults_of(COPIES), Vec::<String>::new());
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
    publish("1.1");
    bucket.put("head", &head);
    bucket.delete("heads/1/3");
    let before = snapshot(&objects);
    let ran = bucket.run(&["repair", ROOT]);
    assert_eq!(ran.code, 7, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("error[rolled-back]"), "{}", ran.stderr);
    assert_eq!(snapshot(&objects), before);
}
