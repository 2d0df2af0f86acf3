//! Keys that no longer count, or do not yet.

use std::fs;

use super::victim::{Victim, put};

#[test]
fn a_new_trust_signed_by_one_side_only() {
    let victim = Victim::new();
    let bench = &victim.bench;
    bench.key(3);
    let rotate = [
        "trust",
        "rotate",
        "public",
        "--from",
        "key-1.pub",
        "--to",
        "key-3.pub",
    ];
    for (key, name) in [("key-1", "old-only"), ("key-3", "new-only")] {
        bench.ok(&[&rotate[..], &["--key", key, "--out", name]].concat());
        let trust = fs::read(bench.path(name)).unwrap();
        let honest = victim.save();
        put(&bench.public(), "trust/3", &trust);
        victim.looks(7, &["untrusted-trust"]);
        victim.serve(&honest);
    }
    victim.looks(0, &[]);
}

#[test]
fn a_revoked_key_vouches_for_nothing() {
    let victim = Victim::new();
    victim.bench.ok(&[
        "trust",
        "revoke",
        "public",
        "key-2.pub",
        "--key",
        "key-1",
        "--yes",
    ]);
    victim.looks(7, &["untrusted-statement"]);
    victim.looks_at("public//lab/tool:1.0", 7, &["untrusted-statement"]);
    // The other namespace is as it was.
    victim.looks_at("public//lab2/x:1", 0, &[]);
}
