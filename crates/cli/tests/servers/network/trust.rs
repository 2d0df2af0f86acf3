//! Trust that is changed in a bucket, while others publish there.

use std::time::Duration;

use serde_json::Value;
use sreg_tests::keys::fingerprint;
use sreg_tests::proxy::Fault;

use super::bucket::{Bucket, ROOT, copy};
use super::process::{kill_at, start, wait_until};
use crate::support::Ran;

/// What is pushed and pulled.
const TARGET: &str = "s3://registry/reg//lab/tool:1.0";

/// A registry of two keys, which may both publish heads; the first holds the root.
fn of_two() -> (Bucket, String) {
    let bucket = Bucket::signed(1);
    bucket.bench.key(2);
    bucket.calm(&[
        "push",
        &bucket.image("one", 20_000),
        TARGET,
        "--key",
        "key-1",
    ]);
    let both = [
        "trust",
        "delegate",
        ROOT,
        "lab",
        "--to",
        "key-1.pub",
        "--to",
        "key-2.pub",
    ];
    bucket.calm(&[&both[..], &["--key", "key-1"]].concat());
    admit(&bucket);
    let shown = bucket.calm(&["trust", "show", ROOT, "--format", "json"]);
    let id = shown.json()["registry"].as_str().unwrap().to_owned();
    (bucket, id)
}

fn admit(bucket: &Bucket) {
    bucket.calm(&of_second("add-key"));
}

/// The arguments by which the second key gets the role head, or loses it.
fn of_second(change: &str) -> [&str; 8] {
    [
        "trust",
        change,
        ROOT,
        "key-2.pub",
        "--role",
        "head",
        "--key",
        "key-1",
    ]
}

fn dismiss() -> [&'static str; 8] {
    of_second("remove-key")
}

fn version(bucket: &Bucket) -> (u64, u64) {
    let shown: Value = bucket.calm(&["log", ROOT, "--format", "json"]).json();
    let newest = &shown[0];
    let number = |key: &str| newest[key].as_u64().unwrap();
    (number("epoch"), number("version"))
}

/// Whoever reads is never refused, at whatever moment a change of trust stops.
// spec: HEAD-17
// spec: COM-13
#[test]
fn a_change_of_trust_that_is_killed_at_any_request_refuses_no_reader() {
    let (bucket, id) = of_two();
    let image = bucket.image("two", 20_000);
    // The newest head is by the key that is to go: without one that goes with it, none would count.
    bucket.calm(&["push", &image, TARGET, "--key", "key-2"]);
    let objects = bucket.server.objects().join("reg");
    let saved = bucket.bench.path("saved");
    copy(&objects, &saved);
    let mut number = 1;
    loop {
        std::fs::remove_dir_all(&objects).unwrap();
        copy(&saved, &objects);
        bucket.forget();
        if !kill_at(&bucket.proxy, &mut bucket.command(&dismiss()), number) {
            break;
        }
        bucket.calm(&["pull", TARGET, "-o", "got.sif", "--force", "--trust", &id]);
        // Whoever comes next finishes it, if it had begun.
        let next = format!("{TARGET}.next");
        bucket.calm(&["push", &image, &next, "--key", "key-1"]);
        assert_eq!(bucket.faults(), Vec::<String>::new(), "killed at {number}");
        number += 1;
    }
    assert!(number > 15, "{number} requests");
    let ran = bucket.run(&["push", &image, &format!("{TARGET}.last"), "--key", "key-2"]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
}

/// A push that is under way by the key that is dismissed either comes before the head that goes with
/// the change, or not at all.
// spec: COM-24
#[test]
fn a_push_beside_a_dismissal_comes_before_it_or_not_at_all() {
    let (bucket, _) = of_two();
    for round in 0..4 {
        let image = bucket.image(&format!("round-{round}"), 20_000);
        // The push waits before it creates its slot.
        bucket.proxy.set(|request| {
            let creates = request.method == "PUT" && request.path.contains("/heads/");
            match creates {
                true => Fault::Delay(Duration::from_millis(400)),
                false => Fault::Pass,
            }
        });
        let tag = format!("{TARGET}.{round}");
        let mut push = start(&mut bucket.command(&["push", &image, &tag, "--key", "key-2"]));
        if round % 2 == 0 {
            wait_until(&mut push, || {
                let requests = bucket.proxy.requests();
                requests
                    .iter()
                    .any(|request| request.path.contains("/heads/"))
            });
        }
        let mut change = bucket.command(&dismiss());
        change.arg("--yes");
        let ran = Ran::of(&change.output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let pushed = push.wait().unwrap();
        bucket.proxy.clear();
        assert!(matches!(pushed.code(), Some(0 | 7)), "{pushed}");
        bucket.calm(&["push", &image, &format!("{tag}.after"), "--key", "key-1"]);
        assert_eq!(bucket.faults(), Vec::<String>::new());
        let listed = bucket.calm(&["ls", ROOT]).stdout;
        let is_there = listed.contains(&format!("lab/tool:1.0.{round} "));
        assert_eq!(is_there, pushed.success(), "{listed}");
        admit(&bucket);
    }
}

/// The root key alone begins anew after the last head that is right, whatever stands behind it.
#[test]
fn an_epoch_begins_whatever_a_thief_has_put_behind() {
    let (bucket, _) = of_two();
    let (epoch, kept) = version(&bucket);
    let image = bucket.image("stolen", 20_000);
    bucket.calm(&["push", &image, TARGET, "--key", "key-2"]);
    let objects = bucket.server.objects().join("reg");
    std::fs::write(
        objects.join(format!("heads/{epoch}/{}", kept + 2)),
        "junk\n",
    )
    .unwrap();
    std::fs::create_dir_all(objects.join("heads/2")).unwrap();
    std::fs::write(objects.join("heads/2/1"), "junk\n").unwrap();
    let kept = kept.to_string();
    let old = fingerprint(2);
    bucket.bench.key(3);
    let rotate = [
        "trust",
        "rotate",
        ROOT,
        "--from",
        &old,
        "--to",
        "key-3.pub",
        "--new-epoch",
        "--after",
    ];
    let ran = bucket.calm(&[&rotate[..], &[&kept, "--key", "key-1", "--yes"]].concat());
    assert!(
        ran.stdout.contains("invalid  lab/tool:1.0"),
        "{}",
        ran.stdout
    );
    assert_eq!(version(&bucket), (epoch + 1, 1));
    assert_eq!(bucket.faults(), Vec::<String>::new());
    bucket.calm(&["push", &image, TARGET, "--key", "key-3"]);
    assert_eq!(bucket.faults(), Vec::<String>::new());
}

/// `init --from`, `refresh` and `sign` in a bucket.
#[test]
fn a_registry_is_begun_from_another_and_renewed() {
    let bucket = Bucket::new();
    bucket.bench.key(1);
    bucket.bench.sif("lab/tool/1.0.sif");
    bucket.bench.index();
    let target = "s3://registry/second";
    bucket.calm(&["init", target, "--from", "public", "--key", "key-1"]);
    let listed = bucket.calm(&["ls", target]).stdout;
    assert!(listed.contains("lab/tool:1.0"), "{listed}");
    bucket.calm(&["refresh", target, "--key", "key-1"]);
    let verified = bucket.calm(&["verify", target, "--blobs", "full"]);
    assert_eq!(verified.code, 0);
    let shown: Value = bucket.calm(&["log", target, "--format", "json"]).json();
    assert_eq!(shown[0]["version"], 2);
}
