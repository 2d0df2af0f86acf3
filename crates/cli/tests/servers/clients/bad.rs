//! What a host has is not what it should be, or changes while a client reads: whoever gets a file gets a
//! whole one that was published.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sreg_model::{Arch, Digest};
use sreg_tests::images;
use sreg_tests::proxy::{Fault, Proxy};

use super::client::Client;
use super::site::Site;

/// How each client that verifies pulls `REF`, and the file that it leaves of the image with the digest `HEX`.
const PULLS: [(&str, &str); 5] = [
    (
        "apptainer-pull oras://REF ~/tool.sif -plain-http",
        "tool.sif",
    ),
    (
        "oras pull --plain-http --no-tty -o ~/oras REF",
        "oras/tool_1.0.sif",
    ),
    (
        "crane --insecure pull --format oci REF ~/crane",
        "crane/blobs/sha256/HEX",
    ),
    (
        "skopeo --insecure-policy copy --src-tls-verify=false docker://REF dir:~/skopeo",
        "skopeo/HEX",
    ),
    (
        "regctl --host reg=HOST,tls=disabled image copy REF ocidir://regctl:1.0",
        "regctl/blobs/sha256/HEX",
    ),
];

const BY_TAG: &str = "HOST/lab/tool:1.0";

/// No client says that it has pulled what is not as it should be.
fn all_fail(site: &Site, reference: &str) {
    for (line, _) in PULLS {
        Client::of(site).fails(&line.replace("REF", reference));
    }
}

fn flip(path: &std::path::Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    // It may be a link to the image of the source.
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_manifest_is_not_what_its_digest_says() {
    let site = Site::serve();
    let digest = site.manifest("lab/tool", "1.0");
    let path = format!("v2/lab/tool/manifests/{digest}");
    flip(&site.bench.public().join(path));
    all_fail(&site, &format!("HOST/lab/tool@{digest}"));
    assert_eq!(site.bench.verify().1, ["view-mismatch"]);
}

#[test]
fn an_image_is_not_what_the_manifest_says() {
    let site = Site::serve();
    let digest = site.digest("lab/tool:1.0", "amd64");
    let path = format!("v2/lab/tool/blobs/{digest}");
    flip(&site.bench.public().join(path));
    all_fail(&site, BY_TAG);
    assert_eq!(site.bench.verify().1, ["blob-mismatch"]);
}

#[test]
fn an_image_is_not_there() {
    let site = Site::serve();
    let digest = site.digest("lab/tool:1.0", "amd64");
    let path = format!("v2/lab/tool/blobs/{digest}");
    fs::remove_file(site.bench.public().join(path)).unwrap();
    all_fail(&site, BY_TAG);
    let client = Client::of(&site);
    client.fails("apptainer-pull library://lab/tool:1.0 ~/tool.sif -library URL/library");
    client.fails("apptainer-pull shub://HOST/lab/tool:1.0 ~/tool.sif -plain-http");
    assert!(!client.path("tool.sif").exists());
    assert_eq!(site.bench.verify().1, ["missing-blob"]);
}

/// The tag moves before a client is answered the first time, or the next times: what it began with stays there.
/// apptainer asks for the manifest several times; it may see two, and says so.
#[test]
fn a_tag_moves_while_clients_read_it() {
    for (line, file) in PULLS {
        for moment in 1..=3 {
            let site = Site::serve();
            let before = site.digest("lab/tool:1.0", "amd64");
            let image = images::sif("moved", Arch::Amd64, 5000);
            let after = Digest::of(&image);
            let proxy = Proxy::start(site.address);
            let asked = AtomicUsize::new(0);
            let bench = Arc::new(Mutex::new(site.bench));
            let mover = bench.clone();
            proxy.set(move |request| {
                let is_of_image = request.path.contains("/lab/tool/");
                if is_of_image && asked.fetch_add(1, Ordering::SeqCst) + 1 == moment {
                    let bench = mover.lock().unwrap();
                    let path = bench.images().join("lab/tool/1.0.sif");
                    fs::remove_file(&path).unwrap();
                    fs::write(&path, &image).unwrap();
                    let key = bench.key(1);
                    bench.ok(&["index", "images", "--out", "public", "--key", &key]);
                }
                Fault::Pass
            });
            let client = Client::at(proxy.address(), "a tag that moves");
            let line = line.replace("REF", BY_TAG);
            if client.run(&line).code != 0 {
                assert!(
                    line.starts_with("apptainer-pull"),
                    "{line}, at request {moment}"
                );
                assert!(!client.path(file).exists());
                client.ok(&line);
            }
            let pulled = [before, after].into_iter().find(|digest| {
                let file = client.path(&file.replace("HEX", &digest.hex()));
                fs::read(file).is_ok_and(|bytes| Digest::of(&bytes) == *digest)
            });
            assert!(pulled.is_some(), "{line}, at request {moment}");
            bench.lock().unwrap().is_whole();
        }
    }
}
