//! Which crate may import which, and that no crate has a circle of modules: `ARCHITECTURE.md` draws it, this
//! test holds it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use sreg_tests::files::paths;

/// A crate, and the crates of this workspace that it may import. From the bottom up: a crate imports only
/// those above it in this table.
const ALLOWED: &[(&str, &str)] = &[
    ("model", ""),
    ("files", ""),
    ("index", "model files"),
    ("image", "model files"),
    ("sign", "model files"),
    ("store", "model files"),
    ("views", "model"),
    ("serve", "model files"),
    ("registry", "model files index sign store views"),
    (
        "publish",
        "model files index image sign store views registry",
    ),
    ("ingest", "model files index image views registry publish"),
    ("client", "model files index sign store registry"),
    (
        "sreg",
        "model index sign store registry publish ingest client",
    ),
    (
        "cli",
        "model files index image sign store views serve registry publish ingest client",
    ),
];

/// Packages that only test, measure or generate: they may import whatever they like.
const FREE: &[&str] = &["sreg-tests", "sreg-benches", "xtask"];

/// Crates whose modules form no circle.
const WITHOUT_CIRCLES: &[&str] = &["registry", "publish", "ingest", "client"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap()
}

/// What each crate imports from the workspace; tests may also import fixtures, and what is above them.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata.packages.iter();
    let members: BTreeSet<&str> = packages.clone().map(|package| &**package.name).collect();
    let of_crates = packages.filter(|package| !FREE.contains(&&**package.name));
    let short = |name: &str| name.strip_prefix("sreg-").unwrap_or(name).to_owned();
    let above = |name: &str| -> Vec<&str> {
        let names = ALLOWED.iter().map(|(of, _)| *of);
        names.take_while(|of| *of != name).collect()
    };
    of_crates
        .map(|package| {
            let name = short(&package.name);
            let is_for_tests = |kind, to: &str| {
                kind == DependencyKind::Development
                    && (to == "sreg-tests" || above(&name).contains(&&*short(to)))
            };
            let imports = package.dependencies.iter();
            let imports = imports.filter(|import| members.contains(&*import.name));
            let imports = imports.filter(|import| !is_for_tests(import.kind, &import.name));
            let imports = imports.map(|import| short(&import.name)).collect();
            (name, imports)
        })
        .collect()
}

/// All sources of a crate in one text.
fn source(of: &str) -> String {
    paths(&root().join("crates").join(of).join("src"))
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn every_import_is_allowed_and_every_allowed_one_is_used() {
    let imports = imports();
    let mut wrong = Vec::new();
    for name in imports.keys() {
        if ALLOWED.iter().all(|(of, _)| of != name) {
            wrong.push(format!("{name} is in no table of this test"));
        }
    }
    let mut above = BTreeSet::new();
    for (name, allowed) in ALLOWED {
        let allowed: BTreeSet<String> = allowed.split_whitespace().map(str::to_owned).collect();
        let found = &imports[*name];
        let unwanted = found.difference(&allowed);
        wrong.extend(unwanted.map(|to| format!("{name} imports {to}")));
        let unused = allowed.difference(found);
        wrong.extend(unused.map(|to| format!("{name} may import {to}, and does not")));
        let source = source(name);
        let idle = found
            .iter()
            .filter(|to| !source.contains(&format!("sreg_{to}::")));
        wrong.extend(
            idle.map(|to| format!("{name} lists {to} in its manifest, and does not use it")),
        );
        let upwards = allowed.iter().filter(|to| !above.contains(*to));
        wrong.extend(upwards.map(|to| format!("{name} may import {to}, which is not above it")));
        above.insert((*name).to_owned());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The picture of the arrows in `ARCHITECTURE.md`.
#[test]
fn architecture_draws_the_arrows_as_they_are() {
    let imports = imports();
    let lines = ALLOWED.iter().rev().map(|(name, _)| {
        let to: Vec<&str> = ALLOWED
            .iter()
            .rev()
            .map(|(to, _)| *to)
            .filter(|to| imports[*name].contains(*to))
            .collect();
        format!("{name:<9} ──▶ {}", to.join(", "))
    });
    let lines: Vec<String> = lines
        .map(|line| line.trim_end_matches(" ──▶ ").trim_end().to_owned())
        .collect();
    let picture = format!("```text\n{}\n```", lines.join("\n"));
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(
        page.contains(&picture),
        "ARCHITECTURE.md should draw:\n{picture}"
    );
}

/// The top modules of a crate, and those that each imports.
fn modules(of: &str) -> BTreeMap<String, BTreeSet<String>> {
    let source = root().join("crates").join(of).join("src");
    let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in paths(&source) {
        let below = path.strip_prefix(&source).unwrap().with_extension("");
        let top = below.iter().next().unwrap().to_str().unwrap().to_owned();
        if top != "lib" {
            let text = fs::read_to_string(&path).unwrap();
            modules.entry(top).or_default().extend(named(&text));
        }
    }
    let names: BTreeSet<String> = modules.keys().cloned().collect();
    for (module, imports) in &mut modules {
        imports.retain(|to| names.contains(to) && to != module);
    }
    modules
}

/// The modules that follow `crate::` in a text.
fn named(text: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        let is_word = |character: &char| character.is_ascii_lowercase() || *character == '_';
        text.chars().take_while(is_word).collect()
    };
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split('}').next().unwrap();
                names.extend(group.split(',').map(|item| word(item.trim())));
            }
            None => {
                names.insert(word(rest));
            }
        }
    }
    names
}

#[test]
fn no_crate_has_a_circle_of_modules() {
    let mut wrong = Vec::new();
    for of in WITHOUT_CIRCLES {
        let mut left = modules(of);
        assert!(left.len() > 3, "{of}: {left:?}");
        // What imports nothing that is left is in no circle.
        loop {
            let free: Vec<String> = left
                .iter()
                .filter(|(_, imports)| imports.iter().all(|to| !left.contains_key(to)))
                .map(|(module, _)| module.clone())
                .collect();
            if free.is_empty() {
                break;
            }
            left.retain(|module, _| !free.contains(module));
        }
        let left_names: BTreeSet<&String> = left.keys().collect();
        for (module, imports) in &left {
            let among: Vec<_> = imports
                .iter()
                .filter(|to| left_names.contains(to))
                .collect();
            wrong.push(format!("{of}: {module} imports {among:?}"));
        }
    }
    assert!(wrong.is_empty(), "circles:\n{}", wrong.join("\n"));
}

/// The compiler overlooks a file of tests that no `mod` names.
#[test]
fn every_file_of_tests_is_a_module_of_a_binary() {
    let crates = fs::read_dir(root().join("crates")).unwrap();
    let crates = crates.map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = crates.chain([root().join("tests")]).collect();
    folders.iter_mut().for_each(|folder| folder.push("tests"));
    let files: Vec<PathBuf> = folders.iter().flat_map(|folder| paths(folder)).collect();
    let sources = files
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let mut binaries = 0;
    for path in sources {
        let folder = path.parent().unwrap();
        let (name, above) = match path.file_stem().unwrap().to_str().unwrap() {
            "main" => {
                binaries += 1;
                continue;
            }
            "mod" => (folder.file_name().unwrap(), folder.parent().unwrap()),
            _ => (path.file_stem().unwrap(), folder),
        };
        let declared = ["main.rs", "mod.rs"].iter().any(|file| {
            let text = fs::read_to_string(above.join(file)).unwrap_or_default();
            let line = format!("mod {};", name.to_str().unwrap());
            text.lines().any(|other| other.ends_with(&line))
        });
        assert!(declared, "{} is no module", path.display());
    }
    assert!(binaries > 10, "{binaries} binaries");
}
