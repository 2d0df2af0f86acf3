//! Files and bodies without an end: what is read of them, and what they cost.

use std::fs::File;
use std::sync::Arc;

use sreg_index::hasher::{IoMode, Unobserved};
use sreg_publish::mirror::{Mirror, mirror};
use sreg_publish::{Destination, Session};
use sreg_registry::Registry;
use sreg_registry::verify::{BlobCheck, Options, Report, verify_registry};
use sreg_store::{RetryPolicy, Store, StoreConfig};
use sreg_tests::mock::{End, Response, S3Mock};
use sreg_tests::process::is_alone;

use sreg_tests::bench::{Bench, Moments, NOW};

/// The most memory that this process has had so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    words[1].parse::<u64>().unwrap() << 10
}

/// More than a look at such files may cost; one whole file costs more.
const MOST: u64 = 64 << 20;

fn verify(tree: &Registry) -> Report {
    let options = Options::new(BlobCheck::Full, IoMode::Auto);
    verify_registry(tree, &options, &Unobserved).unwrap()
}

/// Looks at bodies that never end in the place of each view, one after the other: each is told as what it is,
/// and none is kept.
// spec: CLI-63
#[test]
fn endless_views_cost_no_memory() {
    if !is_alone(module_path!(), "endless_views_cost_no_memory") {
        return;
    }
    let bench = Bench::new();
    bench.image("lab/tool/1.0.sif", "one");
    bench.index();
    let server = S3Mock::start();
    let config = StoreConfig {
        retry: RetryPolicy::never(),
        options: server.options(),
        ..StoreConfig::default()
    };
    let store: Arc<dyn Store> = sreg_store::open("s3://registry/copy", &config).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let destination = Destination::in_store(store.clone());
    let copy = Mirror {
        from: &bench.tree(),
        scratch: scratch.path(),
        fetch: &|_, _, _, _| unreachable!("what is in a folder needs not be fetched"),
    };
    let moments = Moments::default();
    mirror(&destination, &Session::new(NOW, &moments), &copy).unwrap();
    let tree = Registry::in_store(store).unwrap();
    assert_eq!(verify(&tree).faults, []);
    let objects = server.objects();
    let is_view = |key: &str| {
        let key = key.strip_prefix("copy/").unwrap();
        let is_document = ["n/", "s/", "heads/", "staging/"]
            .iter()
            .any(|start| key.starts_with(start));
        // `verify` asks for no keys that end with a slash.
        !is_document && key != "head" && key != "sreg.json" && !key.ends_with('/')
    };
    let views: Vec<String> = objects.keys().filter(|key| is_view(key)).cloned().collect();
    assert!(views.len() >= 5, "{views:?}");
    let before = peak();
    for view in &views {
        let (path, start) = (format!("/registry/{view}"), objects[view].0.clone());
        server.fail(move |request| {
            let is_it = request.method == "GET" && request.path == path;
            // What it should be, and more of it.
            is_it.then(|| {
                Response::new(200, start.clone())
                    .with("etag", "\"1\"")
                    .with("last-modified", "Mon, 21 Sep 2026 14:13:20 GMT")
                    .ending(End::Never)
            })
        });
        let faults = verify(&tree).faults;
        let key = view.strip_prefix("copy/").unwrap();
        // One that is read as a part only is whole.
        let is_blob = key.contains("/blobs/");
        assert!(
            is_blob || faults.iter().any(|fault| fault.path == key),
            "{key}: {faults:?}"
        );
    }
    let cost = peak() - before;
    assert!(cost < MOST, "{} views cost {cost} bytes", views.len());
}

/// The same in a folder, where a file may be larger than all memory, and have no bytes.
// spec: CLI-63
#[test]
fn sparse_files_cost_no_memory() {
    if !is_alone(module_path!(), "sparse_files_cost_no_memory") {
        return;
    }
    let bench = Bench::new();
    bench.image("lab/tool/1.0.sif", "one");
    bench.index();
    let root = bench.root();
    for path in [
        "lab/tool/tags/index.html",
        "lab/tool/manifests/1.0/index.html",
        "v2/lab/tool/manifests/2.0/index.json",
        "lab/tool/manifests/3.0/index.html",
        "sreg.json.bak",
        "head",
    ] {
        let file = root.join(path);
        let kept = std::fs::read(&file).ok();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(&file);
        File::create(&file).unwrap().set_len(4 << 30).unwrap();
        let before = peak();
        let report = verify(&bench.tree());
        let all = report.faults.iter().chain(&report.warnings);
        let found = all.filter(|fault| fault.path == path).count();
        assert!(found > 0, "{path}: {report:?}");
        let cost = peak() - before;
        assert!(cost < MOST, "{path} costs {cost} bytes");
        std::fs::remove_file(&file).unwrap();
        if let Some(bytes) = kept {
            std::fs::write(&file, bytes).unwrap();
        }
    }
}
