//! Which requests are sent again, and what statuses mean: counted by servers that answer as they are told.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, and its numbers are small"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sreg_store::{
    Http, Interrupt, Precondition, PutOutcome, RetryPolicy, S3, Served, Store, StoreConfig,
    StoreError, Upload, probe_parts, retry, supports_conditional_writes,
};
use sreg_tests::mock::{End, Mock, Request, Response, S3Mock};

const RETRIES: u32 = 3;
const SERVED: Served = Served {
    content_type: "text/plain",
    cache_control: "no-store",
};

/// No waiting in tests.
fn policy() -> RetryPolicy {
    RetryPolicy::never().with_retries(RETRIES)
}

fn config(options: Vec<(String, String)>) -> StoreConfig {
    StoreConfig {
        retry: policy(),
        options,
        ..StoreConfig::default()
    }
}

fn bucket(server: &S3Mock) -> S3 {
    S3::open("s3://registry/reg", &config(server.options())).unwrap()
}

fn web(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Mock, Http) {
    let server = Mock::start(handler);
    let store = Http::open(&format!("{}/reg", server.url()), &config(Vec::new())).unwrap();
    (server, store)
}

/// Every call of a store that asks its server.
fn calls(store: &dyn Store) -> Vec<(&'static str, Result<(), StoreError>)> {
    let mut sink = |_: &[u8]| Ok(());
    vec![
        ("read", store.read("a", 10).map(drop)),
        ("size", store.size("a").map(drop)),
        ("range", retry::read_range(store, "a", 0..10, &mut sink)),
        ("serves", store.serves("a").map(drop)),
    ]
}

// spec: CLI-60
#[test]
fn a_request_is_sent_again_if_its_failure_is_transient_and_only_then() {
    for (status, expected) in [
        (503, RETRIES as usize + 1),
        (500, RETRIES as usize + 1),
        (429, RETRIES as usize + 1),
        (408, RETRIES as usize + 1),
        (400, 1),
        (403, 1),
        (405, 1),
        (501, 1),
    ] {
        let server = S3Mock::start();
        server.fail(move |_| Some(Response::error(status, "Whatever")));
        let store = bucket(&server);
        let mut all = calls(&store);
        all.extend(writes_of(&store));
        for (name, ended) in all {
            assert!(ended.is_err(), "{status} {name}");
        }
        // Each call of its own.
        for call in 0..7 {
            server.forget();
            let _ = nth(&store, call);
            let is_head = |request: &Request| request.method == "HEAD";
            let (heads, others) = (
                server.count(is_head),
                server.count(|request| !is_head(request)),
            );
            // A bare refusal of HEAD is asked for in words.
            assert_eq!(heads.max(others), expected, "{status} call {call}");
        }
        let (server, store) = web(move |_| Response::new(status, "no"));
        for (name, ended) in calls(&store) {
            assert!(ended.is_err(), "{status} {name}");
        }
        server.forget();
        assert!(store.read("a", 10).is_err());
        assert_eq!(
            server.requests().len(),
            expected,
            "{status} of a web server"
        );
    }
}

fn writes_of(store: &dyn Store) -> Vec<(&'static str, Result<(), StoreError>)> {
    vec![
        (
            "put",
            store.write("a", b"x", &Precondition::Any, SERVED).map(drop),
        ),
        (
            "put-absent",
            store
                .write("a", b"x", &Precondition::Absent, SERVED)
                .map(drop),
        ),
        ("remove", store.remove("a")),
    ]
}

fn nth(store: &dyn Store, call: usize) -> Result<(), StoreError> {
    let mut sink = |_: &[u8]| Ok(());
    match call {
        0 => store.read("a", 10).map(drop),
        1 => store.size("a").map(drop),
        2 => retry::read_range(store, "a", 0..10, &mut sink),
        3 => store.write("a", b"x", &Precondition::Any, SERVED).map(drop),
        4 => store
            .write("a", b"x", &Precondition::Absent, SERVED)
            .map(drop),
        5 => store.remove("a"),
        _ => store.copied("a").map(drop),
    }
}

#[test]
fn connections_that_break_are_tried_again() {
    let server = S3Mock::start();
    server.fail(|_| Some(Response::lost()));
    let store = bucket(&server);
    for (name, ended) in calls(&store) {
        assert_eq!(ended.unwrap_err().code(), "unreachable", "{name}");
    }
    let failed = AtomicUsize::new(0);
    server.fail(move |_| {
        (failed.fetch_add(1, Ordering::SeqCst) < RETRIES as usize).then(Response::lost)
    });
    assert_eq!(
        store.write("a", b"x", &Precondition::Any, SERVED).unwrap(),
        PutOutcome::Stored
    );
}

#[test]
fn what_is_not_there_is_asked_for_once() {
    let server = S3Mock::start();
    let store = bucket(&server);
    assert_eq!(store.read("a", 10).unwrap(), None);
    assert_eq!(store.size("a").unwrap(), None);
    assert_eq!(server.requests().len(), 2);
    for status in [404, 410] {
        let (server, store) = web(move |_| Response::new(status, "no"));
        assert_eq!(store.read("a", 10).unwrap(), None);
        assert_eq!(server.requests().len(), 1);
    }
}

/// Those who may read the objects of a bucket and not list it hear 403 of what is not there: only once
/// something was read, and of an object that cannot be read for another reason nothing of the kind.
// spec: CLI-61
#[test]
fn a_refusal_is_absence_only_where_a_bucket_means_it_so() {
    let server = S3Mock::start();
    server.fail(|request| {
        let is_there = request.path.ends_with("/there");
        (!is_there).then(|| match request.method.as_str() {
            "HEAD" => Response::new(403, ""),
            _ => Response::error(403, "AccessDenied"),
        })
    });
    server.put("reg/there", b"x");
    let store = bucket(&server);
    assert_eq!(store.size("a").unwrap_err().code(), "access-denied");
    store.read("there", 10).unwrap().unwrap();
    assert_eq!(store.size("a").unwrap(), None);
    assert_eq!(store.read("a", 10).unwrap(), None);
    assert_eq!(store.copied("a").unwrap(), None);
    // Without words, too.
    server.fail(|request| (!request.path.ends_with("/there")).then(|| Response::new(403, "")));
    assert_eq!(store.size("a").unwrap(), None);
    server.fail(|_| Some(Response::error(403, "ExpiredToken")));
    assert_eq!(store.size("a").unwrap_err().code(), "access-denied");
    server.fail(|request| match request.method.as_str() {
        "HEAD" => Some(Response::new(403, "")),
        _ => Some(Response::error(403, "ExpiredToken")),
    });
    assert_eq!(store.size("a").unwrap_err().code(), "access-denied");
    // A web server's 403 is a refusal, but for that of a bucket behind it.
    let (_server, store) = web(|request| match request.path.as_str() {
        "/reg/there" => Response::new(200, "x"),
        "/reg/bucket" => Response::error(403, "AccessDenied"),
        _ => Response::new(403, "<html>forbidden</html>"),
    });
    assert_eq!(store.read("bucket", 9).unwrap_err().code(), "access-denied");
    store.read("there", 9).unwrap().unwrap();
    assert_eq!(store.read("bucket", 9).unwrap(), None);
    assert_eq!(store.read("a", 9).unwrap_err().code(), "access-denied");
    assert_eq!(store.size("a").unwrap_err().code(), "access-denied");
}

#[test]
fn a_server_without_conditional_writes_says_so_at_once() {
    let server = S3Mock::start();
    server.fail(|request| {
        let is_conditional = ["if-none-match", "if-match"]
            .iter()
            .any(|name| request.header(name).is_some());
        is_conditional.then(|| Response::error(501, "NotImplemented"))
    });
    let store = bucket(&server);
    store.write("a", b"x", &Precondition::Any, SERVED).unwrap();
    let version = store.read("a", 9).unwrap().unwrap().version;
    server.forget();
    for condition in [Precondition::Absent, Precondition::Is(version)] {
        let error = store.write("a", b"y", &condition, SERVED).unwrap_err();
        assert_eq!(error.code(), "unconditional-store", "{error}");
    }
    assert_eq!(server.requests().len(), 2);
    assert!(!supports_conditional_writes(&store).unwrap());
}

#[test]
fn codes_of_s3_that_are_not_about_credentials() {
    for (status, code, word, attempts) in [
        (403, "RequestTimeTooSkewed", "wrong-clock", 1),
        (403, "QuotaExceeded", "no-space", 1),
        (409, "XMinioStorageFull", "no-space", 1),
        (507, "InsufficientStorage", "no-space", 1),
        (503, "SlowDown", "unreachable", 4),
        (403, "SlowDown", "unreachable", 4),
        (400, "RequestTimeout", "unreachable", 4),
        (503, "ServiceUnavailable", "unreachable", 4),
        (400, "InvalidArgument", "unreachable", 1),
        (403, "SignatureDoesNotMatch", "access-denied", 1),
        (400, "ExpiredToken", "access-denied", 1),
        (404, "NoSuchBucket", "missing-bucket", 1),
    ] {
        let server = S3Mock::start();
        server.fail(move |_| Some(Response::error(status, code)));
        let store = bucket(&server);
        let ended = store.write("a", b"x", &Precondition::Absent, SERVED);
        let error = ended.unwrap_err();
        assert_eq!(error.code(), word, "{code}: {error}");
        assert_eq!(server.requests().len(), attempts, "{code}");
        assert_eq!(store.read("a", 9).unwrap_err().code(), word, "{code}");
    }
}

/// Uploads a file of so many bytes: what came of it.
fn upload(store: &S3, size: usize) -> (Vec<u8>, Result<(), StoreError>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image");
    let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
    std::fs::write(&file, &bytes).unwrap();
    let upload = Upload {
        file: &file,
        size: size as u64,
        served: SERVED,
        journal: Some(&folder.path().join("journal")),
        sent: &|_| {},
        is_cancelled: &|| false,
    };
    let ended = store.upload("image", &upload);
    (bytes, ended)
}

const LARGE: usize = (16 << 20) + 5;

#[test]
fn a_server_without_the_checksum_of_parts_gets_them_without() {
    for status in [400, 501] {
        for at in ["POST", "PUT"] {
            let server = S3Mock::start();
            server.fail(move |request| {
                let is_checked = request
                    .headers
                    .iter()
                    .any(|(name, _)| name.starts_with("x-amz-checksum"));
                (is_checked && request.method == at)
                    .then(|| Response::error(status, "NotImplemented"))
            });
            let store = bucket(&server);
            let (bytes, ended) = upload(&store, LARGE);
            ended.unwrap();
            assert!(server.objects()["reg/image"].0 == bytes, "{status} {at}");
            // What is known is not tried again.
            let before = server.requests().len();
            upload(&store, LARGE).1.unwrap();
            let again = server.requests().split_off(before);
            let checked = again
                .iter()
                .filter(|request| request.header("x-amz-checksum-crc64nvme").is_some());
            assert_eq!(checked.count(), 0);
            let store = bucket(&server);
            let said = probe_parts(&store).unwrap().unwrap();
            assert!(said.contains("no CRC64NVME"), "{said}");
        }
    }
    let server = S3Mock::start();
    let said = probe_parts(&bucket(&server)).unwrap().unwrap();
    assert!(said.contains("verified by CRC64NVME"), "{said}");
    assert!(server.objects().is_empty(), "the probe is removed");
    // Parts that nobody takes are no matter of checksums.
    server.fail(|request| {
        request
            .query
            .contains("upload")
            .then(|| Response::error(501, "NotImplemented"))
    });
    assert!(probe_parts(&bucket(&server)).is_err());
}

#[test]
fn an_upload_whose_last_answer_was_lost_is_looked_for() {
    for lost in [
        Response::lost(),
        Response::new(504, ""),
        Response::error(200, "InternalError"),
    ] {
        let server = S3Mock::start();
        let answer = lost.clone();
        server.fail_after(move |request| {
            let is_last = request.method == "POST" && request.query.contains("uploadId");
            // A second time the server knows the upload no longer, and says so.
            (is_last).then(|| answer.clone())
        });
        let gone = Arc::new(AtomicUsize::new(0));
        let seen = gone.clone();
        server.fail(move |request| {
            let is_last = request.method == "POST" && request.query.contains("uploadId");
            let again = is_last && seen.fetch_add(1, Ordering::SeqCst) > 0;
            again.then(|| Response::error(404, "NoSuchUpload"))
        });
        let store = bucket(&server);
        let (bytes, ended) = upload(&store, LARGE);
        ended.unwrap_or_else(|error| panic!("{lost:?}: {}", error.explain()));
        assert!(server.objects()["reg/image"].0 == bytes);
        assert_eq!(gone.load(Ordering::SeqCst), 2);
    }
    // An upload that is gone without having arrived is none that arrived: not with another object there.
    let server = S3Mock::start();
    server.put("reg/image", &vec![7; LARGE]);
    server.fail(|request| {
        let is_last = request.method == "POST" && request.query.contains("uploadId");
        is_last.then(|| Response::error(404, "NoSuchUpload"))
    });
    let error = upload(&bucket(&server), LARGE).1.unwrap_err();
    assert_eq!(error.code(), "unreachable", "{error}");
}

/// A part that fails is sent again, and no other.
#[test]
fn each_part_has_its_attempts() {
    let server = S3Mock::start();
    server.fail(|request| {
        request
            .query
            .contains("partNumber=2")
            .then(|| Response::error(503, "SlowDown"))
    });
    assert!(upload(&bucket(&server), LARGE).1.is_err());
    let part =
        |number: usize| server.count(|one| one.query.contains(&format!("partNumber={number}&")));
    assert_eq!((part(1), part(2)), (1, RETRIES as usize + 1));
}

/// Bytes of a range, cut into answers that are shorter than what is asked for.
fn short(bytes: &[u8], request: &Request, most: usize) -> Response {
    let range = request.range().unwrap();
    let end = range.end.min(bytes.len()).min(range.start + most);
    Response::new(206, &bytes[range.start..end])
        .with(
            "content-range",
            format!("bytes {}-{}/{}", range.start, end - 1, bytes.len()),
        )
        .with("etag", "\"1\"")
        .with("last-modified", "Mon, 21 Sep 2026 14:13:20 GMT")
}

// spec: CLI-62
#[test]
fn a_partial_response_that_is_short_is_continued() {
    let bytes: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
    let (held, other) = (bytes.clone(), bytes.clone());
    let (server, store) = web(move |request| short(&held, request, 30_000));
    let bucket_server = S3Mock::start();
    bucket_server.fail(move |request| Some(short(&other, request, 30_000)));
    let s3 = bucket(&bucket_server);
    let stores: [&dyn Store; 2] = [&store, &s3];
    for store in stores {
        for range in [0..100_000_u64, 5..70_000, 50_000..200_000, 0..30_000] {
            let mut got = Vec::new();
            store
                .read_range("a", range.clone(), &mut |part| {
                    got.extend_from_slice(part);
                    Ok(())
                })
                .unwrap();
            let (start, end) = (range.start as usize, (range.end as usize).min(bytes.len()));
            assert!(got == bytes[start..end], "{range:?}");
        }
    }
    assert_eq!(server.requests().len(), 4 + 3 + 2 + 1);
    // A server that gives byte after byte would never end.
    let held = bytes.clone();
    let (server, store) = web(move |request| short(&held, request, 1));
    let ended = store.read_range("a", 0..1000, &mut |_| Ok(()));
    assert_eq!(ended.unwrap_err().code(), "unreachable");
    assert_eq!(server.requests().len(), 33);
    // Few small parts at the end of a range are no such server.
    let held = bytes.clone();
    let (server, store) = web(move |request| short(&held, request, 100));
    let mut got = Vec::new();
    store
        .read_range("a", 0..1000, &mut |part| {
            got.extend_from_slice(part);
            Ok(())
        })
        .unwrap();
    assert!(got == bytes[..1000]);
    assert_eq!(server.requests().len(), 10);
}

/// A server answers with 416 to a range that begins at the end of an object or after it.
#[test]
fn a_range_after_the_end_has_no_bytes() {
    let (_server, store) = web(|_| Response::error(416, "InvalidRange"));
    let bucket_server = S3Mock::start();
    let s3 = bucket(&bucket_server);
    s3.write("a", b"four", &Precondition::Any, SERVED).unwrap();
    s3.write("empty", b"", &Precondition::Any, SERVED).unwrap();
    let stores: [(&dyn Store, &str, u64); 4] = [
        (&store, "a", 4),
        (&s3, "a", 4),
        (&s3, "a", 9),
        (&s3, "empty", 0),
    ];
    for (store, key, start) in stores {
        let mut count = 0;
        let ended = store.read_range(key, start..start + 5, &mut |part| {
            count += part.len();
            Ok(())
        });
        assert!(ended.is_ok(), "{key} from {start}: {ended:?}");
        assert_eq!(count, 0);
    }
}

/// A body that ends before what its head names is no short object, and nor is one without a length.
#[test]
fn a_body_that_is_cut_off_is_continued_and_never_the_end() {
    let bytes: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    for states_length in [true, false] {
        let held = bytes.clone();
        let (server, store) = web(move |request| {
            let range = request.range().unwrap();
            let end = (range.start + 70_000).min(range.end);
            let response = Response::new(206, &held[range.start..end])
                .with(
                    "content-range",
                    format!("bytes {}-{}/{}", range.start, range.end - 1, held.len()),
                )
                .ending(End::Close);
            match states_length {
                true => response.with("content-length", range.len()),
                false => response,
            }
        });
        let mut got = Vec::new();
        let whole = 0..bytes.len() as u64;
        retry::read_range(&store, "a", whole, &mut |part| {
            got.extend_from_slice(part);
            Ok(())
        })
        .unwrap();
        assert!(got == bytes);
        assert_eq!(server.requests().len(), 3);
    }
    let (_server, store) = web(|_| Response::new(200, "some").ending(End::Close));
    let ended = store.read_range("a", 0..1000, &mut |_| Ok(()));
    assert!(ended.unwrap_err().is_transient());
}

/// What a server answers costs the memory of what was asked for.
// spec: CLI-63
#[test]
fn endless_bodies_are_left() {
    for status in [200, 206, 301, 400, 403, 404, 500] {
        let (_server, store) = web(move |_| Response::new(status, "").ending(End::Never));
        let found = store.read("a", 100);
        if let Ok(Some(found)) = found {
            assert_eq!(found.bytes.len(), 101);
        }
        let server = S3Mock::start();
        server.fail(move |_| Some(Response::new(status, "").ending(End::Never)));
        let store = bucket(&server);
        for call in 0..7 {
            let _ = nth(&store, call);
        }
        let _ = probe_parts(&store);
    }
}

#[test]
fn an_interrupt_ends_a_request_and_the_wait_before_the_next() {
    let flag = Arc::new(AtomicBool::new(false));
    let config = |options| StoreConfig {
        retry: RetryPolicy {
            attempts: 100,
            first_backoff: Duration::from_hours(1),
            max_backoff: Duration::from_hours(1),
            interrupt: Interrupt::of(flag.clone()),
        },
        options,
        ..StoreConfig::default()
    };
    let server = S3Mock::start();
    let set = flag.clone();
    server.fail(move |_| {
        set.store(true, Ordering::SeqCst);
        Some(Response::error(503, "SlowDown"))
    });
    let store = S3::open("s3://registry/reg", &config(server.options())).unwrap();
    let ended = store.write("a", b"x", &Precondition::Any, SERVED);
    assert_eq!(ended.unwrap_err().code(), "interrupted");
    flag.store(false, Ordering::SeqCst);
    // A response that never comes.
    let set = flag.clone();
    let server = Mock::start(move |_| {
        set.store(true, Ordering::SeqCst);
        std::thread::park();
        Response::lost()
    });
    let store = Http::open(&server.url(), &config(Vec::new())).unwrap();
    assert_eq!(store.read("a", 9).unwrap_err().code(), "interrupted");
}
