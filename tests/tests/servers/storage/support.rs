//! What these tests share: images, registries on servers, pushes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sreg_index::hasher::{IoMode, Observer, Unobserved};
use sreg_model::Document;
use sreg_model::head::Head;
use sreg_publish::changeset::Changeset;
use sreg_publish::push::{Push, Pushed, push};
use sreg_publish::{Destination, Progress, PublishError, Session, publish_changeset};
use sreg_registry::Registry;
use sreg_registry::verify::{BlobCheck, Options, Report, verify_registry};
use sreg_store::{Store, StoreConfig, Timeouts};
use sreg_tests::images;
use sreg_tests::servers::S3Server;
use tempfile::TempDir;

/// The time that is stated.
pub(crate) const NOW: u64 = 1_790_000_000;

/// Nobody watches.
pub(crate) struct Unwatched;

impl Observer for Unwatched {
    fn advance(&self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

impl Progress for Unwatched {}

/// How a server's bucket is reached, at `endpoint`: its own, or a proxy's. A silent server is given up
/// after a second.
pub(crate) fn access(server: &S3Server, endpoint: &str) -> StoreConfig {
    let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    StoreConfig {
        timeouts: Timeouts {
            window: Duration::from_secs(1),
            min_bytes_per_window: 1 << 10,
            ..Timeouts::default()
        },
        options: vec![
            option("AWS_ENDPOINT_URL", endpoint),
            option("AWS_ACCESS_KEY_ID", server.access_key()),
            option("AWS_SECRET_ACCESS_KEY", server.secret_key()),
            option("AWS_REGION", S3Server::REGION),
        ],
        ..StoreConfig::default()
    }
}

/// The store of a registry in a server's bucket.
pub(crate) fn store(server: &S3Server, endpoint: &str) -> Arc<dyn Store> {
    sreg_store::open("s3://registry/reg", &access(server, endpoint)).unwrap()
}

/// An empty registry without keys.
pub(crate) fn make_registry(store: &Arc<dyn Store>) -> Document<Head> {
    let destination = Destination::in_store(store.clone());
    publish_changeset(
        &destination,
        &Session::new(NOW, &Unwatched),
        Changeset::default(),
    )
    .unwrap()
    .head
}

/// Some small images in a folder.
pub(crate) struct Images(TempDir);

impl Images {
    pub(crate) fn new(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..count {
            let image = images::simg(&format!("image {number}"), 2_000);
            std::fs::write(folder.path().join(format!("{number}.simg")), image).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn path(&self, number: usize) -> PathBuf {
        self.0.path().join(format!("{number}.simg"))
    }
}

/// Publishes an image without keys.
pub(crate) fn publish(
    store: &Arc<dyn Store>,
    image: &Path,
    reference: &str,
) -> Result<Pushed, PublishError> {
    let (repository, tag) = reference.split_once(':').unwrap();
    push(
        &Destination::in_store(store.clone()),
        &Session::new(NOW, &Unwatched),
        &Push {
            image,
            repository: repository.parse().unwrap(),
            tag: tag.parse().unwrap(),
            arch: None,
            frozen: false,
            statement: None,
            io: IoMode::Auto,
        },
    )
}

/// Verifies every byte.
pub(crate) fn verify(store: &Arc<dyn Store>) -> Report {
    let tree = Registry::in_store(store.clone()).unwrap();
    let options = Options {
        now: NOW,
        ..Options::new(BlobCheck::Full, IoMode::Auto)
    };
    verify_registry(&tree, &options, &Unobserved).unwrap()
}
