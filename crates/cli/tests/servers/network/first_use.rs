//! Registries and files that nobody knows yet.

use std::fs;

use super::scene::{Scene, put};

#[test]
fn first_use_an_unknown_signed_registry_is_refused_without_a_terminal() {
    let scene = Scene::signed();
    let id = scene.id();
    let ran = scene.refuses(7, "untrusted-registry", &[]);
    assert!(
        ran.stderr.contains(&format!("--trust {id}")),
        "{}",
        ran.stderr
    );
    assert_eq!(scene.memory(), []);
    // No image was fetched for nothing.
    let is = scene.is(super::scene::Part::Image);
    assert!(!scene.proxy.requests().iter().any(is));
}

#[test]
fn first_use_an_id_that_is_said_is_remembered() {
    let scene = Scene::signed();
    let id = scene.id();
    let zeros = format!("sha256:{}", "0".repeat(64));
    scene.refuses(7, "other-registry", &["--trust", &zeros]);
    let ran = scene.succeeds(&scene.proxy.url(), &["--trust", &id]);
    assert!(ran.stdout.contains("signed by"), "{}", ran.stdout);
    assert!(!scene.memory().is_empty());
    scene.succeeds(&scene.proxy.url(), &["--require-signed"]);
    // Wherever it is served.
    scene.succeeds(&scene.nginx.url(), &["--require-signed"]);
}

#[test]
fn first_use_an_id_whose_image_does_not_come_is_not_remembered() {
    let scene = Scene::signed();
    let id = scene.id();
    fs::remove_file(scene.bench.public().join(scene.blob())).unwrap();
    scene.refuses(4, "missing-blob", &["--trust", &id]);
    assert_eq!(scene.memory(), []);
}

#[test]
fn first_use_a_digest_says_which_image() {
    let scene = Scene::signed();
    let reference = format!("{}//lab/tool@{}", scene.proxy.url(), scene.digest());
    let run = |more: &[&str]| {
        let output = scene.command_for(&reference, more).output().unwrap();
        crate::support::Ran::of(&output)
    };
    let ran = run(&[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    scene.has_image();
    assert_eq!(scene.memory(), []);
    scene.refuses_reference(&reference, 7, "untrusted-registry", &["--require-signed"]);
    // A digest that it has not.
    let zeros = format!("{}//lab/tool@sha256:{}", scene.proxy.url(), "0".repeat(64));
    scene.refuses_reference(&zeros, 4, "missing-reference", &[]);
}

#[test]
fn first_use_an_unsigned_registry_is_warned_of() {
    let scene = Scene::unsigned();
    let ran = scene.succeeds(&scene.proxy.url(), &[]);
    assert!(ran.stderr.contains("unsigned"), "{}", ran.stderr);
    assert!(ran.stdout.contains("not signed"), "{}", ran.stdout);
    scene.refuses(7, "unsigned", &["--require-signed"]);
    // What was signed once is not unsigned later.
    let signed = Scene::signed();
    let id = signed.id();
    signed.succeeds(&signed.proxy.url(), &["--trust", &id]);
    fs::remove_dir_all(signed.bench.public()).unwrap();
    for (path, bytes) in crate::support::snapshot(&scene.bench.public()) {
        put(&signed.bench.public(), &path, &bytes);
    }
    signed.refuses(7, "unsigned", &[]);
}

#[test]
fn first_use_a_url_with_a_digest_needs_no_registry() {
    let scene = Scene::signed();
    put(&scene.bench.public(), "plain.sif", &scene.image);
    let url = format!("{}/plain.sif", scene.proxy.url());
    let right = format!("{url}@{}", scene.digest());
    let ran = crate::support::Ran::of(&scene.command_for(&right, &[]).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    scene.has_image();
    assert_eq!(scene.memory(), []);
    let wrong = format!("{url}@sha256:{}", "0".repeat(64));
    scene.refuses_reference(&wrong, 6, "blob-mismatch", &[]);
    let absent = format!("{}/absent.sif@{}", scene.proxy.url(), scene.digest());
    scene.refuses_reference(&absent, 4, "missing-blob", &[]);
}
