//! Trust documents that a reader refuses (`spec/trust.md`).

use serde_json::json;

use super::super::{Case, oracle};
use super::trust::{fingerprint, first, key, line, role, second, with, without};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = malformed();
    cases.extend(out_of_bounds());
    cases
}

fn malformed() -> Vec<Case> {
    let first = first();
    let blob_with_comment = json!(format!("{} me", key(1)));
    let unpadded = json!(key(1).trim_end_matches('=').to_owned() + "=");
    [
        (
            "no-roles",
            "TRUST-2",
            "no roles",
            without(first.clone(), "/roles"),
        ),
        (
            "no-root",
            "TRUST-2",
            "no role root",
            without(first.clone(), "/roles/root"),
        ),
        (
            "no-expires",
            "TRUST-2",
            "trust for ever",
            without(first.clone(), "/expires"),
        ),
        (
            "no-delegations",
            "TRUST-2",
            "no list of delegations",
            without(first.clone(), "/delegations"),
        ),
        (
            "unknown-field",
            "TRUST-2",
            "a field that the page does not have",
            with(first.clone(), "/owner", json!("me")),
        ),
        (
            "unknown-role",
            "TRUST-2",
            "a third role",
            with(first.clone(), "/roles/mirror", role(&[&key(1)], 1)),
        ),
        (
            "unknown-in-key",
            "TRUST-2",
            "a field that keys do not have",
            with(first.clone(), "/keys/0/name", json!("me")),
        ),
        (
            "unknown-state",
            "TRUST-2",
            "a state that keys do not have",
            with(first.clone(), "/keys/0/state", json!("paused")),
        ),
        (
            "no-state",
            "TRUST-2",
            "a key without a state",
            without(first.clone(), "/keys/0/state"),
        ),
        (
            "other-type",
            "TRUST-2",
            "the type of a head",
            with(first.clone(), "/type", json!("sreg-head-v1")),
        ),
        (
            "short-fingerprint",
            "TRUST-2",
            "a fingerprint without its last character",
            with(
                first.clone(),
                "/roles/head/keys",
                json!([&fingerprint(&key(1))[..49]]),
            ),
        ),
        (
            "md5-fingerprint",
            "TRUST-2",
            "a fingerprint of the old kind",
            with(
                first.clone(),
                "/roles/head/keys",
                json!(["MD5:00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f"]),
            ),
        ),
        (
            "key-with-comment",
            "TRUST-2",
            "the comment of a .pub file behind the key",
            with(first.clone(), "/keys/0/key", blob_with_comment),
        ),
        (
            "key-padding",
            "TRUST-2",
            "a key in base64 with other padding",
            with(first.clone(), "/keys/0/key", unpadded),
        ),
        (
            "key-certificate",
            "TRUST-2",
            "a certificate",
            with(
                first.clone(),
                "/keys/0/key",
                json!(key(1).replacen("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1)),
            ),
        ),
        (
            "scope-pattern",
            "TRUST-7",
            "a pattern",
            with(first.clone(), "/delegations/0/scope", json!("lab*")),
        ),
        (
            "scope-all",
            "TRUST-7",
            "everything",
            with(first.clone(), "/delegations/0/scope", json!("*")),
        ),
        (
            "scope-three",
            "TRUST-7",
            "three components",
            with(first.clone(), "/delegations/0/scope", json!("lab/tool/1.0")),
        ),
        (
            "scope-tag",
            "TRUST-7",
            "a tag",
            with(first.clone(), "/delegations/0/scope", json!("lab/tool:1.0")),
        ),
        (
            "scope-reserved",
            "TRUST-7 REF-6",
            "a name at which published files stand",
            with(first.clone(), "/delegations/0/scope", json!("trust")),
        ),
        (
            "negative-threshold",
            "TRUST-2 JSON-4",
            "a threshold as a string",
            with(first, "/roles/root/threshold", json!("1")),
        ),
    ]
    .into_iter()
    .map(|(name, ids, note, value)| {
        Case::invalid("trust", name, ids, note, line(&value), "malformed-document")
    })
    .collect()
}

fn out_of_bounds() -> Vec<Case> {
    let (first, second) = (first(), second());
    let listed = second["keys"].clone();
    let swapped = json!([listed[1], listed[0], listed[2], listed[3]]);
    let twice = json!([listed[0], listed[0], listed[1], listed[2], listed[3]]);
    let delegations = second["delegations"].clone();
    let two = json!([fingerprint(&key(1)), fingerprint(&key(1))]);
    let root = second["roles"]["root"]["keys"].clone();
    let reversed = json!([root[1], root[0]]);
    let stranger = json!([fingerprint(&key(9))]);
    let nonce = "/nonce";
    let cases = [
        (
            "keys-order",
            "TRUST-3",
            "two keys in the other order",
            with(second.clone(), "/keys", swapped),
        ),
        (
            "keys-twice",
            "TRUST-3",
            "a key that is listed twice",
            with(second.clone(), "/keys", twice),
        ),
        (
            "role-order",
            "TRUST-3",
            "the fingerprints of a role in the other order",
            with(second.clone(), "/roles/root/keys", reversed),
        ),
        (
            "role-twice",
            "TRUST-3 TRUST-5",
            "one key that would count twice",
            with(
                with(first.clone(), "/roles/root/keys", two),
                "/roles/root/threshold",
                json!(2),
            ),
        ),
        (
            "delegations-order",
            "TRUST-3",
            "delegations in the other order",
            with(
                second.clone(),
                "/delegations",
                json!([delegations[1], delegations[0]]),
            ),
        ),
        (
            "delegations-twice",
            "TRUST-3",
            "two delegations of one scope",
            with(
                second.clone(),
                "/delegations",
                json!([delegations[0], delegations[0]]),
            ),
        ),
        (
            "unlisted-root",
            "TRUST-4",
            "a root key that is not listed",
            with(first.clone(), "/roles/root/keys", stranger.clone()),
        ),
        (
            "unlisted-delegate",
            "TRUST-4",
            "a delegate that is not listed",
            with(first.clone(), "/delegations/0/keys", stranger),
        ),
        (
            "threshold-0",
            "TRUST-5",
            "no signature is needed",
            with(first.clone(), "/roles/root/threshold", json!(0)),
        ),
        (
            "threshold-2",
            "TRUST-5",
            "two of one key",
            with(first.clone(), "/roles/head/threshold", json!(2)),
        ),
        (
            "delegation-threshold-0",
            "TRUST-5",
            "a delegation to everybody",
            with(first.clone(), "/delegations/0/threshold", json!(0)),
        ),
        (
            "no-keys",
            "TRUST-5",
            "a role that nobody has",
            with(first.clone(), "/roles/head/keys", json!([])),
        ),
        (
            "retired-root",
            "TRUST-6",
            "a root key that signs nothing new",
            with(first.clone(), "/keys/0/state", json!("retired")),
        ),
        (
            "revoked-head",
            "TRUST-6",
            "a head key that is revoked",
            with(second.clone(), "/keys/0/state", json!("revoked")),
        ),
        (
            "version-0",
            "TRUST-8",
            "version 0",
            with(first.clone(), "/version", json!(0)),
        ),
        (
            "first-with-previous",
            "TRUST-8",
            "version 1 with one before it",
            with(first.clone(), "/previous", json!(oracle::digest("x"))),
        ),
        (
            "first-with-registry",
            "TRUST-8",
            "version 1 that names a registry",
            with(first.clone(), "/registry", json!(oracle::digest("x"))),
        ),
        (
            "second-without-registry",
            "TRUST-8",
            "version 2 of no registry",
            without(second.clone(), "/registry"),
        ),
        (
            "second-without-previous",
            "TRUST-8",
            "version 2 after nothing",
            without(second.clone(), "/previous"),
        ),
        (
            "first-without-nonce",
            "TRUST-8",
            "version 1 without a nonce",
            without(first.clone(), nonce),
        ),
        (
            "second-with-nonce",
            "TRUST-8",
            "version 2 with a nonce",
            with(second.clone(), nonce, first["nonce"].clone()),
        ),
        (
            "short-nonce",
            "TRUST-8",
            "120 bits",
            with(
                first.clone(),
                nonce,
                json!("000102030405060708090a0b0c0d0e"),
            ),
        ),
        (
            "capital-nonce",
            "TRUST-8",
            "capital digits",
            with(
                first.clone(),
                nonce,
                json!("000102030405060708090A0B0C0D0E0F"),
            ),
        ),
        (
            "epoch-0",
            "TRUST-9",
            "a delegation of epoch 0",
            with(first.clone(), "/delegations/0/epoch", json!(0)),
        ),
        (
            "head-epoch-0",
            "TRUST-9",
            "heads of epoch 0",
            with(first.clone(), "/head_base/epoch", json!(0)),
        ),
        (
            "base-without-id",
            "TRUST-9",
            "the version of a head, but not its id",
            with(first.clone(), "/head_base/version", json!(1)),
        ),
        (
            "base-without-version",
            "TRUST-9",
            "the id of a head, but not its version",
            without(second.clone(), "/head_base/version"),
        ),
        (
            "base-version-0",
            "TRUST-9",
            "a head of version 0",
            with(second, "/head_base/version", json!(0)),
        ),
        (
            "empty-comment",
            "TRUST-2",
            "a comment without a character",
            with(first, "/keys/0/comment", json!("")),
        ),
    ];
    cases
        .into_iter()
        .map(|(name, ids, note, value)| {
            Case::invalid("trust", name, ids, note, line(&value), "document-field")
        })
        .chain([Case::invalid(
            "trust",
            "no-line",
            "TRUST-1 STM-1",
            "no LF ends line 1",
            super::trust::first().to_string(),
            "document-no-line",
        )])
        .collect()
}
