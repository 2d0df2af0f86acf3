//! The access log.

use std::net::Ipv4Addr;

use sreg_serve::{Options, Server};

use crate::support::Site;

#[test]
fn a_line_for_each_request() {
    let site = Site::start();
    site.write("head", "head");
    site.get("/head");
    let line = site.logged();
    let words: Vec<&str> = line.split(' ').collect();
    let [time, method, path, status, bytes, "bytes", taken, "ms"] = words[..] else {
        panic!("{line}");
    };
    assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
    assert_eq!([method, path, status, bytes], ["GET", "/head", "200", "4"]);
    assert!(taken.parse::<f64>().unwrap() >= 0.0);
    site.ask("HEAD /head", &[]);
    assert!(site.logged().contains(" HEAD /head 200 0 bytes "));
    site.get("/v2/lab/tool/manifests/1.0?n=1");
    assert!(
        site.logged()
            .contains(" GET /v2/lab/tool/manifests/1.0?n=1 404 ")
    );
}

#[test]
fn no_secret_is_logged() {
    let site = Site::start();
    let fields = [
        ("Authorization", "Bearer hunter2"),
        ("Cookie", "session=hunter2"),
        ("Referer", "https://example/?token=hunter2"),
        ("User-Agent", "hunter2"),
    ];
    for target in [
        "/head?token=hunter2&arch=amd64",
        "/head?hunter2",
        "/head?hunter2=1",
        "http://user:hunter2@example/head",
    ] {
        site.ask(format!("GET {target}"), &fields);
        let line = site.logged();
        assert!(line.contains(" GET /head"), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }
    site.ask(b"GET /a\xc2\x9b31m%1b[31m%0a", &[]);
    let line = site.logged();
    assert!(line.contains(" /a\\u{9b}31m%1b[31m%0a 400 "), "{line}");
}

#[test]
fn an_address_that_is_taken() {
    let site = Site::start();
    let Err(error) = Server::bind(&site.path(""), Options::new(site.address)) else {
        panic!("it listens twice");
    };
    assert_eq!(error.code(), "cannot-listen");
    let nowhere = Options::new((Ipv4Addr::new(192, 0, 2, 1), 0).into());
    let Err(error) = Server::bind(&site.path(""), nowhere) else {
        panic!("it listens on an address of another");
    };
    assert_eq!(error.code(), "cannot-listen");
    let any = || Options::new((Ipv4Addr::LOCALHOST, 0).into());
    for (path, code) in [("nothing", "missing-file"), ("file", "unreadable")] {
        site.write("file", "");
        let Err(error) = Server::bind(&site.path(path), any()) else {
            panic!("{path} is served");
        };
        assert_eq!(error.code(), code);
    }
}
