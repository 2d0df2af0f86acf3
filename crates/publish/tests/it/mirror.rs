//! A copy in a bucket whose making is cut off at every request: what the next run makes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sreg_index::hasher::{IoMode, Unobserved};
use sreg_publish::mirror::{Mirror, Mirrored, mirror};
use sreg_publish::{Destination, PublishError, Session};
use sreg_registry::Registry;
use sreg_registry::verify::{BlobCheck, Options, verify_registry};
use sreg_store::{RetryPolicy, Store, StoreConfig};
use sreg_tests::mock::{Objects, Response, S3Mock};

use sreg_tests::bench::{Bench, Moments, NOW};

fn store(server: &S3Mock) -> Arc<dyn Store> {
    let config = StoreConfig {
        retry: RetryPolicy::never(),
        options: server.options(),
        ..StoreConfig::default()
    };
    sreg_store::open("s3://registry/copy", &config).unwrap()
}

fn copy(from: &Registry, store: &Arc<dyn Store>) -> Result<Mirrored, PublishError> {
    let scratch = tempfile::tempdir().unwrap();
    let destination = Destination::in_store(store.clone());
    mirror(
        &destination,
        &Session::new(NOW, &Moments::default()),
        &Mirror {
            from,
            scratch: scratch.path(),
            fetch: &|_, _, _, _| unreachable!("what is in a folder needs not be fetched"),
        },
    )
}

/// All that readers of a copy may ask for.
fn published(objects: &Objects) -> Vec<(String, Vec<u8>)> {
    let objects = objects.iter().filter(|(key, _)| !key.contains("/staging/"));
    objects
        .map(|(key, (bytes, _))| (key.clone(), bytes.clone()))
        .collect()
}

fn faults(store: &Arc<dyn Store>) -> Vec<String> {
    let tree = Registry::in_store(store.clone()).unwrap();
    let options = Options::new(BlobCheck::Full, IoMode::Auto);
    let report = verify_registry(&tree, &options, &Unobserved).unwrap();
    report
        .faults
        .iter()
        .map(|fault| format!("{} {}", fault.code, fault.path))
        .collect()
}

/// Copies a registry, after a copy of an older version, and is cut off at each request. The next run leaves
/// what a copy that was never cut off leaves, views and all, and says whether it had anything to do.
// spec: COM-30
#[test]
fn a_mirror_that_was_cut_off_is_finished_by_the_next() {
    let bench = Bench::new();
    bench.image("lab/tool/1.0.sif", "one");
    bench.image("lab/tool/2.0.sif", "two");
    bench.index();
    let server = S3Mock::start();
    let store = store(&server);
    copy(&bench.tree(), &store).unwrap();
    let before = server.objects();
    // One tag moves, one goes, one comes.
    bench.image("lab/tool/1.0.sif", "other");
    bench.remove_image("lab/tool/2.0.sif");
    bench.image("lab/new/3.0.sif", "three");
    bench.index();
    let from = bench.tree();
    server.forget();
    copy(&from, &store).unwrap();
    let requests = server.requests().len();
    let whole = published(&server.objects());
    assert!(requests > 40, "{requests} requests");
    assert_eq!(faults(&store), Vec::<String>::new());
    let mut finished = 0;
    for cut in 0..requests {
        server.set(before.clone());
        let so_far = Arc::new(AtomicUsize::new(0));
        let counted = so_far.clone();
        server.fail(move |_| {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            (number >= cut).then(Response::lost)
        });
        // Requests at once may change places, so that the last one cut off may be none.
        let ended = copy(&from, &store);
        let is_whole = published(&server.objects()) == whole;
        server.calm();
        let again = copy(&from, &store).unwrap();
        assert!(published(&server.objects()) == whole, "cut off at {cut}");
        if again.versions == 0 && !again.finished {
            assert!(is_whole, "cut off at {cut}: it says that all is there");
        }
        finished += usize::from(again.finished);
        assert!(ended.is_err() || is_whole, "cut off at {cut}");
    }
    let third = copy(&from, &store).unwrap();
    assert!(third.versions == 0 && !third.finished);
    assert!(
        finished > 5,
        "cut off {finished} times between head and views"
    );
}
