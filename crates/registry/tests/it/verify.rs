//! What verification makes of files where the index itself is damaged (`spec/layout.md`).

use std::fs;

use sreg_model::layout::Place;
use sreg_model::statement::Statement;
use sreg_model::{Digest, Document};

use sreg_tests::bench::{Bench, codes};

/// Enough tags of one repository for several leaves.
fn forty_tags() -> Bench {
    let bench = Bench::new();
    for number in 0..40 {
        bench.image(&format!("lab/tool/{number}.sif"), &number.to_string());
    }
    bench.index();
    // A view that no index derives, which cannot be told from others where one is damaged.
    bench.replace("lab/tool/manifests/9.9/index.html", b"{}\n");
    assert_eq!(codes(&bench.verify().faults), ["stray-view"]);
    bench
}

fn of_kind(bench: &Bench, wanted: impl Fn(&Place, &[u8]) -> bool) -> String {
    let files = bench.files();
    let found = files
        .iter()
        .find(|(path, (_, bytes))| Place::parse(path).is_some_and(|place| wanted(&place, bytes)));
    found.unwrap().0.clone()
}

#[test]
fn where_the_index_cannot_be_read_in_full_other_files_are_not_judged() {
    let bench = forty_tags();
    let leaf = of_kind(&bench, |place, bytes| {
        matches!(place, Place::Node(_)) && bytes.starts_with(b"sreg-node-v1 leaf tags/lab ")
    });
    let root = bench.tree().head().unwrap().body().index.digest;
    let statement = of_kind(&bench, |place, _| matches!(place, Place::Statement(_)));
    for (path, missing, damaged) in [
        (leaf, "missing-node", "node-mismatch"),
        (
            Place::Node(root).to_string(),
            "missing-node",
            "node-mismatch",
        ),
        (statement, "missing-statement", "document-no-line"),
        ("head".to_owned(), "missing-head", "document-no-line"),
    ] {
        let good = bench.read(&path);
        for (word, damage) in [(missing, None), (damaged, Some(b"damaged"))] {
            fs::remove_file(bench.root().join(&path)).unwrap();
            if let Some(bytes) = damage {
                bench.replace(&path, bytes);
            }
            let report = bench.verify();
            assert_eq!(codes(&report.faults), [word], "{path}");
            assert_eq!(report.faults[0].path, path);
            assert_eq!(codes(&report.warnings), ["not-judged"], "{path}");
            bench.replace(&path, &good);
        }
    }
    assert_eq!(codes(&bench.verify().faults), ["stray-view"]);
}

// spec: LAY-2
#[test]
fn what_its_own_name_belies_is_a_fault_all_the_same() {
    let bench = forty_tags();
    let root = bench.tree().head().unwrap().body().index.digest;
    fs::remove_file(bench.tree().path(&Place::Node(root))).unwrap();
    let repository = "lab/tool".parse().unwrap();
    let misnamed = Place::blob(&repository, Digest::of(b"something else"));
    bench.replace(&misnamed.to_string(), b"something");
    let report = bench.verify();
    assert_eq!(codes(&report.faults), ["missing-node", "blob-mismatch"]);
    assert_eq!(report.faults[1].path, misnamed.to_string());
}

#[test]
fn an_older_statement_that_is_missing_keeps_no_view_from_being_judged() {
    let bench = forty_tags();
    let lost = of_kind(&bench, |place, bytes| {
        matches!(place, Place::Statement(_))
            && Document::<Statement>::parse(bytes.to_vec())
                .is_ok_and(|statement| statement.body().subject.tag.as_str() == "7")
    });
    bench.image("lab/tool/7.sif", "another seven");
    assert_eq!(bench.index(), 2);
    fs::remove_file(bench.root().join(&lost)).unwrap();
    let report = bench.verify();
    assert_eq!(codes(&report.faults), ["stray-view", "missing-statement"]);
}

#[test]
fn repair_leaves_files_that_sreg_did_not_write() {
    let bench = Bench::new();
    bench.image("lab/tool/1.sif", "one");
    bench.image("lab/gone/1.sif", "gone");
    bench.index();
    bench.remove_image("lab/gone/1.sif");
    bench.index();
    let own = [
        "lab/gone/tags/index.html",
        "lab/gone/manifests/1/index.html",
        "v2/lab/gone/tags/list",
        "v2/lab/gone/manifests/1",
        "api/container/lab/gone:1",
        "library/v1/images/lab/gone:1",
    ];
    for path in own {
        bench.replace(path, b"my own page");
    }
    // Something that repair mends, so that it rewrites views.
    fs::remove_file(bench.root().join("lab/tool/tags/index.html")).unwrap();
    let repaired = bench.repair();
    assert_eq!(codes(&repaired.mended), ["missing-view"]);
    assert_eq!(codes(&repaired.left), ["stray-view"; 6]);
    for path in own {
        assert_eq!(bench.read(path), b"my own page", "{path}");
    }
}
