//! File systems that lack something: every command works, and says where something is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::io::Errno;
use sreg_tests::syscalls::{Lack, run_without};

use crate::support::{Bench, Ran};

fn run(bench: &Bench, lacks: &[(Lack, Errno)], args: &[&str]) -> Ran {
    let lacks: Vec<(Lack, i32)> = lacks
        .iter()
        .map(|(lack, error)| (*lack, error.raw_os_error()))
        .collect();
    Ran::of(&run_without(&lacks, &mut bench.command(args)))
}

const INDEX: [&str; 6] = ["index", "images", "--out", "public", "--key", "key-1"];

/// All that a registry goes through, where something is lacking.
fn lives(lacks: &[(Lack, Errno)]) -> (Bench, String) {
    let bench = Bench::new();
    bench.key(1);
    bench.sif("lab/tool_1.sif");
    bench.sif("lab/gone_1.sif");
    bench.sif("lab/other_1.sif");
    let mut said = String::new();
    let mut ok = |args: &[&str]| {
        let ran = run(&bench, lacks, args);
        assert_eq!(ran.code, 0, "{lacks:?} {args:?}: {}", ran.stderr);
        said.push_str(&ran.stderr);
    };
    ok(&INDEX);
    ok(&["verify", "public"]);
    bench.write(
        "lab/tool_1.sif",
        &sreg_tests::images::sif("new", sreg_model::Arch::Amd64, 300),
    );
    fs::remove_file(bench.images().join("lab/gone_1.sif")).unwrap();
    ok(&INDEX);
    ok(&["verify", "public"]);
    ok(&["repair", "public"]);
    let image = bench.sif("../pushed.sif");
    ok(&[
        "push",
        image.to_str().unwrap(),
        "public//lab/pushed:1",
        "--key",
        "key-1",
    ]);
    ok(&["pull", "public//lab/tool:1"]);
    ok(&["pull", "public//lab/pushed:1", "--cache", "cached"]);
    ok(&["mirror", "public", "copy"]);
    ok(&["verify", "copy", "--require-signed"]);
    assert_eq!(
        fs::read(bench.path("pushed_1.sif")).unwrap(),
        fs::read(&image).unwrap()
    );
    // And where nothing is lacking, afterwards.
    bench.is_whole();
    (bench, said)
}

#[test]
fn without_hard_links() {
    for error in [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS, Errno::MLINK] {
        lives(&[(Lack::HardLinks, error)]);
    }
}

#[test]
fn without_hard_links_and_exclusive_renames() {
    lives(&[
        (Lack::HardLinks, Errno::PERM),
        (Lack::ExclusiveRenames, Errno::INVAL),
    ]);
}

#[test]
fn without_symbolic_links() {
    for error in [Errno::PERM, Errno::OPNOTSUPP] {
        let (bench, said) = lives(&[(Lack::SymbolicLinks, error)]);
        assert!(said.contains("does not support symbolic links"), "{said}");
        let file = bench.public().join("library/v1/imagefile/lab/tool:1");
        assert!(fs::symlink_metadata(file).unwrap().is_file());
    }
    lives(&[
        (Lack::SymbolicLinks, Errno::PERM),
        (Lack::HardLinks, Errno::PERM),
    ]);
}

#[test]
fn without_modes() {
    let (bench, said) = lives(&[(Lack::Modes, Errno::PERM)]);
    assert!(said.contains("executable on this file system"), "{said}");
    drop(bench);
    lives(&[(Lack::Modes, Errno::OPNOTSUPP)]);
}

#[test]
fn without_syncs() {
    for error in [Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS] {
        lives(&[(Lack::Syncs, error)]);
    }
}

#[test]
fn a_disk_that_fails_is_no_lack() {
    let bench = Bench::new();
    bench.key(1);
    bench.sif("lab/tool_1.sif");
    for lack in [Lack::Syncs, Lack::SymbolicLinks] {
        let ran = run(&bench, &[(lack, Errno::IO)], &INDEX);
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        assert!(ran.stderr.contains("error[unwritable]"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("does not support"), "{}", ran.stderr);
    }
}

#[test]
fn without_locks_one_publishes_after_the_other() {
    for error in [Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOLCK] {
        lives(&[(Lack::Locks, error)]);
    }
    let bench = Bench::new();
    bench.key(1);
    for number in 0..8 {
        bench.sif(&format!("of-{number}/lab/tool-{number}_1.sif"));
    }
    // Each adds what it has; none may take away what another is writing.
    std::thread::scope(|scope| {
        for number in 0..8 {
            let bench = &bench;
            scope.spawn(move || {
                let source = format!("images/of-{number}");
                let args = ["index", &source, "--out", "public", "--key", "key-1"];
                let ran = run(bench, &[(Lack::Locks, Errno::NOSYS)], &args);
                assert_eq!(ran.code, 0, "{}", ran.stderr);
            });
        }
    });
    assert_eq!(bench.ls().len(), 8);
    assert!(!bench.public().join("staging").exists());
    bench.is_whole();
}

#[test]
fn a_lock_of_a_process_that_is_no_more_is_taken() {
    let bench = Bench::new();
    bench.key(1);
    bench.sif("lab/tool_1.sif");
    bench.ok(&INDEX);
    bench.sif("lab/other_1.sif");
    let staging = bench.public().join("staging");
    fs::create_dir(&staging).unwrap();
    let host = rustix::system::uname();
    let host = host.nodename().to_str().unwrap().replace(' ', "-");
    // More than any process has.
    fs::write(staging.join("lock"), format!("{host} 2000000000\n")).unwrap();
    let ran = run(&bench, &[(Lack::Locks, Errno::NOSYS)], &INDEX);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    bench.is_whole();
}

#[test]
fn a_lock_of_another_machine_is_waited_for_until_a_signal() {
    let bench = Bench::new();
    bench.key(1);
    bench.sif("lab/tool_1.sif");
    bench.ok(&INDEX);
    let staging = bench.public().join("staging");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("lock"), "elsewhere 12\n").unwrap();
    // In the foreground it sends one signal, not a second one to the group.
    let mut command = through(
        &bench,
        "timeout",
        &["--foreground", "-s", "TERM", "2"],
        &INDEX,
    );
    let lacks = [(Lack::Locks, Errno::NOSYS.raw_os_error())];
    let ran = Ran::of(&run_without(&lacks, &mut command));
    // 124: the signal came; the command ended by it.
    assert_eq!(ran.code, 124, "{}", ran.stderr);
    assert!(ran.stderr.contains("elsewhere 12"), "{}", ran.stderr);
    assert!(ran.stderr.contains("error[interrupted]"), "{}", ran.stderr);
    assert_eq!(
        fs::read_to_string(staging.join("lock")).unwrap(),
        "elsewhere 12\n"
    );
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The command as another program starts it.
fn through(bench: &Bench, program: &str, first: &[&str], args: &[&str]) -> std::process::Command {
    let plain = bench.command(args);
    let mut command = std::process::Command::new(program);
    command
        .args(first)
        .arg(plain.get_program())
        .args(plain.get_args());
    command.current_dir(bench.path(".")).env_clear();
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
}

/// Runs a command under a umask.
fn masked(bench: &Bench, umask: &str, args: &[&str]) -> Ran {
    let first = ["-c", "umask $0; exec \"$@\"", umask];
    let ran = Ran::of(&through(bench, "sh", &first, args).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

/// The modes of all files and folders below one, but of images, which may be hard links.
fn modes(root: &Path) -> (Vec<u32>, Vec<u32>) {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let mut next = vec![root.to_owned()];
    while let Some(folder) = next.pop() {
        folders.push(mode(&folder));
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                next.push(entry.path());
            } else if kind.is_file() {
                files.push(mode(&entry.path()));
            }
        }
    }
    files.sort_unstable();
    files.dedup();
    folders.sort_unstable();
    folders.dedup();
    (files, folders)
}

#[test]
fn what_is_published_has_the_mode_of_its_folder() {
    for (root, umask, files, folders) in [
        (0o755, "077", 0o644, 0o755),
        (0o2775, "022", 0o664, 0o2775),
        (0o2770, "077", 0o660, 0o2770),
        (0o700, "000", 0o600, 0o700),
    ] {
        let bench = Bench::new();
        bench.key(1);
        bench.sif("lab/tool_1.sif");
        fs::create_dir(bench.public()).unwrap();
        fs::set_permissions(bench.public(), fs::Permissions::from_mode(root)).unwrap();
        masked(&bench, umask, &[&INDEX[..], &["--link", "copy"]].concat());
        assert_eq!(
            modes(&bench.public()),
            (vec![files], vec![folders]),
            "{root:o}"
        );
        let image = bench.sif("../more.sif");
        let push = [
            "push",
            image.to_str().unwrap(),
            "public//lab/more:1",
            "--key",
            "key-1",
        ];
        masked(&bench, umask, &push);
        // A cache that a group shares.
        fs::create_dir(bench.path("group")).unwrap();
        fs::set_permissions(bench.path("group"), fs::Permissions::from_mode(root)).unwrap();
        masked(
            &bench,
            umask,
            &[
                "pull",
                "public//lab/tool:1",
                "--cache",
                "group",
                "--trust",
                &registry(&bench),
            ],
        );
        assert_eq!(
            modes(&bench.path("group")),
            (vec![files], vec![folders]),
            "{root:o}"
        );
    }
}

fn registry(bench: &Bench) -> String {
    let shown = bench
        .ok(&["trust", "show", "public", "--format", "json"])
        .json();
    shown["registry"].as_str().unwrap().to_owned()
}

#[test]
fn a_folder_that_others_cannot_read_is_said() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    let ran = masked(&bench, "077", &["index", "images", "--out", "public"]);
    assert!(
        ran.stderr.contains("not readable by other users"),
        "{}",
        ran.stderr
    );
    let rows = bench.ok(&["doctor", "public"]).stdout;
    assert!(rows.contains("not readable by other users"), "{rows}");
}
