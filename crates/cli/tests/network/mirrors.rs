//! Mirrors that lie: nothing that is verified depends on who sent it.

use std::fs;
use std::path::Path;

use sreg_tests::servers::Nginx;

use crate::scene::{Scene, TAG, put, statement};
use crate::support::{Ran, snapshot};

/// Flips a bit at the start of a file, and one in its middle.
fn flip(root: &Path, path: &str) {
    let mut bytes = fs::read(root.join(path)).unwrap();
    for at in [0, bytes.len() / 2] {
        bytes[at] ^= 1;
    }
    put(root, path, &bytes);
}

fn nodes(root: &Path) -> Vec<String> {
    let files = snapshot(root).into_iter().map(|(path, _)| path);
    files.filter(|path| path.starts_with("n/")).collect()
}

#[test]
fn malicious_mirror_a_good_one_makes_up_for_a_bad_one() {
    for scene in [Scene::unsigned(), Scene::signed()] {
        let root = scene.bench.public();
        let (statement, _) = statement(&root, "1.0");
        let trust: &[String] = match root.join("trust").exists() {
            true => &["--trust".to_owned(), scene.id()],
            false => &[],
        };
        let trust: Vec<&str> = trust.iter().map(String::as_str).collect();
        let good = scene.nginx.url();
        let cases = [
            ("image", vec![scene.blob()]),
            ("head", vec!["head".to_owned()]),
            ("statement", vec![statement]),
            ("nodes", nodes(&root)),
        ];
        for (name, paths) in cases {
            let (folder, bad) = scene.mirror(name);
            paths.iter().for_each(|path| flip(&folder, path));
            // Known to nobody before, and known to somebody.
            for _ in 0..2 {
                scene.refuses_bytes(&bad.url(), &trust);
                scene.refuses_bytes(
                    &bad.url(),
                    &[&trust[..], &["--mirror", &bad.url()]].concat(),
                );
                scene.succeeds(&bad.url(), &[&trust[..], &["--mirror", &good]].concat());
                // What is wrong with a mirror that is not needed is nobody's trouble.
                scene.succeeds(&good, &[&trust[..], &["--mirror", &bad.url()]].concat());
            }
        }
    }
}

#[test]
fn malicious_mirror_another_registry_is_no_mirror() {
    let scene = Scene::signed();
    let other = Scene::of(100_000, Some(2));
    let unsigned = Scene::of(100_000, None);
    let id = scene.id();
    for other in [&other, &unsigned] {
        let (bad, good) = (other.nginx.url(), scene.nginx.url());
        let is_signed = other.bench.public().join("trust").exists();
        let word = if is_signed {
            "other-registry"
        } else {
            "unsigned"
        };
        scene.refuses_from(&bad, 7, word, &["--trust", &id]);
        scene.succeeds(&bad, &["--trust", &id, "--mirror", &good]);
        scene.succeeds(&good, &["--trust", &id, "--mirror", &bad]);
        // From now on it is known without being said.
        scene.refuses_from(&bad, 7, word, &[]);
    }
}

#[test]
fn mix_and_match_two_mirrors_with_two_sidecars() {
    let scene = Scene::unsigned();
    let sidecar = scene.sidecar();
    let (first, second) = (scene.mirror("first"), scene.mirror("second"));
    let right = fs::read(first.0.join(&sidecar)).unwrap();
    // Each is right in its end, and wrong in another link.
    for (folder, at) in [(&first.0, 0), (&second.0, 32)] {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        put(folder, &sidecar, &wrong);
    }
    let (first, second) = (first.1.url(), second.1.url());
    let ran = scene.succeeds(&first, &["--mirror", &second]);
    assert!(
        ran.stderr.contains("no valid digest chain"),
        "{}",
        ran.stderr
    );
    // One that is right, wherever it is, is used.
    let ran = scene.succeeds(
        &first,
        &["--mirror", &second, "--mirror", &scene.nginx.url()],
    );
    assert!(
        !ran.stderr.contains("no valid digest chain"),
        "{}",
        ran.stderr
    );
}

#[test]
fn mix_and_match_what_is_about_another_tag() {
    for scene in [Scene::unsigned(), Scene::signed()] {
        let root = scene.bench.public();
        let trust = match root.join("trust").exists() {
            true => vec!["--trust".to_owned(), scene.id()],
            false => Vec::new(),
        };
        let trust: Vec<&str> = trust.iter().map(String::as_str).collect();
        let ((one, about_one), (two, about_two)) =
            (statement(&root, "1.0"), statement(&root, "2.0"));
        let bytes = |path: &str| fs::read(root.join(path)).unwrap();
        let (folder, mirror) = scene.mirror("statement");
        put(&folder, &one, &bytes(&two));
        scene.refuses_bytes(&mirror.url(), &trust);
        // The other's sidecar, and the other's image.
        let blob = |about: &serde_json::Value, key: &str| {
            format!("v2/lab/tool/blobs/{}", about[key].as_str().unwrap())
        };
        let (folder, mirror) = scene.mirror("sidecar");
        put(
            &folder,
            &blob(&about_one, "chain"),
            &bytes(&blob(&about_two, "chain")),
        );
        let ran = scene.succeeds(&mirror.url(), &trust);
        assert!(
            ran.stderr.contains("no valid digest chain"),
            "{}",
            ran.stderr
        );
        let (folder, mirror) = scene.mirror("image");
        put(
            &folder,
            &blob(&about_one, "digest"),
            &bytes(&blob(&about_two, "digest")),
        );
        scene.refuses_from(&mirror.url(), 6, "blob-mismatch", &trust);
        // A leaf of another registry in the place of this one's.
        let other = Scene::of(100_000, None);
        let foreign = snapshot(&other.bench.public());
        let (_, leaf) = foreign
            .iter()
            .find(|(path, _)| path.starts_with("n/"))
            .unwrap();
        let (folder, mirror) = scene.mirror("leaf");
        nodes(&root)
            .iter()
            .for_each(|path| put(&folder, path, leaf));
        scene.refuses_bytes(&mirror.url(), &trust);
    }
}

/// Documents of one registry, blobs of another mirror: each has what the other has not.
#[test]
fn mix_and_match_a_mirror_may_have_a_part_only() {
    let scene = Scene::unsigned();
    let (folder, blobs) = scene.mirror("blobs");
    fs::remove_dir_all(folder.join("n")).unwrap();
    let (folder, documents) = scene.mirror("documents");
    fs::remove_dir_all(folder.join("v2")).unwrap();
    fs::create_dir(folder.join("v2")).unwrap();
    let urls = |one: &Nginx, two: &Nginx| (one.url(), two.url());
    for (first, second) in [urls(&blobs, &documents), urls(&documents, &blobs)] {
        scene.succeeds(&first, &["--mirror", &second]);
    }
    scene.refuses_from(&documents.url(), 4, "missing-blob", &[]);
    scene.refuses_from(&blobs.url(), 4, "missing-node", &[]);
}

#[test]
fn malicious_mirror_what_is_streamed_is_right_as_far_as_it_goes() {
    let scene = Scene::unsigned();
    let (folder, bad) = scene.mirror("bad");
    let mut wrong = scene.image.clone();
    wrong[5 << 19] ^= 1;
    put(&folder, &scene.blob(), &wrong);
    let run = |more: &[&str]| {
        let reference = format!("{}//{TAG}", bad.url());
        let args = [&["pull", &reference, "--retries", "0"], more].concat();
        scene.bench.command(&args).output().unwrap()
    };
    let good = scene.nginx.url();
    let ran = run(&["--stream"]);
    assert_eq!(ran.status.code(), Some(6));
    assert!(scene.image.starts_with(&ran.stdout));
    let ran = run(&["-o", "-"]);
    assert_eq!(ran.status.code(), Some(6));
    assert!(ran.stdout.is_empty(), "{} bytes", ran.stdout.len());
    for how in [&["--stream"][..], &["-o", "-"]] {
        let ran = run(&[how, &["--mirror", &good]].concat());
        assert_eq!(ran.status.code(), Some(0));
        assert!(ran.stdout == scene.image);
    }
}

#[test]
fn malicious_mirror_settings_lead_nowhere() {
    let scene = Scene::unsigned();
    let secret = scene.bench.path("secret");
    fs::write(&secret, &scene.image).unwrap();
    let good = scene.nginx.url();
    let elsewhere = format!("file://{}", secret.display());
    let closed = "http://127.0.0.1:1/{digest}".to_owned();
    for (number, url) in [elsewhere, closed, "../{digest}".to_owned()]
        .iter()
        .enumerate()
    {
        let (folder, bad) = scene.mirror(&format!("settings-{number}"));
        let mut settings: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join("sreg.json")).unwrap()).unwrap();
        settings["blob_url"] = url.as_str().into();
        put(&folder, "sreg.json", format!("{settings}\n").as_bytes());
        scene.remove_target();
        let ran = scene.pull_from(&bad.url(), &[]);
        let (code, word) = match url.starts_with("http") {
            true => (5, "unreachable"),
            false => (6, "malformed-settings"),
        };
        assert_eq!(ran.code, code, "{url}: {}", ran.stderr);
        let said = ran.stderr.contains(&format!("error[{word}]"));
        assert!(said, "{url}: {}", ran.stderr);
        assert!(!scene.target().exists());
        scene.succeeds(&bad.url(), &["--mirror", &good]);
        scene.succeeds(&good, &["--mirror", &bad.url()]);
    }
    let (folder, bad) = scene.mirror("endless");
    put(&folder, "sreg.json", &vec![b' '; 1 << 20]);
    scene.refuses_bytes(&bad.url(), &[]);
    scene.succeeds(&bad.url(), &["--mirror", &good]);
}

#[test]
fn malicious_mirror_of_a_file_is_left() {
    let scene = Scene::unsigned();
    let mut wrong = scene.image.clone();
    wrong[5 << 19] ^= 1;
    put(&scene.bench.public(), "wrong.sif", &wrong);
    put(&scene.bench.public(), "right.sif", &scene.image);
    let url = |name: &str| format!("{}/{name}.sif", scene.nginx.url());
    let reference = format!("{}@{}", url("wrong"), scene.digest());
    scene.refuses_reference(&reference, 6, "blob-mismatch", &["--mirror", &url("wrong")]);
    scene.remove_target();
    let output = scene
        .command_for(&reference, &["--mirror", &url("right")])
        .output();
    let ran = Ran::of(&output.unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    scene.has_image();
}
