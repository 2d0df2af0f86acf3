//! Every request of a push is broken, one after the other: the registry stays whole, and the same push
//! again ends well.

use std::sync::Arc;

use sreg_store::Store;
use sreg_tests::proxy::{Fault, Proxy};
use sreg_tests::servers::S3Server;

use super::support::{Images, make_registry, publish, store, verify};

/// Breaks the n-th request of a push, for every n.
fn break_each(name: &str, fault: impl Fn() -> Fault + Send + Sync + Copy + 'static) {
    let server = S3Server::start();
    let proxy = Proxy::start(server.address());
    let calm = store(&server, &server.endpoint());
    let broken: Arc<dyn Store> = store(&server, &proxy.url());
    make_registry(&calm);
    let images = Images::new(2);
    // How many requests a push makes that nothing breaks.
    publish(&broken, &images.path(0), "lab/tool:0").unwrap();
    let requests = proxy.requests().len();
    assert!(requests > 20, "{requests} requests");
    for broken_one in 1..=requests {
        proxy.reset_counters();
        proxy.set(move |request| match request.number == broken_one as u64 {
            true => fault(),
            false => Fault::Pass,
        });
        let reference = format!("lab/tool:{broken_one}");
        let image = images.path(broken_one % 2);
        let pushed = publish(&broken, &image, &reference);
        proxy.clear();
        if let Err(error) = pushed {
            // What readers see is whole all the same.
            let report = verify(&calm);
            let lasting = report.faults.iter().filter(|fault| {
                !matches!(
                    fault.code.word(),
                    "stale-view" | "missing-view" | "lagging-head"
                )
            });
            assert_eq!(
                lasting.count(),
                0,
                "{name} {broken_one}: {error}: {report:?}"
            );
            publish(&broken, &image, &reference)
                .unwrap_or_else(|error| panic!("{name} {broken_one}: {error}"));
        }
    }
    let report = verify(&calm);
    assert_eq!(report.faults, [], "{name}");
    assert_eq!(report.checked.tags, requests as u64 + 1, "{name}");
}

#[test]
fn a_connection_is_reset_at_every_request() {
    break_each("reset", || Fault::Reset);
}

#[test]
fn an_answer_is_lost_at_every_request() {
    break_each("no answer", || Fault::ResetAfter);
}

#[test]
fn a_server_is_out_of_order_at_every_request() {
    break_each("503", || Fault::Status(503));
}

#[test]
fn a_server_fails_once_it_has_written_at_every_request() {
    break_each("500 after", || Fault::StatusAfter(500));
}

#[test]
fn a_conflict_is_said_at_every_request() {
    break_each("409", || Fault::Status(409));
}

#[test]
fn a_condition_is_said_to_fail_at_every_request() {
    break_each("412", || Fault::Status(412));
}

#[test]
fn an_answer_is_cut_short_at_every_request() {
    break_each("cut", || Fault::Truncate(100));
}
