//! Library crates read no environment, no home folder and no terminal, print nothing, and install nothing for the
//! whole process: `cli` does, and hands it over. `ARCHITECTURE.md` states it, this test searches their sources.

use std::fs;
use std::path::{Path, PathBuf};

/// What only a program does.
const FORBIDDEN: &[&str] = &[
    // The environment, the home folder, the folder for temporary files.
    "std::env",
    "env::var",
    "env::vars",
    "env::args",
    "env::current_dir",
    "env::temp_dir",
    "from_env(",
    "home_dir",
    "default_context(",
    "tempfile::tempfile()",
    "tempfile::tempdir()",
    "tempdir()",
    "NamedTempFile::new()",
    // The terminal.
    "stdin()",
    "stdout()",
    "stderr()",
    "println!",
    "eprintln!",
    "print!(",
    "dbg!",
    "rpassword",
    // The whole process.
    "install_default",
    "build_global",
    "set_hook",
    "set_var",
    "set_current_dir",
    "set_global_default",
    "process::exit",
    "process::abort",
    "sigaction(",
    "signal(libc",
    "setrlimit(",
    "umask(",
];

/// Files that have one of these, and why they may.
const ALLOWED: &[(&str, &str, &str)] = &[
    (
        "sreg/src/registry.rs",
        "std::env",
        "consts::ARCH is a constant of the compiler",
    ),
    (
        "index/src/hash/mmap.rs",
        "sigaction(",
        "SIGBUS becomes an error; any other goes to the handler before",
    ),
    (
        "index/src/hash/mmap.rs",
        "signal(libc",
        "puts back the default if there was no handler before",
    ),
    (
        "image/src/limits.rs",
        "setrlimit(",
        "binds the process that reads one image, as its caller asks",
    ),
    (
        "serve/src/limits.rs",
        "setrlimit(",
        "a server that its caller starts raises the number of open files",
    ),
    (
        "store/src/s3/credentials.rs",
        "home_dir",
        "the name of a field that a caller fills",
    ),
    (
        "store/src/contract.rs",
        "NamedTempFile::new()",
        "a check that tests of stores call",
    ),
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test(&path) {
            found.push(path);
        }
    }
}

/// Modules of unit tests that have a file of their own.
fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
}

/// The lines of a source that run in programs, numbered: no comments, and no unit tests, which end a file.
fn code(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = source.find("\nmod tests {");
    let source = &source[..tests.unwrap_or(source.len())];
    let lines = source.lines().zip(1..).map(|(line, number)| (number, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn libraries_leave_the_environment_the_terminal_and_the_process_alone() {
    let mut wrong = Vec::new();
    let mut used = vec![false; ALLOWED.len()];
    let mut searched = 0;
    for entry in fs::read_dir(crates()).unwrap() {
        let library = entry.unwrap();
        if library.file_name() == "cli" || !library.path().is_dir() {
            continue;
        }
        let mut files = Vec::new();
        sources(&library.path().join("src"), &mut files);
        searched += files.len();
        for file in files {
            let name = file.strip_prefix(crates()).unwrap().to_str().unwrap();
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in code(&text) {
                for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                    let is_allowed = |(of, allowed, _): &(&str, &str, &str)| {
                        *of == name && line.contains(allowed) && allowed == word
                    };
                    match ALLOWED.iter().position(is_allowed) {
                        Some(position) => used[position] = true,
                        None => wrong.push(format!("{name}:{number}: {word}")),
                    }
                }
            }
        }
    }
    assert!(searched > 100, "{searched}");
    for ((name, word, _), _) in ALLOWED.iter().zip(used).filter(|(_, used)| !used) {
        wrong.push(format!("{name} is allowed {word}, and does not need it"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
