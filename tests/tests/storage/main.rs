//! Registries on real servers: S3 and nginx, with and without a proxy that breaks what goes through
//! it. `tests/interop/servers.sh` runs them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod breaks;
mod many;
mod support;

use sreg_store::{S3, contract, keeps_conditions};
use sreg_tests::servers::S3Server;

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
