//! `sreg rm` in a bucket: killed, repeated, and beside others who publish.

use sreg_tests::proxy::Fault;

use super::bucket::{Bucket, ROOT};
use super::process::kill_at;

fn references(bucket: &Bucket) -> Vec<String> {
    let rows = bucket.calm(&["ls", ROOT, "--format", "json"]).json();
    let rows = rows.as_array().unwrap();
    rows.iter()
        .map(|row| row["reference"].as_str().unwrap().to_owned())
        .collect()
}

// spec: CLI-37
#[test]
fn a_removal_that_is_killed_at_any_request_leaves_a_whole_registry() {
    let bucket = Bucket::signed(1);
    let image = bucket.image("image", 20_000);
    let kept = format!("{ROOT}//lab/kept:1.0");
    bucket.calm(&["push", &image, &kept, "--key", "key-1"]);
    let target = format!("{ROOT}//lab/tool:1.0");
    let rm = ["rm", &target, "--reason", "gone", "--key", "key-1"];
    let mut number = 1;
    loop {
        bucket.calm(&["push", &image, &target, "--key", "key-1"]);
        if !kill_at(&bucket.proxy, &mut bucket.command(&rm), number) {
            break;
        }
        let lasting = bucket.lasting_faults();
        assert!(lasting.is_empty(), "killed at {number}: {lasting:?}");
        // It is there still, or it is gone already.
        let ran = bucket.run(&rm);
        assert!([0, 4].contains(&ran.code), "after {number}: {}", ran.stderr);
        assert_eq!(references(&bucket), ["lab/kept:1.0"], "after {number}");
        number += 1;
    }
    assert!(number > 10, "{number} requests");
    let faults = bucket.faults();
    assert!(faults.is_empty(), "{faults:?}");
}

// spec: CLI-37
#[test]
fn a_removal_whose_commit_gets_no_answer_succeeds() {
    let bucket = Bucket::new();
    let image = bucket.image("image", 20_000);
    let target = format!("{ROOT}//lab/tool:1.0");
    bucket.calm(&["push", &image, &target]);
    bucket.proxy.reset_counters();
    bucket.proxy.set(|request| {
        let is_commit = request.method == "PUT" && request.path.contains("/heads/");
        match is_commit {
            true => Fault::ResetAfter,
            false => Fault::Pass,
        }
    });
    let ran = bucket.run(&["rm", &target, "--reason", "gone"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(references(&bucket), [""; 0]);
    let faults = bucket.faults();
    assert!(faults.is_empty(), "{faults:?}");
}
