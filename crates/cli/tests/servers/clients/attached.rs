//! What is attached to an image, as stock clients find it: signatures by cosign, SBOMs, sreg's own
//! signatures.

use std::fs;

use serde_json::Value;
use sreg_model::Digest;

use super::client::Client;
use super::site::{Site, on_every_host};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Signs `lab/tool:1.0` with cosign, which writes no more than a file, and attaches that.
fn sign_with_cosign(site: &Site, client: &Client) {
    client.ok("cosign generate-key-pair");
    let digest = site.manifest("lab/tool", "1.0");
    client.ok(&format!(
        "cosign sign --yes --key ~/cosign.key --tlog-upload=false --use-signing-config=false --upload=false --bundle ~/tool.sigstore.json HOST/lab/tool@{digest}"
    ));
    site.attach(&client.path("tool.sigstore.json"), BUNDLE);
}

const VERIFY: &str = "cosign verify --insecure-ignore-tlog --key";

// spec: API-17 API-18
#[test]
fn cosign_verifies_what_cosign_has_signed() {
    on_every_host(|site, client| {
        sign_with_cosign(site, client);
        let said = client.ok(&format!("{VERIFY} ~/cosign.pub HOST/lab/tool:1.0"));
        let said: Value = serde_json::from_str(&said).unwrap();
        let digest = site.manifest("lab/tool", "1.0").to_string();
        let image = &said[0]["critical"]["image"];
        assert_eq!(image["docker-manifest-digest"], *digest, "{}", site.host);
        client.ok(&format!("{VERIFY} ~/cosign.pub HOST/lab/tool@{digest}"));
        // By another key, and of an image that nobody has signed.
        fs::remove_file(client.path("cosign.key")).unwrap();
        fs::rename(client.path("cosign.pub"), client.path("first.pub")).unwrap();
        client.ok("cosign generate-key-pair");
        client.fails(&format!("{VERIFY} ~/cosign.pub HOST/lab/tool:1.0"));
        client.fails(&format!("{VERIFY} ~/first.pub HOST/lab2/old:V1"));
    });
}

/// It verifies there, and signs elsewhere: it takes no image without a media type for one to sign.
#[test]
fn cosign_verifies_on_a_host_without_media_types() {
    let elsewhere = Site::serve();
    let signer = Client::of(&elsewhere);
    sign_with_cosign(&elsewhere, &signer);
    let site = Site::untyped();
    let client = Client::of(&site);
    let same = elsewhere.manifest("lab/tool", "1.0");
    assert_eq!(site.manifest("lab/tool", "1.0"), same);
    site.attach(&signer.path("tool.sigstore.json"), BUNDLE);
    fs::copy(signer.path("cosign.pub"), client.path("cosign.pub")).unwrap();
    client.ok(&format!("{VERIFY} ~/cosign.pub HOST/lab/tool:1.0"));
    client.fails(&format!("{VERIFY} ~/cosign.pub HOST/lab2/old:V1"));
}

/// What oras finds that refers to a manifest: types and digests. By digest: of a tag it wants to be told
/// the digest in a header, which few hosts have.
fn discovered(client: &Client, subject: Digest) -> Vec<(String, String)> {
    let found = client.ok(&format!(
        "oras discover --plain-http --format json HOST/lab/tool@{subject}"
    ));
    let found: Value = serde_json::from_str(&found).unwrap();
    let listed = found["referrers"].as_array().cloned().unwrap_or_default();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    listed
        .iter()
        .map(|one| (text(one, "artifactType"), text(one, "digest")))
        .collect()
}

// spec: API-12 API-17 MAN-11 MAN-13 MAN-14
#[test]
fn an_sbom_is_found_and_pulled() {
    on_every_host(|site, client| {
        let sbom = "{\"spdxVersion\":\"SPDX-2.3\"}\n";
        fs::write(client.path("tool.spdx.json"), sbom).unwrap();
        site.attach(&client.path("tool.spdx.json"), "application/spdx+json");
        let subject = site.manifest("lab/tool", "1.0");
        let found = discovered(client, subject);
        let types: Vec<&str> = found.iter().map(|(media, _)| media.as_str()).collect();
        let expected = ["application/vnd.sreg.statement.v1", "application/spdx+json"];
        assert_eq!(types, expected, "{}", site.host);
        let artifact = &found[1].1;
        client.ok(&format!(
            "oras pull --plain-http --no-tty -o ~/out HOST/lab/tool@{artifact}"
        ));
        let pulled = client.digest("out/tool.spdx.json");
        assert_eq!(pulled, Digest::of(sbom.as_bytes()));
        let regctl = "regctl --host reg=HOST,tls=disabled";
        let listed = client.ok(&format!("{regctl} artifact list HOST/lab/tool@{subject}"));
        assert!(
            listed.contains(artifact.as_str()),
            "{}: {listed}",
            site.host
        );
        // Nothing is attached to the attachment, and it is said so.
        assert_eq!(discovered(client, artifact.parse().unwrap()), []);
        // Where clients look that know nothing of referrers.
        let tag = subject.to_string().replace(':', "-");
        let by_tag = client.ok(&format!("crane --insecure manifest HOST/lab/tool:{tag}"));
        let by_digest = client.ok(&format!("curl -fsS URL/v2/lab/tool/referrers/{subject}"));
        assert_eq!(by_tag, by_digest, "{}", site.host);
        // It is no tag of the registry.
        assert_eq!(client.ok("crane --insecure ls HOST/lab/tool"), "1.0\n");
    });
}

// spec: MAN-12
#[test]
fn a_statement_that_oras_pulls_verifies_with_ssh_keygen() {
    on_every_host(|site, client| {
        let found = discovered(client, site.manifest("lab/tool", "1.0"));
        let (media, artifact) = &found[0];
        assert_eq!(media, "application/vnd.sreg.statement.v1");
        client.ok(&format!(
            "oras pull --plain-http --no-tty -o ~ HOST/lab/tool@{artifact}"
        ));
        let file = fs::read_to_string(client.path("tool_1.0.amd64.statement")).unwrap();
        let (line, signature) = file.split_once('\n').unwrap();
        let statement: Value = serde_json::from_str(line).unwrap();
        let named = site.digest("lab/tool:1.0", "amd64").to_string();
        assert_eq!(statement["digest"], *named);
        fs::write(client.path("statement"), format!("{line}\n")).unwrap();
        fs::write(client.path("statement.sig"), signature).unwrap();
        let signers = site.bench.ok(&["trust", "export", "public"]).stdout;
        fs::write(client.path("signers"), &signers).unwrap();
        let input = fs::File::open(client.path("statement")).unwrap();
        let verified = std::process::Command::new("ssh-keygen")
            .args(["-Y", "verify", "-n", "image@sreg.v1", "-I", "lab", "-f"])
            .arg(client.path("signers"))
            .arg("-s")
            .arg(client.path("statement.sig"))
            .stdin(input)
            .output()
            .unwrap();
        assert!(verified.status.success(), "{signers}{verified:?}");
    });
}
