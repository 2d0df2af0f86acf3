//! Stores that are used inside async runtimes, and that leave the process as it is.

use std::fs;
use std::sync::Arc;

use sreg_store::{
    Credentials, Http, Local, Memory, Precondition, Profile, PutOutcome, RetryPolicy, S3, Served,
    Store, StoreConfig, Upload, contract, is_s3_option, retry,
};
use sreg_tests::mock::{Mock, Response, S3Mock};
use tokio::runtime::{Builder, Runtime};

const SERVED: Served = Served {
    content_type: "text/plain",
    cache_control: "no-store",
};

fn config(options: Vec<(String, String)>) -> StoreConfig {
    StoreConfig {
        retry: RetryPolicy::never(),
        options,
        ..StoreConfig::default()
    }
}

fn runtimes() -> Vec<(&'static str, Runtime)> {
    let multi_thread = Builder::new_multi_thread().worker_threads(1).build();
    let current_thread = Builder::new_current_thread().build();
    vec![
        ("multi-thread", multi_thread.unwrap()),
        ("current-thread", current_thread.unwrap()),
    ]
}

/// Runs a test as the root of each kind of runtime, in a task of it, and in a blocking task.
fn in_runtimes(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    for (name, runtime) in runtimes() {
        runtime.block_on(async { test() });
        for is_blocking in [false, true] {
            let test = test.clone();
            let task = match is_blocking {
                false => runtime.spawn(async move { test() }),
                true => runtime.spawn_blocking(move || test()),
            };
            let ended = runtime.block_on(task);
            assert!(ended.is_ok(), "{name}, blocking: {is_blocking}");
        }
    }
}

#[test]
fn memory_and_folders_keep_the_contract_inside_a_runtime() {
    in_runtimes(|| {
        contract::check(&Memory::default());
        let folder = tempfile::tempdir().unwrap();
        contract::check(&Local::new(folder.path()));
    });
}

#[test]
fn a_web_server_is_read_inside_a_runtime() {
    let server = Mock::start(|request| match &*request.path {
        "/reg/a" => match request.range() {
            Some(range) => Response::new(206, &b"hello"[range.clone()]).with(
                "content-range",
                format!("bytes {}-{}/5", range.start, range.end - 1),
            ),
            None => Response::new(200, "hello"),
        },
        _ => Response::new(404, ""),
    });
    let url = format!("{}/reg", server.url());
    in_runtimes(move || {
        let store = Http::open(&url, &config(Vec::new())).unwrap();
        assert_eq!(store.read("a", 9).unwrap().unwrap().bytes, b"hello");
        assert_eq!(store.read("b", 9).unwrap(), None);
        assert_eq!(store.size("a").unwrap(), Some(5));
        let mut bytes = Vec::new();
        let mut sink = |part: &[u8]| {
            bytes.extend_from_slice(part);
            Ok(())
        };
        retry::read_range(&store, "a", 1..3, &mut sink).unwrap();
        assert_eq!(bytes, b"el");
    });
}

#[test]
fn a_bucket_is_read_and_written_inside_a_runtime() {
    let server = S3Mock::start();
    let options = server.options();
    in_runtimes(move || {
        let store = S3::open("s3://registry/reg", &config(options.clone())).unwrap();
        let written = store
            .write("a", b"hello", &Precondition::Absent, SERVED)
            .unwrap();
        assert_eq!(written, PutOutcome::Stored);
        assert_eq!(store.read("a", 9).unwrap().unwrap().bytes, b"hello");
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"larger").unwrap();
        store
            .upload(
                "b",
                &Upload {
                    file: file.path(),
                    size: 6,
                    served: SERVED,
                    journal: None,
                    sent: &|_| {},
                    is_cancelled: &|| false,
                },
            )
            .unwrap();
        assert_eq!(store.size("b").unwrap(), Some(6));
        store.remove("a").unwrap();
        store.remove("b").unwrap();
    });
}

/// A callback that panics panics in its caller, as it does outside a runtime.
#[test]
fn a_panic_of_a_sink_arrives_at_the_caller() {
    let server = Mock::start(|_| Response::new(200, "hello"));
    let store = Http::open(&server.url(), &config(Vec::new())).unwrap();
    for (_, runtime) in runtimes() {
        let store = &store;
        let read = std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async {
                let _ = store.read_range("a", 0..5, &mut |_| panic!("by the sink"));
            });
        });
        let panicked = std::panic::catch_unwind(read).unwrap_err();
        assert_eq!(panicked.downcast_ref(), Some(&"by the sink"));
    }
}

#[test]
fn https_needs_no_default_of_the_process() {
    Http::open("https://registry.example", &config(Vec::new())).unwrap();
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

/// The credentials of the requests that a bucket's server got: the keys by which they are signed.
fn keys(server: &S3Mock) -> Vec<String> {
    let requests = server.requests();
    let signed = requests
        .iter()
        .filter_map(|request| request.header("authorization"));
    let keys = signed.filter_map(|signature| {
        let (_, rest) = signature.split_once("Credential=")?;
        Some(rest.split('/').next()?.to_owned())
    });
    keys.collect()
}

#[test]
fn credentials_are_those_of_the_profile_that_is_given() {
    let server = S3Mock::start();
    let mut options = server.options();
    options.retain(|(name, _)| !name.contains("KEY"));
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    let profiles = "[default]\naws_access_key_id = OF_DEFAULT\naws_secret_access_key = secret\n\
         [lab]\naws_access_key_id = OF_LAB\naws_secret_access_key = secret\n";
    fs::write(home.path().join(".aws/credentials"), profiles).unwrap();
    let script = home.path().join("process");
    let answer = r#"{"Version":1,"AccessKeyId":"OF_PROCESS","SecretAccessKey":"secret"}"#;
    fs::write(&script, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
    let process = format!(
        "[profile p]\ncredential_process = sh {}\n",
        script.display()
    );
    fs::write(home.path().join(".aws/config"), process).unwrap();
    for (profile, key) in [
        (None, "OF_DEFAULT"),
        (Some("lab"), "OF_LAB"),
        (Some("p"), "OF_PROCESS"),
    ] {
        let variable = profile.map(|profile| ("AWS_PROFILE".to_owned(), profile.to_owned()));
        let config = StoreConfig {
            credentials: Credentials::Profile(Profile {
                variables: variable.into_iter().collect(),
                home: Some(home.path().to_owned()),
            }),
            ..config(options.clone())
        };
        let store = S3::open("s3://registry/reg", &config).unwrap();
        store.read("a", 9).unwrap();
        assert_eq!(keys(&server).last().map(String::as_str), Some(key));
    }
}

#[test]
fn variables_that_are_settings_of_a_bucket() {
    for (name, is_one) in [
        ("AWS_ENDPOINT_URL", true),
        ("AWS_REGION", true),
        ("AWS_ACCESS_KEY_ID", true),
        ("AWS_ALLOW_HTTP", true),
        ("AWS_PROFILE", false),
        ("ENDPOINT_URL", false),
    ] {
        assert_eq!(is_s3_option(name), is_one, "{name}");
    }
}
