//! Damage of every kind in every kind of file of a tree of 200 images, and each is found.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use sreg_index::hasher::{IoMode, Unobserved};
use sreg_model::Arch;
use sreg_model::layout::Place;
use sreg_registry::Registry;
use sreg_registry::verify::{BlobCheck, Options, Report, verify_registry};
use sreg_tests::images;
use sreg_tests::seed::Seed;

use crate::support::Bench;

/// A copy of a tree that is published once.
fn tree_of_200() -> Bench {
    static PUBLISHED: LazyLock<Bench> = LazyLock::new(publish_200);
    PUBLISHED.copy()
}

fn publish_200() -> Bench {
    let bench = Bench::new();
    for number in 0..198 {
        bench.write(
            &format!("lab{}/tool{}_{number}.sif", number % 3, number % 7),
            &images::sif(&number.to_string(), Arch::Amd64, 50),
        );
    }
    bench.write(
        "lab0/tool0_0.arm64.sif",
        &images::sif("arm", Arch::Arm64, 50),
    );
    bench.write("lab0/old_1.simg", &images::simg("old", 50));
    let answer = bench.index();
    assert_eq!(answer["images"], 200);
    bench
}

fn verify(root: &Path) -> Option<Report> {
    let tree = Registry::open(root).ok()?;
    let options = Options::new(BlobCheck::Full, IoMode::Auto);
    Some(verify_registry(&tree, &options, &Unobserved).unwrap())
}

/// The kinds of files, and all paths of each.
fn kinds(root: &Path) -> BTreeMap<&'static str, Vec<String>> {
    let mut kinds: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (path, bytes) in crate::support::snapshot(root) {
        let kind = match Place::parse(&path).unwrap() {
            Place::Settings => "settings",
            Place::Head => "head",
            Place::HeadSlot { .. } => "head slot",
            Place::Trust(_) => "trust",
            Place::Node(_) if bytes.starts_with(b"sreg-node-v1 branch") => "branch",
            Place::Node(_) => "leaf",
            Place::Statement(_) => "statement",
            Place::Blob(..) if bytes == b"{}" => "config",
            Place::Blob(..) if bytes.len() == 32 => "chain",
            Place::Blob(..) => "image",
            Place::Manifest(..) => "manifest",
            // Empty: there is nothing to flip.
            Place::NoJekyll => continue,
            Place::NginxConf => "configuration of nginx",
            Place::Headers => "headers of hosts",
            Place::Index(..) | Place::TagIndex(..) => "image index",
            Place::Ping => "ping",
            Place::TagManifest(..) => "manifest of a tag",
            Place::TagsList(_) => "list of tags",
            Place::Referrers(..) | Place::ReferrersTag(..) => "referrers",
            Place::LibraryImage(..) => "library image",
            // A link, whose text no byte of is a file's.
            Place::LibraryFile(..) => continue,
            Place::Shub(..) => "image of Singularity Hub",
            Place::StaticTags(_) => "seed tags",
            Place::StaticManifest(..) => "seed manifest",
        };
        kinds.entry(kind).or_default().push(path);
    }
    kinds
}

// spec: LAY-2
#[test]
fn damage_of_every_kind_is_found_in_every_kind_of_file() {
    let bench = tree_of_200();
    let root = bench.public();
    assert_eq!(verify(&root).unwrap().faults, []);
    let kinds = kinds(&root);
    assert_eq!(kinds.len(), 18, "{:?}", kinds.keys());
    let mut random = Seed::new("flips");
    for (kind, paths) in &kinds {
        // Some of each kind, spread over all of them.
        for path in paths.iter().step_by(paths.len().div_ceil(4)) {
            let file = root.join(path);
            let good = fs::read(&file).unwrap();
            let at = usize::try_from(random.number() % good.len() as u64).unwrap();
            let mut flipped = good.clone();
            flipped[at] ^= 1 << (random.number() % 8);
            let mut longer = good.clone();
            longer.push(b'x');
            let damages = [
                ("flip", Some(flipped)),
                ("cut", Some(good[..good.len() - 1].to_vec())),
                ("append", Some(longer)),
                ("delete", None),
            ];
            for (damage, bytes) in damages {
                // The file may be a hard link to an image: another file takes its place.
                fs::remove_file(&file).unwrap();
                if let Some(bytes) = bytes {
                    fs::write(&file, bytes).unwrap();
                }
                // Settings that cannot be read are an error of their own.
                if let Some(report) = verify(&root) {
                    let named = report.faults.iter().any(|fault| fault.path == *path)
                        || *kind == "settings";
                    assert!(
                        !report.faults.is_empty() && named,
                        "{damage} at {at} in the {kind} {path}: {report:?}"
                    );
                } else {
                    assert_eq!(*kind, "settings");
                }
                let _ = fs::remove_file(&file);
                fs::write(&file, &good).unwrap();
            }
        }
    }
    assert_eq!(verify(&root).unwrap().faults, []);
}

// spec: CLI-4
#[test]
fn all_faults_are_listed_and_what_can_be_derived_is_repaired() {
    let bench = tree_of_200();
    let root = bench.public();
    let kinds = kinds(&root);
    let damaged = [
        "chain",
        "config",
        "manifest",
        "seed tags",
        "seed manifest",
        "head slot",
    ];
    for kind in damaged {
        fs::remove_file(root.join(&kinds[kind][0])).unwrap();
    }
    fs::write(root.join(&kinds["seed manifest"][1]), "{}").unwrap();
    let report = verify(&root).unwrap();
    let paths: Vec<&str> = report
        .faults
        .iter()
        .map(|fault| fault.path.as_str())
        .collect();
    for kind in damaged {
        assert!(
            paths.contains(&kinds[kind][0].as_str()),
            "{kind}: {paths:?}"
        );
    }
    assert_eq!(bench.run(&["repair", "public"]).code, 0);
    bench.is_whole();
    // The copy of the head and its slot can each be had from the other.
    for (path, damage) in [("head", "{}\n"), ("head", "x"), ("heads/0/1", "x")] {
        fs::write(root.join(path), damage).unwrap();
        assert_eq!(bench.verify().0, 6, "{path}");
        assert_eq!(bench.run(&["repair", "public"]).code, 0, "{path}");
        bench.is_whole();
    }
    let forged = bench.read("head").replace("\"issued\":1", "\"issued\":2");
    fs::write(root.join("head"), forged).unwrap();
    assert_eq!(bench.verify(), (6, vec!["head-mismatch".to_owned()]));
    assert_eq!(bench.run(&["repair", "public"]).code, 0);
    bench.is_whole();
    // An image cannot be derived: it is left, and said.
    fs::remove_file(root.join(&kinds["image"][0])).unwrap();
    let ran = bench.run(&["repair", "public", "--format", "json"]);
    assert_eq!(ran.code, 4);
    assert_eq!(ran.json()["faults"][0]["code"], "missing-blob");
    // The folder of images has it still.
    bench.index();
    bench.is_whole();
}

// spec: API-6 COM-10
#[test]
fn a_tag_that_the_index_does_not_have_is_a_fault_and_not_deleted() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index();
    let forged = bench.public().join("lab/tool/manifests/2");
    fs::create_dir(&forged).unwrap();
    fs::copy(
        bench.public().join("lab/tool/manifests/1/index.html"),
        forged.join("index.html"),
    )
    .unwrap();
    assert_eq!(bench.verify(), (6, vec!["stray-view".to_owned()]));
    assert_eq!(bench.run(&["repair", "public"]).code, 6);
    assert!(forged.join("index.html").exists());
}

// spec: CLI-10
#[test]
fn a_view_of_an_older_version_is_stale_and_repaired() {
    let bench = Bench::new();
    let path = bench.sif("lab/tool_1.sif");
    bench.sif("lab/tool_2.sif");
    bench.index();
    let old = bench.read("lab/tool/manifests/1/index.html");
    let list = bench.read("lab/tool/tags/index.html");
    fs::remove_file(&path).unwrap();
    bench.index();
    fs::create_dir(bench.public().join("lab/tool/manifests/1")).unwrap();
    fs::write(bench.public().join("lab/tool/manifests/1/index.html"), old).unwrap();
    fs::write(bench.public().join("lab/tool/tags/index.html"), list).unwrap();
    assert_eq!(
        bench.verify(),
        (9, vec!["stale-view".to_owned(), "stale-view".to_owned()])
    );
    assert_eq!(bench.run(&["repair", "public"]).code, 0);
    bench.is_whole();
    assert!(!bench.public().join("lab/tool/manifests/1").exists());
}

#[test]
fn one_reference_is_verified_on_its_own() {
    let bench = tree_of_200();
    let ran = bench.run(&["verify", "public//lab0/tool0:0", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["checked"]["blobs"], 2);
    // Damage elsewhere does not matter to it; its own does.
    let digest = |reference: &str| {
        let rows = bench
            .run(&["ls", &format!("public//{reference}"), "--format", "json"])
            .json();
        rows[0]["digest"].as_str().unwrap().to_owned()
    };
    for (damaged, code) in [("lab1/tool1:1", 0), ("lab0/tool0:0", 6)] {
        let repository = damaged.split(':').next().unwrap();
        let path = bench
            .public()
            .join(format!("v2/{repository}/blobs/{}", digest(damaged)));
        let mut bytes = fs::read(&path).unwrap();
        bytes[40_000 - 5_000] ^= 1;
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        assert_eq!(
            bench.run(&["verify", "public//lab0/tool0:0"]).code,
            code,
            "{damaged}"
        );
    }
    let by_digest = format!("public//lab2/tool2@{}", digest("lab2/tool2:2"));
    assert_eq!(bench.run(&["verify", &by_digest]).code, 0);
}
