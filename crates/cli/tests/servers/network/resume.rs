//! Pulls that are killed, that race, and that have no room.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use sreg_tests::proxy::Fault;

use super::odd::Odd;
use super::process::{kill, start, wait_until};
use super::scene::{Part, Scene, put};
use crate::support::Ran;

/// An image of some MiB.
const BYTES: usize = 12_000_000;

/// How many chunks a journal says are there.
fn chunks(journal: &Path) -> u64 {
    let text = fs::read_to_string(journal).unwrap_or_default();
    let done = text
        .lines()
        .find_map(|line| line.strip_prefix("done "))
        .unwrap_or_default();
    let runs = done.split(' ').filter_map(|run| run.split_once('-'));
    runs.map(|(first, last)| last.parse::<u64>().unwrap() + 1 - first.parse::<u64>().unwrap())
        .sum()
}

/// The bytes of the image that went through the proxy.
fn sent(scene: &Scene) -> u64 {
    let is = scene.is(Part::Image);
    let requests = scene.proxy.requests();
    let images = requests.iter().filter(|request| is(request));
    images.map(|request| request.downloaded).sum()
}

#[test]
fn a_pull_that_is_killed_goes_on_from_where_it_was() {
    let scene = Scene::of(BYTES, None);
    let journal = scene.bench.path("got.sif.part.journal");
    for least in [1, 4, 8] {
        scene.remove_target();
        scene.at(Part::Image, Fault::Slow(2 << 20));
        let url = scene.proxy.url();
        let mut child = start(&mut scene.command(&url, &["--connections", "2"]));
        assert!(wait_until(&mut child, || chunks(&journal) >= least));
        kill(&mut child);
        assert!(!scene.target().exists());
        let there = chunks(&journal) << 20;
        scene.proxy.clear();
        scene.proxy.reset_counters();
        let ran = scene.pull(&["--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        scene.has_image();
        assert!(ran.json()["resumed"].as_u64().unwrap() >= there);
        let sent = sent(&scene);
        let most = scene.image.len() as u64 - there + 500_000;
        assert!(sent <= most, "{sent} of {most} bytes after {there}");
        assert!(!journal.exists());
    }
}

#[test]
fn a_partial_file_that_was_damaged_is_not_trusted() {
    let scene = Scene::of(BYTES, None);
    let (part, journal) = (
        scene.bench.path("got.sif.part"),
        scene.bench.path("got.sif.part.journal"),
    );
    scene.at(Part::Image, Fault::Slow(2 << 20));
    let mut child = start(&mut scene.command(&scene.proxy.url(), &[]));
    assert!(wait_until(&mut child, || chunks(&journal) >= 4));
    kill(&mut child);
    let mut bytes = fs::read(&part).unwrap();
    bytes
        .iter_mut()
        .step_by(1 << 20)
        .for_each(|byte| *byte ^= 1);
    fs::write(&part, &bytes).unwrap();
    scene.proxy.clear();
    let ran = scene.pull(&["--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    scene.has_image();
    assert_eq!(ran.json()["resumed"], 0);
}

#[test]
fn a_server_without_ranges_gives_whole_images() {
    let scene = Scene::of(BYTES, None);
    let odd = Odd::folder(scene.bench.public(), |_| Vec::new());
    scene.succeeds(&odd.url, &[]);
    // From a partial file on, too.
    scene.remove_target();
    scene.at(Part::Image, Fault::Slow(2 << 20));
    let journal = scene.bench.path("got.sif.part.journal");
    let mut child = start(&mut scene.command(&scene.proxy.url(), &[]));
    assert!(wait_until(&mut child, || chunks(&journal) >= 3));
    kill(&mut child);
    let ran = scene.pull_from(&odd.url, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    scene.has_image();
    assert!(odd.asked().iter().any(|asked| asked.range.is_some()));
    // A file by its digest alone.
    scene.remove_target();
    let file = format!("{}/{}@{}", odd.url, scene.blob(), scene.digest());
    let ran = Ran::of(&scene.command_for(&file, &[]).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    scene.has_image();
}

#[test]
fn two_pulls_to_one_target_share_the_work() {
    let scene = Scene::of(BYTES, None);
    scene.at(Part::Image, Fault::Slow(4 << 20));
    let url = scene.proxy.url();
    let journal = scene.bench.path("got.sif.part.journal");
    let mut first = start(&mut scene.command(&url, &[]));
    assert!(wait_until(&mut first, || chunks(&journal) >= 1));
    let second = scene.pull(&[]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert!(first.wait().unwrap().success());
    scene.has_image();
    assert!(sent(&scene) < scene.image.len() as u64 * 5 / 4);
    // The first is killed while the second waits: that goes on.
    scene.remove_target();
    let mut first = start(&mut scene.command(&url, &[]));
    assert!(wait_until(&mut first, || chunks(&journal) >= 1));
    let mut second = start(&mut scene.command(&url, &[]));
    assert!(wait_until(&mut first, || chunks(&journal) >= 2));
    kill(&mut first);
    assert!(second.wait().unwrap().success());
    scene.has_image();
}

#[test]
fn eight_pulls_through_one_cache_all_succeed() {
    let scene = Scene::of(BYTES, None);
    scene.at(Part::Image, Fault::Slow(8 << 20));
    let reference = format!("{}//{}", scene.proxy.url(), super::scene::TAG);
    let outputs: Vec<String> = (0..8).map(|number| format!("own-{number}.sif")).collect();
    let mut children: Vec<Child> = outputs
        .iter()
        .map(|out| {
            let args = ["pull", &reference, "--cache", "shared", "-o", out];
            start(&mut scene.bench.command(&args))
        })
        .collect();
    for (child, out) in children.iter_mut().zip(&outputs) {
        assert!(child.wait().unwrap().success(), "{out}");
        assert!(
            fs::read(scene.bench.path(out)).unwrap() == scene.image,
            "{out}"
        );
    }
    let before = sent(&scene);
    assert!(before < scene.image.len() as u64 * 4, "{before}");
    // From then on nothing is fetched.
    scene.proxy.reset_counters();
    let ran = scene.pull(&["--cache", "shared"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(sent(&scene), 0);
    // What is damaged in the cache is not handed out.
    let hex = &scene.digest()["sha256:".len()..];
    let kept = format!("shared/sha256/{}/{hex}", &hex[..2]);
    let mut wrong = scene.image.clone();
    wrong[5_000_000] ^= 1;
    put(&scene.bench.path("."), &kept, &wrong);
    scene.succeeds(&scene.proxy.url(), &["--cache", "shared"]);
}

/// A small file system in memory, until it is dropped.
struct Small(PathBuf);

impl Small {
    fn new(folder: PathBuf, size: &str) -> Self {
        fs::create_dir(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        let done = mount.arg(&folder).output().unwrap();
        assert!(
            done.status.success(),
            "this test mounts a small tmpfs: run it as root: {done:?}"
        );
        Self(folder)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_said_and_nothing_wrong_is_left() {
    let scene = Scene::unsigned();
    let small = Small::new(scene.bench.path("small"), "2m");
    let url = scene.proxy.url();
    // With its size known, and without.
    let sized = format!("{url}//{}", super::scene::TAG);
    let unsized_ = format!("{url}/{}@{}", scene.blob(), scene.digest());
    for reference in [sized, unsized_] {
        let args = ["pull", &reference, "-o", "small/got.sif"];
        let ran = scene.bench.run(&args);
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        assert!(ran.stderr.contains("error[no-space]"), "{}", ran.stderr);
        assert!(!small.0.join("got.sif").exists());
    }
    // Once there is room, it goes on.
    let mut mount = Command::new("mount");
    mount.args(["-o", "remount,size=8m"]).arg(&small.0);
    assert!(mount.status().unwrap().success());
    let reference = format!("{url}//{}", super::scene::TAG);
    let ran = scene
        .bench
        .run(&["pull", &reference, "-o", "small/got.sif"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(fs::read(small.0.join("got.sif")).unwrap() == scene.image);
}
