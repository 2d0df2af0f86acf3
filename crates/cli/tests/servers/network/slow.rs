//! Servers that send a trickle, or nothing.

use sreg_tests::proxy::{Fault, Proxy};

use super::scene::{Part, Scene};

/// The least that the proxy can: a few bytes a second.
const TRICKLE: Fault = Fault::Slow(20);

#[test]
fn slow_retrieval_a_trickle_is_given_up() {
    let scene = Scene::unsigned();
    for part in [Part::Head, Part::Statement, Part::Image] {
        for fault in [TRICKLE, Fault::Stall(0)] {
            scene.at(part, fault);
            scene.refuses(5, "unreachable", &[]);
        }
    }
    // Without a sidecar it goes on.
    scene.at(Part::Sidecar, TRICKLE);
    let ran = scene.succeeds(&scene.proxy.url(), &[]);
    assert!(ran.stderr.contains("chain"), "{}", ran.stderr);
}

#[test]
fn slow_retrieval_the_next_mirror_is_asked() {
    let scene = Scene::unsigned();
    let good = scene.nginx.url();
    for part in [Part::Head, Part::Node, Part::Statement, Part::Image] {
        scene.at(part, TRICKLE);
        scene.succeeds(&scene.proxy.url(), &["--mirror", &good]);
    }
}

#[test]
fn slow_retrieval_what_had_come_is_kept() {
    let scene = Scene::of(12_000_000, None);
    // A request is for some chunks, one after the other: each stalls in its third.
    scene.at(Part::Image, Fault::Stall(5 << 19));
    let ran = scene.pull(&["--connections", "1"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("error[unreachable]"), "{}", ran.stderr);
    assert!(!scene.target().exists());
    let second = Proxy::start(scene.nginx.address());
    let ran = scene.pull_from(&second.url(), &["--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    scene.has_image();
    let resumed = ran.json()["resumed"].as_u64().unwrap();
    assert!(resumed >= 2 << 20, "{resumed}");
    let is = scene.is(Part::Image);
    let images = second.requests();
    let sent: u64 = images
        .iter()
        .filter(|request| is(request))
        .map(|request| request.downloaded)
        .sum();
    assert!(
        sent < scene.image.len() as u64 - resumed + 100_000,
        "{sent}"
    );
}
