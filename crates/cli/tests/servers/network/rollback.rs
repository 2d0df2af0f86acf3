//! Old registries in the place of the new one.

use std::fs;

use sreg_tests::images;
use sreg_tests::proxy::{Fault, Proxy};
use sreg_tests::servers::Nginx;

use super::scene::{Scene, put};
use crate::support::{Ran, snapshot};

/// A registry of two versions, of which the reader knows the second; and the first at a mirror.
fn known_and_old() -> (Scene, Nginx) {
    let scene = Scene::signed();
    let (_, old) = scene.mirror("old");
    scene.bench.write(
        "lab/tool/1.0.sif",
        &images::sif("newer", sreg_model::Arch::Amd64, 100_000),
    );
    scene.bench.index_by(1);
    let id = scene.id();
    let ran = scene.pull_from(&scene.nginx.url(), &["--trust", &id]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    (scene, old)
}

#[test]
fn rollback_an_older_head_is_refused() {
    let (scene, old) = known_and_old();
    // It has nothing of what the newer head names.
    scene.refuses_from(&old.url(), 7, "rolled-back", &[]);
    // Where the head that is known holds no longer, there is nothing but the old one.
    let head = scene.bench.document("head");
    let late = (head["expires"].as_u64().unwrap() + 1).to_string();
    scene.refuses_from(&old.url(), 7, "rolled-back", &["--now", &late]);
}

#[test]
fn rollback_a_stale_cache_before_the_head_is_seen_through() {
    let (scene, _) = known_and_old();
    let newer = fs::read(scene.target()).unwrap();
    // An old head in front, all else as it is.
    let (folder, mirror) = scene.mirror("stale");
    let first = fs::read(folder.join("heads/1/1")).unwrap();
    put(&folder, "head", &first);
    scene.remove_target();
    let ran = scene.pull_from(&mirror.url(), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(fs::read(scene.target()).unwrap() == newer);
}

#[test]
fn rollback_one_who_knows_nothing_takes_what_is_unexpired() {
    let (scene, old) = known_and_old();
    let id = scene.id();
    fs::remove_dir_all(scene.state()).unwrap();
    scene.succeeds(&old.url(), &["--trust", &id]);
    // A lock file is enough to know better.
    fs::remove_dir_all(scene.state()).unwrap();
    scene
        .bench
        .ok(&["trust", "add", "public", "--trust", &id, "--lock"]);
    scene.refuses_from(&old.url(), 7, "rolled-back", &[]);
    scene.refuses_from(&old.url(), 7, "rolled-back", &["--trust", &id]);
}

#[test]
fn rollback_an_older_statement_is_refused() {
    let scene = Scene::signed();
    let before = snapshot(&scene.bench.public());
    let newer = images::sif("newer", sreg_model::Arch::Amd64, 100_000);
    scene.bench.write("lab/tool/1.0.sif", &newer);
    scene.bench.index_by(1);
    let id = scene.id();
    scene.pull_from(&scene.nginx.url(), &["--trust", &id]);
    // Whoever holds the key of heads signs a head, newer than all, over the old statement.
    let forged = scene.bench.path("forged");
    before
        .iter()
        .for_each(|(path, bytes)| put(&forged, path, bytes));
    // Twice: the second time it is newer.
    for (number, name) in ["one", "two"].iter().enumerate() {
        scene.bench.write("lab/tool/1.0.sif", &scene.image);
        scene.bench.write(
            &format!("lab/{name}/1.sif"),
            &images::sif(name, sreg_model::Arch::Amd64, 100),
        );
        let args = ["index", "images", "--out", "forged", "--key", "key-1"];
        let mut command = scene.bench.command(&args);
        command.env("XDG_STATE_HOME", scene.bench.path("thief"));
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, 0, "{number}: {}", ran.stderr);
    }
    let mirror = Nginx::start(&forged);
    let ran = scene.refuses_bytes(&mirror.url(), &[]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
}

#[test]
fn freeze_what_has_expired_is_refused() {
    let scene = Scene::signed();
    let id = scene.id();
    let head = scene.bench.document("head");
    let trust = scene.bench.document("trust/1");
    let after = |document: &serde_json::Value| {
        let expires = document["expires"].as_u64().unwrap() + 1;
        expires.to_string()
    };
    let known = ["--trust", id.as_str()];
    for round in 0..2 {
        scene.refuses(
            7,
            "expired-head",
            &[&known[..], &["--now", &after(&head)]].concat(),
        );
        scene.refuses(
            7,
            "expired-trust",
            &[&known[..], &["--now", &after(&trust)]].concat(),
        );
        // Once it is known, it is the same.
        scene.succeeds(&scene.proxy.url(), &known[2 * round..]);
    }
}

#[test]
fn freeze_a_host_that_shows_nothing_new_is_refused_in_time() {
    let scene = Scene::signed();
    let id = scene.id();
    let proxy = Proxy::start(scene.nginx.address());
    scene.succeeds(&proxy.url(), &["--trust", &id]);
    // Whoever knows the registry also asks for the slot of the head that it saw: the host has that answer, too.
    scene.succeeds(&proxy.url(), &[]);
    proxy.set(|_| Fault::Stale);
    scene.bench.sif("lab/new/1.sif");
    scene.bench.index_by(1);
    // Until it expires nobody can tell.
    scene.succeeds(&proxy.url(), &[]);
    let late = scene.bench.document("heads/1/1")["expires"]
        .as_u64()
        .unwrap()
        + 1;
    scene.refuses_from(
        &proxy.url(),
        7,
        "expired-head",
        &["--now", &late.to_string()],
    );
}
