//! Names that lead elsewhere, links in the way, and servers that send people around.

use std::fs;
use std::os::unix::fs::symlink;

use super::odd::Odd;
use super::scene::{BEFORE, Scene, put};
use crate::support::{Ran, snapshot};

#[test]
fn path_traversal_no_such_reference_is_asked_for() {
    let scene = Scene::unsigned();
    for name in [
        "../x",
        "lab/..",
        "lab/../../x",
        "lab/%2e%2e:1.0",
        "lab/tool:..",
        "lab/tool:../../x",
        "lab/tool:%2e%2e",
        "lab/tool:a\\b",
        "lab/a\\b:1",
        "lab/tool:1\n0",
        "lab/tool:\u{202e}x",
        "/etc/passwd",
        "C:\\x",
    ] {
        let reference = format!("{}//{name}", scene.proxy.url());
        let ran = scene.refuses_reference(&reference, 2, "usage", &[]);
        assert_eq!(scene.proxy.requests(), [], "{name}: {}", ran.stderr);
    }
}

/// Every file of the bench but the registry.
fn files(scene: &Scene) -> Vec<String> {
    let all = snapshot(&scene.bench.path(".")).into_iter();
    let all = all.map(|(path, _)| path);
    all.filter(|path| !path.starts_with("public/") && !path.starts_with("cache/"))
        .collect()
}

#[test]
fn path_traversal_a_url_names_no_file_elsewhere() {
    let scene = Scene::unsigned();
    let image = scene.image.clone();
    let odd = Odd::start(move |_| ("200 OK", Vec::new(), image.clone()));
    let digest = scene.digest();
    let plain = format!("{}.sif", &digest["sha256:".len()..][..12]);
    for name in [
        "..",
        "%2e%2e",
        "a%2f..%2fb.sif",
        "a%00b.sif",
        "a\\b.sif",
        ".bashrc",
        "",
        "a/..",
        "x?/../../y.sif",
        "a;b.sif",
        "\u{202e}x.sif",
    ] {
        let before = files(&scene);
        let reference = format!("{}/{name}@{digest}", odd.url);
        let ran = scene.bench.run(&["pull", &reference, "--timeout", "2"]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        let mut after = files(&scene);
        after.retain(|file| !before.contains(file));
        let expected = match name {
            "x?/../../y.sif" => "x",
            _ => plain.as_str(),
        };
        assert_eq!(after, [expected], "{name}");
        fs::remove_file(scene.bench.path(expected)).unwrap();
    }
}

#[test]
fn path_traversal_a_registry_cannot_name_the_file() {
    let scene = Scene::unsigned();
    // A statement about another name, in the place of the one that is asked for.
    let (root, nginx) = scene.mirror("hostile");
    let (path, mut about) = super::scene::statement(&root, "1.0");
    for tag in ["..", "../../x", "a/b", "a\\b", "a\u{0}b", "%2e%2e"] {
        about["tag"] = tag.into();
        put(&root, &path, format!("{about}\n").as_bytes());
        let before = files(&scene);
        let reference = format!("{}//lab/tool:1.0", nginx.url());
        let ran = scene.bench.run(&["pull", &reference]);
        assert_eq!(ran.code, 6, "{tag}: {}", ran.stderr);
        assert_eq!(files(&scene), before, "{tag}");
    }
}

#[test]
fn path_traversal_a_link_as_the_target_is_replaced_not_followed() {
    let scene = Scene::unsigned();
    let precious = scene.bench.path("precious");
    fs::write(&precious, BEFORE).unwrap();
    for destination in [precious.clone(), scene.bench.path("nowhere")] {
        scene.remove_target();
        symlink(&destination, scene.target()).unwrap();
        // Not without being asked to.
        let ran = scene.pull(&[]);
        assert!(ran.stderr.contains("error[file-exists]"), "{}", ran.stderr);
        assert!(scene.target().is_symlink());
        let ran = scene.pull(&["--force"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(!scene.target().is_symlink());
        scene.has_image();
        assert_eq!(fs::read(&precious).unwrap(), BEFORE);
        assert!(!scene.bench.path("nowhere").exists());
    }
}

#[test]
fn path_traversal_a_link_as_the_partial_file_is_refused() {
    let scene = Scene::unsigned();
    let precious = scene.bench.path("precious");
    for ending in [".part", ".part.journal"] {
        for destination in [precious.clone(), scene.bench.path("nowhere")] {
            scene.remove_target();
            fs::write(&precious, BEFORE).unwrap();
            let link = scene.bench.path(&format!("got.sif{ending}"));
            symlink(&destination, &link).unwrap();
            let ran = scene.pull(&[]);
            match ending {
                ".part" => {
                    assert_eq!(ran.code, 5, "{}", ran.stderr);
                    assert!(ran.stderr.contains("error[unwritable]"), "{}", ran.stderr);
                    assert!(!scene.target().exists());
                }
                _ => scene.has_image(),
            }
            assert_eq!(fs::read(&precious).unwrap(), BEFORE);
            assert!(!scene.bench.path("nowhere").exists());
        }
    }
}

#[test]
fn redirects_a_loop_is_left() {
    let scene = Scene::unsigned();
    let count = Odd::start(|asked| {
        let to = format!("Location: {}x", asked.path);
        ("302 Found", vec![to], Vec::new())
    });
    let own = Odd::start(|asked| {
        let to = format!("Location: {}", asked.path);
        ("307 Temporary Redirect", vec![to], Vec::new())
    });
    for odd in [&count, &own] {
        scene.refuses_from(&odd.url, 5, "unreachable", &[]);
        let file = format!("{}/a.sif@{}", odd.url, scene.digest());
        scene.refuses_reference(&file, 5, "unreachable", &[]);
        assert!(odd.asked().len() < 60, "{}", odd.asked().len());
        scene.succeeds(&odd.url, &["--mirror", &scene.nginx.url()]);
    }
}

#[test]
fn redirects_a_file_of_this_machine_is_not_led_to() {
    let scene = Scene::unsigned();
    let secret = scene.bench.path("secret");
    fs::write(&secret, &scene.image).unwrap();
    let to = format!("Location: file://{}", secret.display());
    let odd = Odd::start(move |_| ("302 Found", vec![to.clone()], Vec::new()));
    let file = format!("{}/a.sif@{}", odd.url, scene.digest());
    scene.refuses_reference(&file, 5, "unreachable", &[]);
    let ran = Ran::of(&scene.command(&odd.url, &[]).output().unwrap());
    assert_eq!(ran.code, 5, "{}", ran.stderr);
}
