//! Registries on real servers: S3 and nginx, with and without a proxy that breaks what goes through
//! it. `tests/interop/servers.sh` runs them.

mod breaks;
mod many;
mod support;

use sreg_model::Digest;
use sreg_model::layout::Place;
use sreg_store::{
    Precondition, S3, Store as _, StoreConfig, contract, supports_conditional_writes,
    supports_trailing_slash,
};
use sreg_tests::servers::{Moto, S3Server};

use self::support::access;

#[test]
fn an_s3_server_keeps_the_contract() {
    let server = S3Server::start();
    let access = access(&server, &server.endpoint());
    for url in ["s3://registry", "s3://registry/some/prefix"] {
        let store = S3::open(url, &access).unwrap();
        contract::check(&store);
        assert!(supports_conditional_writes(&store).unwrap());
    }
}

/// A large object is copied in parts, none of which passes through here.
#[test]
fn an_s3_server_copies_large_objects() {
    let server = S3Server::start();
    let access = access(&server, &server.endpoint());
    let max_bytes = 5 << 20;
    let store = S3::open("s3://registry/reg", &access).unwrap();
    let store = store.with_most_copied(max_bytes);
    let served = Place::Head.kind().served;
    let size = 2 * max_bytes + 1;
    let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
    let digest = Digest::of(&bytes);
    let (from, to) = (
        "v2/lab/tool/blobs/sha256:00",
        "library/v1/imagefile/lab/tool:1.0",
    );
    store
        .write(from, &bytes, &Precondition::Any, served)
        .unwrap();
    store.copy(from, to, &digest, served).unwrap();
    let copied = store.copied(to).unwrap().unwrap();
    assert_eq!((copied.size, copied.digest), (size, Some(digest)));
    let found = store.read(to, bytes.len()).unwrap().unwrap();
    assert!(found.bytes == bytes);
    let headers = store.serves(to).unwrap().unwrap();
    assert_eq!(headers.content_type.as_deref(), Some(served.content_type));
    assert_eq!(headers.cache_control.as_deref(), Some(served.cache_control));
    // What could not be begun leaves nothing.
    assert!(
        store
            .copy("v2/none", "library/none", &digest, served)
            .is_err()
    );
    assert_eq!(store.copied("library/none").unwrap(), None);
}

/// Moto has objects under keys that end with a slash, as S3 does.
#[test]
fn an_s3_server_keeps_keys_that_end_with_a_slash() {
    let server = Moto::start();
    let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let access = StoreConfig {
        options: vec![
            option("AWS_ENDPOINT_URL", &server.endpoint()),
            option("AWS_REGION", "us-east-1"),
            option("AWS_ACCESS_KEY_ID", "somebody"),
            option("AWS_SECRET_ACCESS_KEY", "something"),
        ],
        ..StoreConfig::default()
    };
    let store = S3::open("s3://registry/some/prefix", &access).unwrap();
    contract::check_slashes(&store);
    assert!(supports_trailing_slash(&store).unwrap());
}
