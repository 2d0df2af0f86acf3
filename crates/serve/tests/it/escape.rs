//! No way out of the tree, and nothing of what is in it that is not published.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::Site;

// spec: CLI-29
#[test]
fn traversal_in_many_spellings() {
    let site = Site::start();
    site.write("lab/tool/tags/index.html", "{}");
    site.write("head", "head");
    for target in [
        "/../secret",
        "/lab/../../secret",
        "/lab/tool/../../../secret",
        "/./../secret",
        "/..",
        "/../",
        "/%2e%2e/secret",
        "/%2E%2E/secret",
        "/.%2e/secret",
        "/%2e./secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/lab%2f..%2f..%2fsecret",
        "/..%5csecret",
        "/..\\secret",
        "/%252e%252e/secret",
        "/%252e%252e%252fsecret",
        "/%25%32%65%25%32%65/secret",
        "/%c0%ae%c0%ae/secret",
        "/%c0%af..%c0%afsecret",
        "//secret",
        "//../secret",
        "/%2fsecret",
        "/%2f%2e%2e%2fsecret",
        "/head/../../secret",
        "/head%00",
        "/head%00.html",
        "/..;/secret",
        "/lab//tool/tags/",
        "/proc/self/environ",
        "/%u002e%u002e/secret",
        "http://example/../secret",
        "http://example/%2e%2e/secret",
        "http://user:pass@example//etc/passwd",
        "file:///etc/passwd",
        "..",
        "../secret",
        "",
    ] {
        let answer = site.ask(format!("GET {target}"), &[]);
        assert!(matches!(answer.status, 400 | 404), "{target}: {answer:?}");
        assert!(!answer.text().contains("outside"), "{target}");
    }
    for raw in [&b"GET /head\0"[..], b"GET /\xff\xfe", b"GET /..\x00/secret"] {
        let answer = site.ask(raw, &[]);
        assert!(matches!(answer.status, 400 | 404), "{answer:?}");
    }
    // The absolute form is no other path.
    assert_eq!(site.get("http://example/head").text(), "head");
}

// spec: CLI-29
#[test]
fn what_is_not_published() {
    let site = Site::start();
    for path in [
        "staging/journal",
        "staging/index.html",
        ".git/config",
        ".htpasswd",
        "lab/.env",
        "lab/tool/.nojekyll",
        "lab/.hidden/index.html",
    ] {
        site.write(path, "hidden");
        let answer = site.get(&format!("/{path}"));
        assert_eq!(answer.status, 404, "{path}");
    }
    for target in [
        "/staging",
        "/staging/",
        "/%73taging/journal",
        "/staging/journal?arch=amd64",
        "/%2ehtpasswd",
        "/lab/.hidden",
        "/lab/.hidden/",
    ] {
        assert_eq!(site.get(target).status, 404, "{target}");
    }
}

#[test]
fn links_inside_and_out() {
    let site = Site::start();
    site.write("v2/lab/tool/blobs/file", "inside");
    fs::create_dir_all(site.path("library")).unwrap();
    symlink("v2/lab/tool/blobs/file", site.path("inside")).unwrap();
    symlink("../v2/lab/tool", site.path("library/folder")).unwrap();
    symlink("inside", site.path("twice")).unwrap();
    for path in ["/inside", "/library/folder/blobs/file", "/twice"] {
        assert_eq!(site.get(path).text(), "inside", "{path}");
    }
    symlink("../secret", site.path("up")).unwrap();
    symlink("../other", site.path("folder")).unwrap();
    symlink(site.beside("secret"), site.path("absolute")).unwrap();
    symlink("library/../../secret", site.path("winding")).unwrap();
    symlink("up", site.path("indirect")).unwrap();
    symlink("/proc/self/cwd", site.path("magic")).unwrap();
    symlink("/dev/zero", site.path("device")).unwrap();
    symlink("loop", site.path("loop")).unwrap();
    symlink("nowhere", site.path("dangling")).unwrap();
    for path in [
        "/up",
        "/folder/file",
        "/folder",
        "/absolute",
        "/winding",
        "/indirect",
        "/magic/Cargo.toml",
        "/device",
        "/loop",
        "/dangling",
    ] {
        let answer = site.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
}

#[test]
fn a_link_that_is_swapped_while_it_is_served() {
    let site = Site::start();
    site.write("real/file", "inside");
    let (link, next) = (site.path("link"), site.path("next"));
    symlink("real", &link).unwrap();
    let done = Arc::<AtomicBool>::default();
    let is_done = Arc::clone(&done);
    let swapping = thread::spawn(move || {
        for target in ["../other", "real"].iter().cycle() {
            symlink(target, &next).unwrap();
            fs::rename(&next, &link).unwrap();
            if is_done.load(Ordering::Relaxed) {
                return;
            }
        }
    });
    let mut seen = [0; 2];
    for _ in 0..2000 {
        let answer = site.get("/link/file");
        match answer.status {
            200 => assert_eq!(answer.text(), "inside"),
            status => assert_eq!(status, 404),
        }
        seen[usize::from(answer.status == 200)] += 1;
    }
    done.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    // Both were met, or nothing was tested.
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}
