//! Pushes into a bucket that are killed, refused, and begun again.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use sreg_tests::proxy::Fault;

use super::bucket::{Bucket, ROOT};
use super::process::{FOR_EVER, kill, kill_at, start, wait_until};
use crate::support::snapshot;

/// Kills a push at each of its requests: what readers see is whole, and the same push ends well.
fn kill_at_each(bucket: &Bucket, more: &[&str]) {
    let images = [bucket.image("even", 20_000), bucket.image("odd", 20_000)];
    let target = format!("{ROOT}//lab/tool:1.0");
    let mut number = 1;
    loop {
        let args = [&["push", &images[number % 2], &target], more].concat();
        if !kill_at(&bucket.proxy, &mut bucket.command(&args), number) {
            break;
        }
        let lasting = bucket.lasting_faults();
        assert!(lasting.is_empty(), "killed at {number}: {lasting:?}");
        let ran = bucket.run(&args);
        assert_eq!(ran.code, 0, "after {number}: {}", ran.stderr);
        let faults = bucket.faults();
        assert!(faults.is_empty(), "after {number}: {faults:?}");
        number += 1;
    }
    assert!(number > 20, "{number} requests");
    assert!(bucket.faults().is_empty());
}

#[test]
fn a_push_that_is_killed_at_any_request_leaves_a_whole_registry() {
    kill_at_each(&Bucket::new(), &[]);
}

#[test]
fn a_signed_push_that_is_killed_at_any_request_leaves_a_whole_registry() {
    kill_at_each(&Bucket::signed(1), &["--key", "key-1"]);
}

/// Bytes that rot where they lie are sent again.
#[test]
fn a_push_mends_an_image_that_was_damaged() {
    let bucket = Bucket::new();
    let image = bucket.image("image", 3_000_000);
    let target = format!("{ROOT}//lab/tool:1.0");
    bucket.calm(&["push", &image, &target]);
    let bytes = fs::read(&image).unwrap();
    let objects = snapshot(&bucket.server.objects());
    let (path, _) = objects.iter().find(|(_, found)| *found == bytes).unwrap();
    let mut wrong = bytes.clone();
    wrong[100] ^= 1;
    fs::write(bucket.server.objects().join(path), &wrong).unwrap();
    let faults = bucket.faults();
    assert_eq!(faults, ["blob-mismatch"]);
    let ran = bucket.run(&["push", &image, &target]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let faults = bucket.faults();
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn a_push_with_wrong_credentials_is_denied() {
    let bucket = Bucket::new();
    let image = bucket.image("image", 20_000);
    let before = snapshot(&bucket.server.objects());
    let args = ["push", image.as_str(), &format!("{ROOT}//lab/tool:1.0")];
    for (name, value) in [
        ("AWS_SECRET_ACCESS_KEY", "wrong"),
        ("AWS_ACCESS_KEY_ID", "nobody"),
    ] {
        let mut command = bucket.command(&args);
        let ran = crate::support::Ran::of(&command.env(name, value).output().unwrap());
        assert_eq!(ran.code, 3, "{name}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("error[access-denied]"),
            "{}",
            ran.stderr
        );
    }
    assert!(snapshot(&bucket.server.objects()) == before);
}

/// S3 says 400 of credentials that have expired; others say 403.
#[test]
fn credentials_that_expire_at_any_request_are_named() {
    let bucket = Bucket::new();
    let images = [bucket.image("even", 20_000), bucket.image("odd", 20_000)];
    let target = format!("{ROOT}//lab/tool:1.0");
    let args =
        |number: usize| ["push", images[number % 2].as_str(), target.as_str()].map(str::to_owned);
    for status in [400, 403] {
        let mut number = 1;
        loop {
            let args = args(number);
            let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
            args.extend(["--retries", "1"]);
            bucket.proxy.reset_counters();
            bucket
                .proxy
                .set(move |request| match request.number >= number as u64 {
                    true => Fault::Error(status, "ExpiredToken"),
                    false => Fault::Pass,
                });
            let ran = bucket.run(&args);
            let requests = bucket.proxy.requests();
            if requests.len() < number {
                assert_eq!(ran.code, 0, "{}", ran.stderr);
                break;
            }
            let refused = &requests[number - 1];
            assert_eq!(ran.code, 3, "{status} of {refused:?}: {}", ran.stderr);
            let said = ran.stderr.contains("error[access-denied]");
            assert!(said, "{status} of {refused:?}: {}", ran.stderr);
            bucket.proxy.clear();
            let ran = bucket.run(&args);
            assert_eq!(ran.code, 0, "after {number}: {}", ran.stderr);
            number += 1;
        }
        assert!(number > 20, "{number} requests");
    }
    assert!(bucket.faults().is_empty());
}

/// The parts of an upload that are noted as sent.
fn is_uploaded(bucket: &Bucket) -> usize {
    let Ok(notes) = fs::read_dir(bucket.bench.path("cache/sreg/uploads")) else {
        return 0;
    };
    // The push replaces them meanwhile.
    let parts = notes.filter_map(|note| {
        let bytes = fs::read(note.ok()?.path()).ok()?;
        let note: Value = serde_json::from_slice(&bytes).ok()?;
        Some(note["arrived"].as_object()?.len())
    });
    parts.max().unwrap_or(0)
}

#[test]
fn a_push_that_is_killed_goes_on_from_the_parts_that_arrived() {
    let bucket = Bucket::new();
    let image = bucket.image("large", 70 << 20);
    let size = fs::metadata(&image).unwrap().len();
    let target = format!("{ROOT}//lab/tool:1.0");
    // Two parts pass, and the others never arrive.
    let passed = std::sync::atomic::AtomicUsize::new(0);
    bucket.proxy.set(move |request| {
        let is_part = request.path.contains("partNumber=");
        let others = || passed.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= 2;
        match is_part && others() {
            true => FOR_EVER,
            false => Fault::Pass,
        }
    });
    let mut child = start(&mut bucket.command(&["push", &image, &target]));
    assert!(wait_until(&mut child, || is_uploaded(&bucket) >= 2));
    kill(&mut child);
    assert!(bucket.lasting_faults().is_empty());
    bucket.proxy.clear();
    bucket.proxy.reset_counters();
    let ran = bucket.run(&["push", &image, &target]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let (up, _) = bucket.proxy.bytes();
    let most = size - (2 << 24) + 200_000;
    assert!(up < most, "{up} of {most} bytes");
    assert!(bucket.faults().is_empty());
    // What is there is not sent again.
    for target in [target, format!("{ROOT}//lab/tool:2.0")] {
        bucket.proxy.reset_counters();
        let ran = bucket.run(&["push", &image, &target]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let (up, _) = bucket.proxy.bytes();
        assert!(up < 100_000, "{target}: {up} bytes");
    }
    assert!(bucket.faults().is_empty());
}

#[test]
fn an_upload_that_the_server_forgot_is_begun_again() {
    for is_part in [false, true] {
        let bucket = Bucket::new();
        let image = bucket.image("large", 40 << 20);
        let target = format!("{ROOT}//lab/tool:1.0");
        // The first part passes, and no other ever arrives.
        bucket.proxy.set(|request| {
            let others = ["partNumber=2", "partNumber=3"];
            match others.iter().any(|part| request.path.contains(part)) {
                true => FOR_EVER,
                false => Fault::Pass,
            }
        });
        let mut child = start(&mut bucket.command(&["push", &image, &target]));
        assert!(wait_until(&mut child, || is_uploaded(&bucket) == 1));
        kill(&mut child);
        // As a rule of the bucket does with old uploads; or it knows another part by that number.
        let uploads = bucket.bench.path("cache/sreg/uploads");
        if is_part {
            let (name, note) = snapshot(&uploads).remove(0);
            let mut note: Value = serde_json::from_slice(&note).unwrap();
            note["arrived"]["0"] = format!("\"{}\"", "0".repeat(32)).into();
            fs::write(uploads.join(name), note.to_string()).unwrap();
        } else {
            fs::remove_dir_all(bucket.server.objects().join(".sgwtmp")).unwrap();
        }
        bucket.proxy.clear();
        let ran = bucket.run(&["push", &image, &target]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(bucket.faults().is_empty());
        assert!(snapshot(&uploads).is_empty());
    }
}

#[test]
fn a_silent_bucket_is_given_up() {
    let bucket = Bucket::new();
    let image = bucket.image("image", 20_000);
    let target = format!("{ROOT}//lab/tool:1.0");
    bucket.calm(&["push", &image, &target]);
    // It answers, and much too late.
    let late = Fault::Delay(Duration::from_secs(6));
    bucket.proxy.set(move |_| late.clone());
    let push = ["push", &image, &target];
    let pull = ["pull", &target, "-o", "got.sif"];
    for args in [&push[..], &pull[..]] {
        let args = [args, &["--timeout", "1", "--retries", "0"]].concat();
        let ran = bucket.run(&args);
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        assert!(ran.stderr.contains("error[unreachable]"), "{}", ran.stderr);
    }
    assert!(!bucket.bench.path("got.sif").exists());
}
