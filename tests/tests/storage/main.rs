//! Registries on real servers: S3 and nginx, with and without a proxy that breaks what goes through
//! it. `tests/interop/servers.sh` runs them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod breaks;
mod many;
mod support;

use sreg_store::{Access, S3, contract, keeps_conditions, keeps_slashes};
use sreg_tests::servers::{Moto, S3Server};

use self::support::access;

#[test]
fn an_s3_server_keeps_the_contract() {
    let server = S3Server::start();
    let access = access(&server, &server.endpoint());
    for url in ["s3://registry", "s3://registry/some/prefix"] {
        let store = S3::open(url, &access).unwrap();
        contract::check(&store);
        assert!(keeps_conditions(&store).unwrap());
    }
}

/// Moto has objects under keys that end with a slash, as S3 does.
#[test]
fn an_s3_server_keeps_keys_that_end_with_a_slash() {
    let server = Moto::start();
    let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let access = Access {
        options: vec![
            option("AWS_ENDPOINT_URL", &server.endpoint()),
            option("AWS_REGION", "us-east-1"),
            option("AWS_ACCESS_KEY_ID", "somebody"),
            option("AWS_SECRET_ACCESS_KEY", "something"),
        ],
        ..Access::default()
    };
    let store = S3::open("s3://registry/some/prefix", &access).unwrap();
    contract::check_slashes(&store);
    assert!(keeps_slashes(&store).unwrap());
}
