//! Somebody who can write into a bucket and has no key: what they put there keeps nobody from
//! publishing.

use std::fs;

use serde_json::json;
use sreg_model::Digest;
use sreg_tests::proxy::Fault;

use super::bucket::{Bucket, ROOT};
use crate::support::snapshot;

/// A registry of two versions, signed by key 1.
fn published() -> (Bucket, [String; 3]) {
    let bucket = Bucket::signed(1);
    let images = ["one", "two", "three"].map(|name| bucket.image(name, 20_000));
    push(&bucket, &images[0], "1.0");
    (bucket, images)
}

fn push(bucket: &Bucket, image: &str, tag: &str) {
    let target = format!("{ROOT}//lab/tool:{tag}");
    bucket.calm(&["push", image, &target, "--key", "key-1"]);
}

// spec: COM-23
#[test]
fn junk_in_the_next_slot_is_replaced_and_kept() {
    let (bucket, images) = published();
    let objects = bucket.server.objects().join("reg");
    let first = fs::read(objects.join("heads/1/1")).unwrap();
    let junk: [&[u8]; 4] = [b"", b"junk\n", &[b'x'; 100_000], &first];
    for (number, junk) in junk.into_iter().enumerate() {
        let next = fs::read_dir(objects.join("heads/1")).unwrap().count() + 1;
        bucket.put(&format!("heads/1/{next}"), junk);
        assert!(!bucket.faults().is_empty());
        push(&bucket, &images[number % 2 + 1], &format!("2.{number}"));
        assert_eq!(bucket.faults(), Vec::<String>::new());
        let kept = snapshot(&objects.join("staging"));
        let kept = kept
            .iter()
            .filter(|(path, _)| path.starts_with("quarantine-heads-1-"));
        assert_eq!(kept.count(), number + 1);
    }
}

// spec: COM-17
#[test]
fn junk_in_head_and_in_the_journal_is_replaced() {
    let (bucket, images) = published();
    let objects = bucket.server.objects().join("reg");
    push(&bucket, &images[1], "1.0");
    let first = fs::read(objects.join("heads/1/1")).unwrap();
    let id = Digest::of(b"no head");
    let far = json!({
        "views_at": {"epoch": 1, "id": id, "version": 9_007_199_254_740_991_u64}, "type": "sreg-journal-v1",
    });
    let far = far.to_string();
    for (number, junk) in [&b"junk\n"[..], &first].into_iter().enumerate() {
        bucket.put("head", junk);
        bucket.put("staging/journal", ["junk", &far][number % 2].as_bytes());
        push(&bucket, &images[2], &format!("3.{number}"));
        assert_eq!(bucket.faults(), Vec::<String>::new());
        let journal = fs::read_to_string(objects.join("staging/journal")).unwrap();
        assert!(!journal.contains("9007199254740991"), "{journal}");
    }
}

#[test]
fn the_slot_of_the_newest_head_is_put_back() {
    let (bucket, images) = published();
    let newest = bucket.server.objects().join("reg/heads/1/2");
    let head = fs::read(&newest).unwrap();
    bucket.put("heads/1/2", b"junk\n");
    push(&bucket, &images[1], "1.1");
    assert_eq!(fs::read(&newest).unwrap(), head);
    assert_eq!(bucket.faults(), Vec::<String>::new());
}

/// A note of trust that is published already, without its signatures or with others, is no trust that is
/// still to be published.
#[test]
fn a_planted_note_of_published_trust_is_settled() {
    let (bucket, images) = published();
    let objects = bucket.server.objects().join("reg");
    let trust = fs::read_to_string(objects.join("trust/1")).unwrap();
    let line = format!("{}\n", trust.lines().next().unwrap());
    let noted = fs::read(objects.join("staging/journal")).unwrap();
    let mut note: serde_json::Value = serde_json::from_slice(&noted).unwrap();
    assert_eq!(note["views_at"]["version"], 2);
    note["trust"] = line.into();
    bucket.put("staging/journal", note.to_string().as_bytes());
    push(&bucket, &images[1], "1.1");
    assert_eq!(bucket.faults(), Vec::<String>::new());
    let journal = fs::read_to_string(objects.join("staging/journal")).unwrap();
    assert!(!journal.contains("trust"), "{journal}");
}

/// Without the journal nobody can say that what stands in a slot is junk.
#[test]
fn who_cannot_read_the_journal_replaces_nothing() {
    let (bucket, images) = published();
    let slot = bucket.server.objects().join("reg/heads/1/3");
    bucket.put("heads/1/3", b"perhaps a head\n");
    let target = format!("{ROOT}//lab/tool:1.1");
    for fault in [
        Fault::Status(500),
        Fault::Error(403, "AccessDenied"),
        Fault::Error(404, "NoSuchKey"),
    ] {
        bucket.proxy.set(move |request| {
            let reads = request.method == "GET" && request.path.ends_with("staging/journal");
            match reads {
                true => fault.clone(),
                false => Fault::Pass,
            }
        });
        let args = [
            "push",
            &images[1],
            &target,
            "--key",
            "key-1",
            "--retries",
            "0",
        ];
        let ran = bucket.run(&args);
        assert!(matches!(ran.code, 3 | 5), "{}: {}", ran.code, ran.stderr);
        assert_eq!(fs::read(&slot).unwrap(), b"perhaps a head\n");
    }
    bucket.proxy.clear();
    push(&bucket, &images[1], "1.1");
    assert_eq!(bucket.faults(), Vec::<String>::new());
}

/// A copy is not taken for right because its size is.
#[test]
fn a_blob_of_the_right_size_is_looked_at_before_it_is_taken() {
    let (bucket, _) = published();
    let objects = bucket.server.objects();
    let blobs = objects.join("reg/v2/lab/tool/blobs");
    let blob = fs::read_dir(blobs).unwrap().map(|blob| blob.unwrap());
    let blob = blob
        .max_by_key(|blob| blob.metadata().unwrap().len())
        .unwrap();
    let zeros = vec![0; usize::try_from(blob.metadata().unwrap().len()).unwrap()];
    let name = blob.file_name().into_string().unwrap();
    bucket.put(&format!("../copy/v2/lab/tool/blobs/{name}"), &zeros);
    bucket.calm(&["mirror", ROOT, "s3://registry/copy"]);
    let verified = bucket.calm(&["verify", "s3://registry/copy", "--blobs", "full"]);
    assert_eq!(verified.code, 0);
    assert!(fs::read(objects.join("copy/v2/lab/tool/blobs").join(name)).unwrap() != zeros);
}
