//! Keys that end with a slash: what a web server has for a folder, a bucket has as an object.

use sreg_tests::proxy::{Fault, Proxy};
use sreg_tests::servers::Moto;

use super::bucket::{Bucket, ROOT};
use crate::support::{Bench, Ran};

/// A run against Moto that must succeed.
fn ok(bench: &Bench, server: &Moto, args: &[&str]) -> Ran {
    let mut command = bench.command(args);
    command
        .env("AWS_ENDPOINT_URL", server.endpoint())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "somebody")
        .env("AWS_SECRET_ACCESS_KEY", "something");
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.stdout, ran.stderr);
    ran
}

// spec: LAY-15
#[test]
fn folders_are_objects_with_the_bytes_of_their_index() {
    let (bench, server) = (Bench::new(), Moto::start());
    let image = bench.sif("one.sif");
    let image = image.to_str().unwrap();
    ok(&bench, &server, &["init", ROOT]);
    for tag in ["1.0", "2.0"] {
        ok(
            &bench,
            &server,
            &["push", image, &format!("{ROOT}//lab/tool:{tag}")],
        );
        for folder in ["lab/tool/tags/", &format!("lab/tool/manifests/{tag}/")] {
            let (headers, body) = server.object(&format!("reg/{folder}")).unwrap();
            let (_, index) = server.object(&format!("reg/{folder}index.html")).unwrap();
            assert_eq!(body, index);
            assert!(
                headers.contains("content-type: application/json"),
                "{headers}"
            );
            assert!(headers.contains("cache-control: no-cache"), "{headers}");
        }
    }
    let (_, tags) = server.object("reg/lab/tool/tags/").unwrap();
    assert!(tags.contains("1.0") && tags.contains("2.0"), "{tags}");
    // A copy is kept so, too.
    bench.ok(&["index", "images", "--out", "public"]);
    ok(&bench, &server, &["mirror", "public", "s3://registry/copy"]);
    assert!(server.object("copy/library/one/tags/").is_some());
    let doctor = ok(&bench, &server, &["doctor", ROOT]);
    assert!(doctor.stdout.contains("folders"), "{}", doctor.stdout);
}

/// Whoever may not list a bucket hears "AccessDenied" of what is not there.
#[test]
fn who_may_not_list_a_bucket_pushes_all_the_same() {
    let bucket = Bucket::new();
    bucket.proxy.set(
        |request| match request.method == "GET" && request.path.ends_with('/') {
            true => Fault::Error(403, "AccessDenied"),
            false => Fault::Pass,
        },
    );
    let image = bucket.image("one", 20_000);
    let ran = bucket.run(&["push", &image, &format!("{ROOT}//lab/tool:1.0")]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(bucket.faults(), Vec::<String>::new());
}

/// Versity Gateway has nothing under such keys but folders: it is asked once, with a signature that it
/// takes, and the rest is published.
#[test]
fn a_server_without_such_keys_is_left_alone() {
    let bucket = Bucket::new();
    let proxy = Proxy::start(bucket.server.address());
    let image = bucket.image("one", 20_000);
    let mut push = bucket.command(&["push", &image, &format!("{ROOT}//lab/tool:1.0")]);
    push.env("AWS_ENDPOINT_URL", proxy.url());
    let ran = Ran::of(&push.output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let requests = proxy.requests();
    let asked: Vec<_> = requests
        .iter()
        .filter(|request| request.method == "PUT" && request.path.ends_with('/'))
        .collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(bucket.faults(), Vec::<String>::new());
    let doctor = bucket.calm(&["doctor", ROOT]).stdout;
    assert!(doctor.contains("website"), "{doctor}");
}
