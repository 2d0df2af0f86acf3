//! A host that does not set media types, as GitHub Pages: who pulls there, and who cannot.

use super::client::Client;
use super::site::Site;

#[test]
fn who_does_not_look_at_media_types_pulls() {
    let site = Site::untyped();
    let client = Client::of(&site);
    let named = site.digest("lab/tool:1.0", "amd64");
    for (number, line) in [
        "apptainer-pull oras://HOST/lab/tool:1.0 FILE -plain-http",
        "apptainer-pull library://lab/tool:1.0 FILE -library URL/library",
        "apptainer-pull shub://HOST/lab/tool:1.0 FILE -plain-http",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{number}.sif");
        client.ok(&line.replace("FILE", &format!("~/{name}")));
        assert_eq!(client.digest(name), named, "{line}");
    }
    client.ok("crane --insecure pull --format oci HOST/lab/tool:1.0 ~/tool");
    let image = named.hex();
    assert_eq!(
        client.digest(format!("tool/blobs/sha256/{image}")).hex(),
        image
    );
    for line in [
        "oras manifest fetch --plain-http HOST/lab/tool:1.0",
        "oras repo tags --plain-http HOST/lab/tool",
        "skopeo inspect --raw --tls-verify=false docker://HOST/lab/tool:1.0",
        "skopeo list-tags --tls-verify=false docker://HOST/lab/tool",
        "crane --insecure digest HOST/lab/tool:1.0",
    ] {
        client.ok(line);
    }
}

/// As the table of `docs/hosts.md` says. Where one of these succeeds one day, the table is to be mended.
#[test]
fn who_looks_at_them_cannot() {
    let site = Site::untyped();
    let client = Client::of(&site);
    for line in [
        "oras pull --plain-http --no-tty -o ~/tool HOST/lab/tool:1.0",
        "skopeo --insecure-policy copy --src-tls-verify=false docker://HOST/lab/tool:1.0 dir:~/dir",
        "regctl --host reg=HOST,tls=disabled image copy HOST/lab/tool:1.0 ocidir://copy:1.0",
        "apptainer-pull oras://HOST/lab/multi:1.0 ~/multi.sif -plain-http",
    ] {
        client.fails(line);
    }
}
