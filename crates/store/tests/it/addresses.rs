//! Which addresses are reached.

use sreg_store::{Addresses, Http, RetryPolicy, Store as _, StoreConfig, StoreError};
use sreg_tests::mock::{Mock, Response};

fn config(addresses: Addresses) -> StoreConfig {
    StoreConfig {
        retry: RetryPolicy::never(),
        addresses,
        ..StoreConfig::default()
    }
}

// spec: CLI-64
#[test]
fn a_file_that_somebody_else_names_is_at_a_public_address() {
    let server = Mock::start(|_| Response::new(200, "x"));
    let port = server.url().rsplit_once(':').unwrap().1.to_owned();
    let url = |host: &str| format!("http://{host}:{port}/x");
    for host in ["127.0.0.1", "2130706433", "[::1]", "10.0.0.1"] {
        let error = Http::file(&url(host), &config(Addresses::Public)).unwrap_err();
        assert_eq!(error.code(), "private-address", "{host}");
    }
    // The address of a name is known once it is looked up.
    let store = Http::file(&url("localhost"), &config(Addresses::Public)).unwrap();
    let error = store.read("", 9).unwrap_err();
    assert!(
        matches!(error, StoreError::PrivateAddress { .. }),
        "{error}"
    );
    assert_eq!(server.requests().len(), 0);
    for addresses in [Addresses::OfUser, Addresses::Any] {
        for host in ["127.0.0.1", "localhost"] {
            let store = Http::file(&url(host), &config(addresses)).unwrap();
            store.read("", 9).unwrap().unwrap();
            assert!(store.is_private(), "{host}");
        }
    }
}

/// A registry inside a private network may lead elsewhere in it.
#[test]
fn redirects_within_a_private_network_are_followed() {
    let inside = Mock::start(|_| Response::new(200, "x"));
    let to = inside.url();
    let server = Mock::start(move |_| Response::new(302, "").with("location", &to));
    let store = Http::open(&server.url(), &config(Addresses::OfUser)).unwrap();
    assert_eq!(store.read("a", 9).unwrap().unwrap().bytes, b"x");
    // Round and round is no way, and not tried again.
    let server = Mock::start(|_| Response::new(302, "").with("location", "/a"));
    let store = Http::open(
        &server.url(),
        &StoreConfig {
            retry: RetryPolicy::never().with_retries(3),
            ..StoreConfig::default()
        },
    )
    .unwrap();
    assert!(!store.read("a", 9).unwrap_err().is_transient());
    assert_eq!(server.requests().len(), 6);
}
