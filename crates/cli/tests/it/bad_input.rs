//! Bad input: each gets an error that names it, the right exit code, and leaves what was
//! published as it was.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use sreg_model::Arch;
use sreg_tests::images;
use sreg_tests::syscalls::{Lack, run_without};

use crate::support::{Bench, Ran};

/// A bench on which something good is published already.
fn published() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/good_1.sif");
    bench.index();
    bench
}

#[test]
fn malformed_images_are_all_listed() {
    let bench = published();
    let good = images::sif("x", Arch::Amd64, 100);
    let mut overlapping = good.clone();
    // The second object starts where the first one does.
    let first = sreg_tests::sif::descriptor_at(0) + sreg_tests::sif::descriptor::OFFSET;
    let second = sreg_tests::sif::descriptor_at(1) + sreg_tests::sif::descriptor::OFFSET;
    let offset = overlapping[first..first + 8].to_vec();
    sreg_tests::sif::patch(&mut overlapping, second, &offset);
    bench.write("lab/cut_1.sif", &good[..good.len() - 1000]);
    bench.write("lab/headless_1.sif", &good[..100]);
    bench.write("lab/empty_1.sif", b"");
    bench.write("lab/overlap_1.sif", &overlapping);
    bench.write("lab/page_1.sif", b"<!DOCTYPE html><title>404</title>");
    bench.write(
        "lab/pointer_1.sif",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    );
    let ran = bench.run(&["index", "images", "--out", "public"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    for name in ["cut", "headless", "empty", "overlap", "page", "pointer"] {
        assert!(
            ran.stderr.contains(&format!("images/lab/{name}_1.sif")),
            "{name}: {}",
            ran.stderr
        );
    }
    assert!(ran.stderr.contains("--skip-invalid"), "{}", ran.stderr);
    bench.is_whole();
    // The rest is published on demand, and what was left out is said.
    let ran = bench.run(&[
        "index",
        "images",
        "--out",
        "public",
        "--skip-invalid",
        "--format",
        "json",
    ]);
    assert_eq!(ran.code, 9);
    assert_eq!(ran.json()["skipped"].as_array().unwrap().len(), 6);
    assert_eq!(bench.ls(), ["lab/good:1 amd64"]);
}

#[test]
fn a_path_that_gives_no_reference_is_named() {
    for (path, word) in [
        ("lab/a/b/c.sif", "malformed-reference"),
        ("lab/-tool_1.sif", "malformed-name"),
        ("lab/tool_1+2.sif", "malformed-tag"),
        ("-lab/tool_1.sif", "malformed-namespace"),
        ("v2/tool_1.sif", "reserved-name"),
        ("library/version/1.sif", "reserved-name"),
    ] {
        let bench = published();
        bench.sif(path);
        let ran = bench.index_fails(6, word, &[]);
        assert!(ran.stderr.contains(path), "{}", ran.stderr);
    }
}

#[test]
fn names_that_collide_are_both_named() {
    for (path, word) in [
        ("lab/Good_1.sif", "case-collision"),
        ("LAB/other_1.sif", "case-collision"),
        ("lab/good/1.sif", "duplicate-reference"),
    ] {
        let bench = published();
        bench.sif(path);
        let ran = bench.index_fails(8, word, &[]);
        assert!(ran.stderr.to_lowercase().contains("good"), "{}", ran.stderr);
    }
    // A name that is no longer in the folder, but still published.
    let bench = published();
    fs::create_dir(bench.path("more")).unwrap();
    fs::rename(bench.images().join("lab"), bench.path("more/Lab")).unwrap();
    let ran = bench.run(&["index", "more", "--out", "public"]);
    assert_eq!(ran.code, 8);
    assert!(ran.stderr.contains("case-collision"), "{}", ran.stderr);
    bench.is_whole();
}

#[test]
fn a_name_that_contradicts_the_header_is_refused() {
    let bench = published();
    bench.sif("lab/tool_1.arm64.sif");
    let ran = bench.index_fails(6, "arch-mismatch", &[]);
    assert!(
        ran.stderr.contains("arm64") && ran.stderr.contains("amd64"),
        "{}",
        ran.stderr
    );
}

#[test]
fn folders_links_and_sandboxes() {
    let bench = published();
    symlink(".", bench.images().join("lab/loop")).unwrap();
    bench.index_fails(6, "symlink-loop", &[]);
    fs::remove_file(bench.images().join("lab/loop")).unwrap();

    symlink("self_1.sif", bench.images().join("lab/self_1.sif")).unwrap();
    bench.index_fails(6, "symlink-loop", &[]);
    fs::remove_file(bench.images().join("lab/self_1.sif")).unwrap();

    symlink("nowhere", bench.images().join("lab/dangling_1.sif")).unwrap();
    let ran = bench.index_fails(5, "unreadable", &[]);
    assert!(ran.stderr.contains("dangling_1.sif"), "{}", ran.stderr);
    fs::remove_file(bench.images().join("lab/dangling_1.sif")).unwrap();

    fs::create_dir(bench.images().join("lab/sandbox_1.sif")).unwrap();
    let ran = bench.index_fails(6, "not-a-file", &[]);
    assert!(ran.stderr.contains("sandbox"), "{}", ran.stderr);
    fs::remove_dir(bench.images().join("lab/sandbox_1.sif")).unwrap();

    // A link to an image elsewhere is an image.
    let elsewhere = bench.path("elsewhere.sif");
    fs::write(&elsewhere, images::sif("elsewhere", Arch::Amd64, 10)).unwrap();
    symlink(&elsewhere, bench.images().join("lab/linked_1.sif")).unwrap();
    bench.index();
    assert_eq!(bench.ls(), ["lab/good:1 amd64", "lab/linked:1 amd64"]);
    bench.is_whole();
}

/// Whether permissions bind this user: they do not bind root.
fn bound_by_permissions(bench: &Bench) -> bool {
    let path = bench.path("probe");
    fs::write(&path, b"x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    fs::read(&path).is_err()
}

#[test]
fn unreadable_files_and_folders_are_named() {
    let bench = published();
    let file = bench.sif("lab/secret_1.sif");
    let folder = bench.images().join("closed");
    fs::create_dir(&folder).unwrap();
    for path in [&file, &folder] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    if bound_by_permissions(&bench) {
        let ran = bench.index_fails(5, "unreadable", &[]);
        assert!(
            ran.stderr.contains("secret_1.sif") && ran.stderr.contains("images/closed"),
            "{}",
            ran.stderr
        );
    } else {
        // Root reads everything: a file that nobody can read, then.
        fs::remove_file(&file).unwrap();
        symlink("/proc/self/mem", &file).unwrap();
        let ran = bench.run(&["index", "images", "--out", "public"]);
        assert_ne!(ran.code, 0);
        assert!(ran.stderr.contains("secret_1.sif"), "{}", ran.stderr);
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    bench.is_whole();
}

#[test]
fn a_folder_that_is_not_ours_is_not_touched() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    fs::create_dir(bench.public()).unwrap();
    fs::write(bench.public().join("thesis.txt"), b"ten years of work").unwrap();
    let ran = bench.index_fails(2, "not-our-folder", &[]);
    assert!(ran.stderr.contains("public"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(bench.public()).unwrap().count(), 1);
    // Files of others in a tree of ours stay.
    fs::remove_file(bench.public().join("thesis.txt")).unwrap();
    bench.index();
    fs::write(bench.public().join("CNAME"), b"example.org").unwrap();
    fs::create_dir_all(bench.public().join("docs/guide/tags")).unwrap();
    fs::write(bench.public().join("docs/guide/tags/page.html"), b"mine").unwrap();
    bench.index();
    assert!(
        bench.public().join("CNAME").exists()
            && bench.public().join("docs/guide/tags/page.html").exists()
    );
    let ran = bench.run(&["verify", "public"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.stderr.contains("warning[foreign-file]: CNAME"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_source_or_output_that_makes_no_sense() {
    let bench = published();
    let ran = bench.run(&["index", "nowhere", "--out", "public"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
    fs::create_dir(bench.path("empty")).unwrap();
    let ran = bench.run(&["index", "empty", "--out", "public"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("error[no-images]"), "{}", ran.stderr);
    let ran = bench.run(&["index", "images"]);
    assert_eq!(ran.code, 2);
    fs::write(bench.path("file"), b"").unwrap();
    let ran = bench.run(&["index", "images", "--out", "file"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    bench.is_whole();
}

#[test]
fn the_output_inside_the_source_is_not_indexed_again() {
    let bench = Bench::new();
    bench.sif("tool_1.sif");
    for _ in 0..2 {
        let ran = bench.run(&["index", "images", "--out", "images/public"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    assert_eq!(bench.run(&["verify", "images/public"]).code, 0);
}

#[test]
fn a_tree_of_a_newer_format_is_left_alone() {
    let bench = published();
    let settings = bench.public().join("sreg.json");
    fs::write(
        &settings,
        "{\"format\":2,\"future\":null,\"type\":\"sreg-registry\"}\n",
    )
    .unwrap();
    bench.index_fails(2, "newer-format", &[]);
    for command in [
        &["verify", "public"][..],
        &["ls", "public"],
        &["repair", "public"],
        &["diff", "public", "public"],
    ] {
        let ran = bench.run(command);
        assert_eq!(ran.code, 2, "{command:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("error[newer-format]"), "{}", ran.stderr);
    }
    assert!(fs::read_to_string(&settings).unwrap().contains("future"));
}

#[test]
fn two_runs_on_one_output_take_turns() {
    let bench = published();
    for number in 0..30 {
        bench.sif(&format!("lab/tool_{number}.sif"));
    }
    let holder = fs::File::open(bench.public()).unwrap();
    holder.lock().unwrap();
    let mut waiting = bench.command(&["index", "images", "--out", "public"]);
    let mut child = waiting
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // It says that it waits, and does.
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let waits = said.any(|line| line.unwrap().contains("waiting for another sreg process"));
    assert!(waits, "the second run ended without waiting");
    assert_eq!(bench.ls().len(), 1);
    holder.unlock().unwrap();
    assert!(said.all(|line| line.is_ok()));
    assert!(child.wait().unwrap().success());
    // And without a hand on the lock: all at once, none lost.
    let children: Vec<_> = (0..4)
        .map(|number| {
            let folder = bench.path(&format!("source{number}"));
            fs::create_dir(&folder).unwrap();
            fs::write(
                folder.join(format!("own{number}_1.sif")),
                images::sif(&number.to_string(), Arch::Amd64, 10),
            )
            .unwrap();
            bench
                .command(&["index", folder.to_str().unwrap(), "--out", "public"])
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(bench.ls().len(), 35);
    bench.is_whole();
}

#[test]
fn a_link_mode_that_cannot_be_had_says_so() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    // As between two file systems.
    let lacks = [(Lack::HardLinks, rustix::io::Errno::XDEV.raw_os_error())];
    let index = ["index", "images", "--out", "public", "--link", "hard"];
    let ran = Ran::of(&run_without(&lacks, &mut bench.command(&index)));
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("error[unwritable]"), "{}", ran.stderr);
    bench.index();
    bench.is_whole();
}

/// Waits until a process has begun to hash: it has mapped the file, or read a lot.
fn wait_until_hashing(process: u32, path: &std::path::Path) {
    let name = path.canonicalize().unwrap().to_str().unwrap().to_owned();
    for _ in 0..2000 {
        let mapped = fs::read_to_string(format!("/proc/{process}/maps"))
            .unwrap_or_default()
            .contains(&name);
        let counters = fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
        let read: u64 = counters
            .lines()
            .find_map(|line| line.strip_prefix("rchar: "))
            .and_then(|count| count.parse().ok())
            .unwrap_or(0);
        if mapped || read > 8 << 20 {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{name} is not being hashed");
}

/// An image with a long tail, which a SIF may have: it takes a while to hash.
fn long_image(bench: &Bench, name: &str) -> std::path::PathBuf {
    let path = bench.sif(name);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    path
}

#[test]
fn an_image_that_shrinks_while_it_is_hashed_is_named() {
    for io in ["mmap", "read"] {
        let bench = published();
        let path = long_image(&bench, "lab/long_1.sif");
        let mut command = bench.command(&[
            "index",
            "images",
            "--out",
            "public",
            "--io",
            io,
            "--no-cache",
            "--jobs",
            "1",
        ]);
        let child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        wait_until_hashing(child.id(), &path);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(40_000)
            .unwrap();
        let ran = crate::support::Ran::of(&child.wait_with_output().unwrap());
        assert_eq!(ran.code, 5, "{io}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("error[file-changed]") && ran.stderr.contains("long_1.sif"),
            "{io}: {}",
            ran.stderr
        );
        assert_eq!(bench.ls(), ["lab/good:1 amd64"]);
        bench.is_whole();
    }
}

#[test]
fn an_interrupt_ends_the_run_and_nothing_is_lost() {
    for signal in ["INT", "TERM"] {
        let bench = published();
        let path = long_image(&bench, "lab/long_1.sif");
        let mut command = bench.command(&["index", "images", "--out", "public", "--no-cache"]);
        let child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        wait_until_hashing(child.id(), &path);
        let killed = std::process::Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let ran = crate::support::Ran::of(&child.wait_with_output().unwrap());
        assert_eq!(ran.code, 130, "{}", ran.stderr);
        assert!(ran.stderr.contains("error[interrupted]"), "{}", ran.stderr);
        assert_eq!(bench.ls(), ["lab/good:1 amd64"]);
        assert!(!bench.public().join("staging").exists());
        bench.is_whole();
    }
}

#[test]
fn targets_that_are_not_there() {
    let bench = published();
    for (args, code, word) in [
        (&["verify", "nowhere"][..], 4, "missing-file"),
        (&["verify", "images"], 4, "not-a-registry"),
        (&["verify", "public//lab/none:1"], 4, "missing-reference"),
        (&["verify", "public//none/good:1"], 4, "missing-reference"),
        (&["verify", "public//lab"], 2, "usage"),
        (
            // Nobody listens there.
            &["--retries", "0", "verify", "http://127.0.0.1:9//lab/good:1"],
            5,
            "unreachable",
        ),
        (
            &["index", "images", "--out", "s3://bucket"],
            2,
            "not-supported",
        ),
        (&["inspect", "public"], 2, "usage"),
        (&["inspect", "public//lab/good:2"], 4, "missing-reference"),
        (&["ls", "public//none"], 4, "missing-reference"),
        (&["ls", "images"], 4, "not-a-registry"),
    ] {
        let ran = bench.run(args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains(&format!("error[{word}]")),
            "{args:?}: {}",
            ran.stderr
        );
    }
}

#[test]
fn links_out_of_the_tree_are_neither_followed_nor_emptied() {
    let bench = published();
    let outside = bench.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("keep"), b"mine").unwrap();
    symlink(&outside, bench.public().join("staging")).unwrap();
    bench.sif("lab/new_1.sif");
    let ran = bench.run(&["index", "images", "--out", "public"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("points outside the registry"),
        "{}",
        ran.stderr
    );
    assert_eq!(bench.run(&["repair", "public"]).code, 5);
    fs::remove_file(bench.public().join("staging")).unwrap();
    for folder in ["heads", "lab", "v2/lab"] {
        let (place, moved) = (bench.public().join(folder), bench.path("moved"));
        fs::rename(&place, &moved).unwrap();
        symlink(&outside, &place).unwrap();
        let ran = bench.run(&["index", "images", "--out", "public"]);
        assert_ne!(ran.code, 0, "{folder}");
        fs::remove_file(&place).unwrap();
        fs::rename(&moved, &place).unwrap();
    }
    assert_eq!(fs::read(outside.join("keep")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    // What others put into a staging folder of ours stays there, too.
    fs::create_dir_all(bench.public().join("staging")).unwrap();
    fs::write(bench.public().join("staging/notes.txt"), b"mine").unwrap();
    bench.index();
    assert!(bench.public().join("staging/notes.txt").exists());
}

#[test]
fn names_of_others_and_odd_configurations() {
    let bench = published();
    fs::write(bench.public().join("x\u{1b}[31m\nok"), b"").unwrap();
    let ran = bench.run(&["verify", "public"]);
    assert!(
        !ran.stderr.contains('\u{1b}') && ran.stderr.contains("\\u{1b}[31m\\nok"),
        "{}",
        ran.stderr
    );

    use std::os::unix::ffi::OsStrExt as _;
    let name = std::ffi::OsStr::from_bytes(b"lab/\xff_1.sif");
    fs::write(bench.images().join(name), images::sif("x", Arch::Amd64, 10)).unwrap();
    bench.index_fails(6, "malformed-reference", &[]);
    fs::remove_file(bench.images().join(name)).unwrap();

    assert_eq!(bench.run(&["ls", "public", "--jobs", "99999"]).code, 2);
    symlink("/dev/zero", bench.path("sreg.toml")).unwrap();
    let ran = bench.run(&["ls", "public"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    let bench = published();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let status = bench
        .command(&["ls", "public"])
        .stdout(full())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(5));
    let status = bench
        .command(&["verify", "nowhere"])
        .stderr(full())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(4));
}
