//! Many publishers at once.

use std::collections::BTreeSet;
use std::sync::Mutex;

use sreg_registry::{Registry, heads};
use sreg_tests::servers::S3Server;

use super::support::{Images, make_registry, publish, store, verify};

/// The publishers.
const PUBLISHERS: usize = 8;
/// Returns the number of pushes of each publisher; some are of tags that others push, too. `SREG_PUSHES` changes it:
/// `just nightly` makes 125.
fn pushes() -> usize {
    match std::env::var("SREG_PUSHES") {
        Ok(text) => text.parse().expect("SREG_PUSHES is a number"),
        Err(_) => 30,
    }
}

/// Nothing is lost of many pushes by eight publishers at once: each has a version of its own, the
/// versions have no gap, and every byte is as it should be.
#[test]
fn eight_publishers_at_once_lose_nothing() {
    let server = S3Server::start();
    let calm = store(&server, &server.endpoint());
    make_registry(&calm);
    let images = Images::new(PUBLISHERS);
    let versions = Mutex::new(BTreeSet::new());
    let pushes = pushes();
    assert!(pushes >= 10, "each publisher moves a shared tag");
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let (versions, images, server) = (&versions, &images, &server);
            scope.spawn(move || {
                let store = store(server, &server.endpoint());
                let image = images.path(publisher);
                for number in 0..pushes {
                    // Every fifth is a tag that all publishers move.
                    let reference = match number % 5 {
                        0 => format!("shared/tool:1.{}", number / 5),
                        _ => format!("lab{publisher}/tool{}:1.{number}", number % 3),
                    };
                    let pushed = publish(&store, &image, &reference).unwrap();
                    assert!(pushed.published.changed, "{reference}");
                    let mut versions = versions.lock().unwrap();
                    let is_new = versions.insert(pushed.published.head.body().version);
                    assert!(is_new, "two pushes are one version");
                }
            });
        }
    });
    let tree = Registry::in_store(calm.clone()).unwrap();
    let newest = heads::newest(&tree, None).unwrap().unwrap();
    let pushes = (PUBLISHERS * pushes) as u64;
    assert_eq!(newest.body().version, pushes + 1, "and the empty first one");
    let mut next = Some(newest);
    let mut versions = 0;
    while let Some(head) = next {
        versions += 1;
        next = heads::before(&tree, head.body(), None).unwrap();
    }
    assert_eq!(versions, pushes + 1);
    let report = verify(&calm);
    assert_eq!(report.faults, []);
}
