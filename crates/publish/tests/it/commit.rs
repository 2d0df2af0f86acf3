//! The order of writes, and what another writer, a killed one or a reader meets
//! (`spec/commit.md`, `spec/layout.md`).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use sreg_model::layout::{JOURNAL, Place};
use sreg_model::manifest::empty_config_digest;
use sreg_publish::PublishError;
use sreg_registry::heads;

use sreg_tests::bench::{Bench, Moments, codes, verify};

use crate::trace::{Happened, Trace};

/// Version 1: two tags of a repository, and one of another.
fn first_version() -> Bench {
    let bench = Bench::new();
    bench.image("lab/tool/1.sif", "one");
    bench.image("lab/tool/2.sif", "two");
    bench.image("lab/gone/1.sif", "gone");
    assert_eq!(bench.index(), 1);
    bench
}

/// What version 2 is to be: a tag moves, one is new, one is gone.
fn change(bench: &Bench) {
    bench.image("lab/tool/1.sif", "another one");
    bench.image("lab/new/1.sif", "new");
    bench.remove_image("lab/gone/1.sif");
}

fn is_immutable(path: &str) -> bool {
    matches!(
        Place::parse(path),
        Some(Place::HeadSlot { .. } | Place::Node(_) | Place::Statement(_) | Place::Blob(..))
    )
}

fn is_view(path: &str) -> bool {
    Place::parse(path).is_some_and(|place| place.kind().is_view())
}

/// When a file is to appear: the order of `spec/commit.md`.
fn phase(path: &str) -> usize {
    if path == JOURNAL {
        return 1;
    }
    match Place::parse(path).unwrap() {
        Place::Blob(_, digest) if digest == empty_config_digest() => 5,
        Place::Blob(..) | Place::Node(_) | Place::Statement(_) => 0,
        Place::Trust(_) | Place::HeadSlot { .. } => 2,
        Place::Head => 3,
        Place::Settings => 4,
        Place::Manifest(..)
        | Place::Index(..)
        | Place::Referrers(..)
        | Place::ReferrersTag(..)
        | Place::TagIndex(..)
        | Place::TagManifest(..)
        | Place::LibraryFile(..)
        | Place::LibraryImage(..)
        | Place::Shub(..)
        | Place::StaticManifest(..) => 6,
        Place::TagsList(_) | Place::StaticTags(_) => 7,
        place @ (Place::NoJekyll | Place::NginxConf | Place::Headers | Place::Ping) => {
            unreachable!("{place} never changes")
        }
    }
}

// spec: COM-1 COM-3 COM-4 COM-5 COM-7 COM-12
#[test]
fn files_appear_whole_and_in_order() {
    // All folders stand already, so that none appears unwatched: a first bench says which.
    let other = first_version();
    change(&other);
    other.index();
    let bench = first_version();
    for folder in other.folders() {
        fs::create_dir_all(bench.root().join(folder)).unwrap();
    }
    // With something in it, this folder is not removed and made again.
    fs::create_dir_all(bench.root().join("staging/kept")).unwrap();
    change(&bench);
    let bench = bench.with_base_url("https://example.org");

    let folders = bench.folders().into_iter().chain([String::new()]);
    let trace = Trace::new(&bench.root(), folders);
    assert_eq!(bench.index(), 2);
    let steps = trace.steps();

    // Under `staging/`, all but the journal is what files are made of.
    let seen: Vec<_> = steps
        .iter()
        .filter(|(path, _)| path == JOURNAL || !path.starts_with("staging/"))
        .collect();
    let written: Vec<_> = seen
        .iter()
        .filter(|(_, happened)| *happened == Happened::Written)
        .collect();
    assert!(written.is_empty(), "written where they stand: {written:?}");

    let appeared: Vec<&str> = seen
        .iter()
        .filter(|(_, happened)| *happened == Happened::Appeared)
        .map(|(path, _)| path.as_str())
        .collect();
    let phases: Vec<usize> = appeared.iter().map(|path| phase(path)).collect();
    assert!(phases.is_sorted(), "{appeared:#?}");
    let all: BTreeSet<usize> = phases.into_iter().collect();
    assert_eq!(all, (0..=7).collect(), "{appeared:#?}");
    // What is gone goes last, and then the journal.
    let last: Vec<&str> = seen
        .iter()
        .skip_while(|(path, _)| *path != appeared[appeared.len() - 1])
        .skip(1)
        .map(|(path, _)| path.as_str())
        .collect();
    let gone = [
        "v2/lab/gone/tags/list",
        "lab/gone/tags/index.html",
        "v2/lab/gone/manifests/1",
        "library/v1/imagefile/lab/gone:1",
        "library/v1/images/lab/gone:1",
        "api/container/lab/gone:1",
        "lab/gone/manifests/1/index.html",
        JOURNAL,
    ];
    assert_eq!(last, gone);
    let count = seen
        .iter()
        .filter(|(_, happened)| *happened == Happened::Gone)
        .count();
    assert_eq!(count, last.len());

    // The manifest of a tag is there by digest before it is there by tag.
    let at = |place: &Place| appeared.iter().position(|path| *path == place.to_string());
    let tree = bench.tree();
    for (repository, tag) in [("lab/tool", "1"), ("lab/new", "1")] {
        let (repository, tag) = (repository.parse().unwrap(), tag.parse().unwrap());
        let head = tree.head().unwrap();
        let lines = tree.index(head.body()).look_up(&repository, &tag).unwrap();
        let statement = tree.statement(&lines[0].statement).unwrap();
        let manifest = statement.body().manifest().unwrap().digest();
        let by_digest = at(&Place::manifest(&repository, manifest)).unwrap();
        for place in sreg_views::tag_places(&repository, &tag, &BTreeSet::new()) {
            assert!(by_digest < at(&place).unwrap(), "{place}: {appeared:#?}");
        }
    }
}

// spec: COM-3 COM-4 COM-8
#[test]
fn at_the_commit_all_that_head_reaches_is_there_and_views_are_old() {
    let bench = first_version();
    let before = bench.files();
    change(&bench);
    let root = bench.root();
    let reports = std::sync::Mutex::new(Vec::new());
    let look = || reports.lock().unwrap().push(verify(&root));
    let moments = Moments {
        expect: &look,
        committed: &|head| {
            assert_eq!(head.version, 2);
            assert_eq!(bench.read("head"), bench.read("heads/0/2"));
            assert!(root.join(JOURNAL).exists());
            for (path, (_, bytes)) in before.iter().filter(|(path, _)| is_view(path)) {
                assert_eq!(bench.read(path), *bytes, "{path}");
            }
            look();
        },
        ..Moments::default()
    };
    bench.try_index(&moments).unwrap();
    let reports = reports.into_inner().unwrap();
    assert_eq!(reports[0].faults, []);
    let found: BTreeSet<_> = codes(&reports[1].faults).into_iter().collect();
    assert_eq!(found, BTreeSet::from(["stale-view"]));
    // The two images that are left and the new one, read to their last byte.
    assert_eq!((reports[1].checked.heads, reports[1].checked.blobs), (2, 3));
    bench.is_whole();
}

// spec: COM-2 COM-4
#[test]
fn a_slot_that_another_writer_made_is_not_touched() {
    let other = first_version();
    other.image("lab/tool/3.sif", "of another writer");
    other.index();

    let bench = first_version();
    let before = bench.files();
    change(&bench);
    // The other one does not see the lock, and commits while this one hashes.
    let moments = Moments {
        expect: &|| {
            for (path, (_, bytes)) in other.files() {
                if is_immutable(&path) {
                    bench.replace(&path, &bytes);
                }
            }
        },
        ..Moments::default()
    };
    let error = bench.try_index(&moments).unwrap_err();
    assert_eq!(error.code(), "version-conflict");
    assert!(matches!(error, PublishError::Conflict(path) if path.ends_with("heads/0/2")));
    assert_eq!(bench.read("heads/0/2"), other.read("heads/0/2"));
    assert!(!bench.root().join("heads/0/3").exists());
    // Of what readers go by, nothing has changed.
    let after = bench.files();
    for (path, file) in before.iter().filter(|(path, _)| !is_immutable(path)) {
        assert_eq!(after.get(path), Some(file), "{path}");
    }
    // The next run goes on from the other one's version.
    assert_eq!(bench.index(), 3);
    let head = bench.tree().head_slot(0, 3).unwrap().unwrap();
    let second = bench.tree().head_slot(0, 2).unwrap().unwrap();
    assert_eq!(head.body().previous, Some(second.id()));
    bench.is_whole();
}

/// What a run leaves that is killed between its commit and `head`.
fn lagging() -> Bench {
    let bench = first_version();
    let head = bench.read("head");
    change(&bench);
    bench.index_and_stop_at_the_commit();
    assert_eq!(bench.read("head"), bench.read("heads/0/2"));
    bench.replace("head", &head);
    bench
}

// spec: COM-6
#[test]
fn the_next_run_first_finishes_what_a_killed_one_began() {
    let bench = lagging();
    let newest = heads::newest(&bench.tree(), None).unwrap().unwrap();
    assert_eq!(newest.body().version, 2);
    assert!(codes(&bench.verify().faults).contains(&"lagging-head"));
    // It has work of its own, before which all is as version 2 says.
    bench.image("lab/tool/3.sif", "three");
    let looked = std::sync::atomic::AtomicBool::new(false);
    let moments = Moments {
        expect: &|| {
            assert_eq!(bench.read("head"), bench.read("heads/0/2"));
            assert!(!bench.root().join(JOURNAL).exists());
            assert_eq!(bench.verify().faults, []);
            looked.store(true, std::sync::atomic::Ordering::Relaxed);
        },
        ..Moments::default()
    };
    let outcome = bench.try_index(&moments).unwrap();
    assert!(looked.into_inner());
    assert_eq!(outcome.head.unwrap().body().version, 3);
    bench.is_whole();

    // With nothing of its own, it makes no version; nor does a repair.
    let bench = lagging();
    assert_eq!(bench.index(), 2);
    bench.is_whole();
    let bench = lagging();
    let repaired = bench.repair();
    assert_eq!(repaired.left, []);
    assert_eq!(bench.read("head"), bench.read("heads/0/2"));
    bench.is_whole();
}

// spec: COM-6
#[test]
fn head_moves_on_to_the_last_slot_however_far_it_lags() {
    let bench = first_version();
    let head = bench.read("head");
    for (version, seed) in [(2, "second"), (3, "third"), (4, "fourth")] {
        bench.image("lab/tool/1.sif", seed);
        assert_eq!(bench.index(), version);
    }
    bench.replace("head", &head);
    assert_eq!(bench.index(), 4);
    assert_eq!(bench.read("head"), bench.read("heads/0/4"));
    bench.is_whole();
}

// spec: COM-3 COM-6
#[test]
fn with_a_journal_that_cannot_be_read_all_views_are_written_anew() {
    let list = "lab/tool/tags/index.html";
    let missing = "lab/gone/manifests/1/index.html";
    let whole = first_version();
    let noted = |version: u64| {
        let id = empty_config_digest();
        let shown = format!(r#"{{"epoch":0,"id":"{id}","version":{version}}}"#);
        format!(r#"{{"views_at":{shown},"type":"sreg-journal-v1"}}"#)
    };
    let write = |text: &str| {
        let text = text.to_owned();
        move |path: &Path| fs::write(path, &text).unwrap()
    };
    let journals: [&dyn Fn(&Path); 6] = [
        &write(""),
        &write("not a journal"),
        &write(&" ".repeat(5000)),
        // Of a version that there is not yet, and of another head than there is.
        &write(&noted(9)),
        &write(&noted(1)),
        // A link to itself: reading it is an error.
        &|path| symlink("journal", path).unwrap(),
    ];
    for leave in journals {
        let bench = first_version();
        bench.replace(list, b"old");
        fs::remove_file(bench.root().join(missing)).unwrap();
        // Without a journal, a run that changes nothing looks at no view.
        assert_eq!(bench.index(), 1);
        assert_eq!(bench.read(list), b"old");
        fs::create_dir(bench.root().join("staging")).unwrap();
        leave(&bench.root().join(JOURNAL));
        assert_eq!(bench.index(), 1);
        assert_eq!(bench.read(list), whole.read(list));
        assert_eq!(bench.read(missing), whole.read(missing));
        bench.is_whole();
    }
}

// spec: COM-6 COM-12
#[test]
fn views_show_the_settings_of_a_run_that_was_killed() {
    let bench = first_version().with_base_url("https://example.org");
    bench.index_and_stop_at_the_commit();
    // No image has changed: there was no commit, and the settings are new.
    assert!(!bench.root().join("heads/0/2").exists());
    assert!(bench.text("sreg.json").contains("https://example.org"));
    let view = "lab/gone/manifests/1/index.html";
    assert!(!bench.text(view).contains("https://example.org"));
    let found: BTreeSet<_> = codes(&bench.verify().faults).into_iter().collect();
    assert_eq!(found, BTreeSet::from(["stale-view"]));
    let repaired = bench.repair();
    assert_eq!(repaired.left, []);
    assert!(bench.text(view).contains("https://example.org"));
    bench.is_whole();

    // With other settings, the next run does not stop at what the journal of the first says.
    let bench = first_version();
    change(&bench);
    bench.index_and_stop_at_the_commit();
    let bench = bench.with_base_url("https://example.com");
    assert_eq!(bench.index(), 2);
    for view in ["lab/tool/manifests/1", "lab/tool/manifests/2"] {
        let text = bench.text(&format!("{view}/index.html"));
        assert!(text.contains("https://example.com/v2/"), "{text}");
    }
    bench.is_whole();
}

// spec: COM-8 LAY-11
#[test]
fn what_a_run_left_that_was_killed_before_its_commit_is_no_fault() {
    let bench = first_version();
    let before = bench.files();
    // Renamed, links stay what they are.
    let links = bench.root().join("../links");
    fs::rename(bench.root().join("library/v1/imagefile"), &links).unwrap();
    change(&bench);
    bench.index();
    // Back to the moment before the commit of version 2: all that it reaches is written.
    fs::remove_file(bench.root().join("heads/0/2")).unwrap();
    for path in bench.files().keys().filter(|path| !is_immutable(path)) {
        fs::remove_file(bench.root().join(path)).unwrap();
    }
    for (path, (_, bytes)) in before.iter().filter(|(path, _)| !is_immutable(path)) {
        bench.replace(path, bytes);
    }
    fs::remove_dir_all(bench.root().join("library/v1/imagefile")).unwrap();
    fs::rename(&links, bench.root().join("library/v1/imagefile")).unwrap();
    bench.replace(
        JOURNAL,
        b"{\"views_at\":{\"epoch\":0,\"version\":1},\"type\":\"sreg-journal-v1\"}\n",
    );
    bench.replace("staging/4711-0", b"half of a no");

    let report = bench.verify();
    assert_eq!(report.faults, []);
    let found: BTreeSet<_> = codes(&report.warnings).into_iter().collect();
    assert_eq!(found, BTreeSet::from(["interrupted-run", "stray-file"]));
    // The same run, once more, finds all of it and writes none of it again.
    let left = bench.files();
    assert_eq!(bench.index(), 2);
    let after = bench.files();
    for (path, file) in left.iter().filter(|(path, _)| is_immutable(path)) {
        assert_eq!(after.get(path), Some(file), "{path}");
    }
    bench.is_whole();
}

// spec: LAY-3 LAY-4 COM-7
#[test]
fn no_file_is_changed_where_it_stands() {
    let bench = first_version();
    let before = bench.files();
    // A second name keeps what a reader has open.
    let kept = tempfile::tempdir_in(bench.root().parent().unwrap()).unwrap();
    for (number, path) in before.keys().enumerate() {
        let name = kept.path().join(number.to_string());
        fs::hard_link(bench.root().join(path), name).unwrap();
    }
    change(&bench);
    let bench = bench.with_base_url("https://example.org");
    bench.index();
    bench.replace("lab/tool/tags/index.html", b"damaged");
    bench.repair();
    bench.is_whole();
    let after = bench.files();
    let mut replaced = BTreeSet::new();
    for (number, (path, (inode, bytes))) in before.iter().enumerate() {
        let open = fs::read(kept.path().join(number.to_string())).unwrap();
        assert_eq!(open, *bytes, "{path}");
        match after.get(path) {
            Some((now, _)) if now == inode => {}
            Some(_) => {
                replaced.insert(path.as_str());
            }
            None => assert!(is_view(path), "{path}"),
        }
    }
    assert_eq!(
        replaced,
        BTreeSet::from([
            "api/container/lab/tool:1",
            "api/container/lab/tool:2",
            "head",
            "lab/tool/manifests/1/index.html",
            "lab/tool/manifests/2/index.html",
            "lab/tool/tags/index.html",
            "library/v1/images/lab/tool:1",
            "sreg.json",
            "v2/lab/tool/manifests/1",
        ])
    );
}

/// A tag more: of what is there, the lists of its repository are written anew, and `head`.
#[test]
fn a_new_tag_rewrites_no_view_of_others() {
    let bench = first_version();
    let before = bench.files();
    bench.image("lab/tool/3.sif", "one more");
    bench.index();
    let after = bench.files();
    let is_rewritten = |path: &&String| after.get(*path) != before.get(*path);
    let rewritten: Vec<&String> = before.keys().filter(is_rewritten).collect();
    let expected = ["head", "lab/tool/tags/index.html", "v2/lab/tool/tags/list"];
    assert_eq!(rewritten, expected);
    let is_new = |path: &&String| is_view(path) && !before.contains_key(*path);
    let new = after.keys().filter(is_new);
    let new: Vec<&str> = new
        .map(|path| path.split("sha256:").next().unwrap())
        .collect();
    assert_eq!(
        new,
        [
            "api/container/lab/tool:3",
            "lab/tool/manifests/3/index.html",
            "library/v1/images/lab/tool:3",
            "v2/lab/tool/manifests/3",
            "v2/lab/tool/manifests/",
            "v2/lab/tool/referrers/",
        ]
    );
}

// spec: COM-10
#[test]
fn nothing_is_removed_but_views_that_are_no_longer_derived() {
    let bench = first_version();
    bench.replace("CNAME", b"example.org\n");
    bench.replace("lab/gone/README.md", b"of somebody else\n");
    let before = bench.files();
    bench.remove_image("lab/gone/1.sif");
    bench.remove_image("lab/tool/2.sif");
    bench.index();
    bench.repair();
    let after = bench.files();
    let removed: Vec<&str> = before
        .keys()
        .filter(|path| !after.contains_key(*path))
        .map(String::as_str)
        .collect();
    assert_eq!(
        removed,
        [
            "api/container/lab/gone:1",
            "api/container/lab/tool:2",
            "lab/gone/manifests/1/index.html",
            "lab/gone/tags/index.html",
            "lab/tool/manifests/2/index.html",
            "library/v1/images/lab/gone:1",
            "library/v1/images/lab/tool:2",
            "v2/lab/gone/manifests/1",
            "v2/lab/gone/tags/list",
            "v2/lab/tool/manifests/2",
        ]
    );
    bench.is_whole();
}

// spec: COM-11
#[test]
fn a_second_writer_waits_and_says_so() {
    let bench = first_version();
    change(&bench);
    let (tell, told) = mpsc::channel();
    let told = std::sync::Mutex::new(told);
    std::thread::scope(|scope| {
        let moments = Moments {
            committed: &|_| {
                let tell = tell.clone();
                let bench = &bench;
                scope.spawn(move || {
                    let moments = Moments {
                        waiting: &|| tell.send("waits").unwrap(),
                        expect: &|| tell.send("works").unwrap(),
                        ..Moments::default()
                    };
                    bench.try_index(&moments).unwrap();
                });
                let told = told.lock().unwrap();
                let next = |wait| told.recv_timeout(Duration::from_millis(wait));
                assert_eq!(next(60_000), Ok("waits"));
                assert!(next(200).is_err(), "it goes on while this one writes");
            },
            ..Moments::default()
        };
        bench.try_index(&moments).unwrap();
    });
    // It was told once, and went on when the first one was done.
    let rest: Vec<_> = told.into_inner().unwrap().try_iter().collect();
    assert_eq!(rest, ["works"]);
    bench.is_whole();
}

// spec: LAY-11
#[test]
fn a_reader_does_not_look_under_staging() {
    let bench = first_version();
    // A whole tree stands there, and the one node that is missing elsewhere.
    for (path, (_, bytes)) in bench.files() {
        bench.replace(&format!("staging/{path}"), &bytes);
    }
    let report = bench.verify();
    assert_eq!(report.faults, []);
    assert_eq!(codes(&report.warnings), ["interrupted-run"]);
    let root = bench.tree().head().unwrap().body().index.digest;
    fs::remove_file(bench.tree().path(&Place::Node(root))).unwrap();
    assert_eq!(codes(&bench.verify().faults), ["missing-node"]);
}

// spec: COM-7
#[test]
fn what_runs_left_under_staging_is_tidied() {
    let bench = first_version();
    let before = bench.files();
    bench.replace("staging/4711-0", b"half of an image");
    bench.replace("staging/4711-1", b"");
    assert_eq!(codes(&bench.verify().warnings), ["interrupted-run"]);
    assert_eq!(bench.index(), 1);
    assert_eq!(bench.files(), before);
    bench.is_whole();
}
