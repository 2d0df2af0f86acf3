//! What clients say of a registry without pulling.

use serde_json::Value;
use sreg_model::Digest;

use super::site::on_every_host;

// spec: API-8 API-11
#[test]
fn manifests() {
    on_every_host(|site, client| {
        let digest = site.manifest("lab/tool", "1.0");
        for line in [
            "oras manifest fetch --plain-http HOST/lab/tool:1.0",
            "crane --insecure manifest HOST/lab/tool:1.0",
            "skopeo inspect --raw --tls-verify=false docker://HOST/lab/tool:1.0",
            "regctl --host reg=HOST,tls=disabled manifest get --format raw-body HOST/lab/tool:1.0",
            "curl -fsS URL/v2/lab/tool/manifests/1.0",
        ] {
            assert_eq!(Digest::of(client.ok(line).as_bytes()), digest, "{line}");
            let by_digest = line.replace(":1.0", &format!("@{digest}"));
            let by_digest = by_digest.replace("/1.0", &format!("/{digest}"));
            assert_eq!(
                Digest::of(client.ok(&by_digest).as_bytes()),
                digest,
                "{line}"
            );
        }
        let said = client.ok("crane --insecure digest HOST/lab/tool:1.0");
        assert_eq!(said.trim(), digest.to_string());
        let index = client.ok("crane --insecure manifest HOST/lab/multi:1.0");
        let index: Value = serde_json::from_str(&index).unwrap();
        let archs: Vec<&str> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["platform"]["architecture"].as_str().unwrap())
            .collect();
        assert_eq!(archs, ["amd64", "arm64"]);
    });
}

// spec: API-10
#[test]
fn tags() {
    on_every_host(|_, client| {
        let skopeo = client.ok("skopeo list-tags --tls-verify=false docker://HOST/lab2/old");
        let tags: Value = serde_json::from_str(&skopeo).unwrap();
        assert_eq!(tags["Tags"], serde_json::json!(["V1"]));
        for line in [
            "crane --insecure ls HOST/lab2/old",
            "oras repo tags --plain-http HOST/lab2/old",
            "regctl --host reg=HOST,tls=disabled tag ls HOST/lab2/old",
        ] {
            assert_eq!(client.ok(line), "V1\n", "{line}");
        }
    });
}

// spec: API-20
#[test]
fn sreg_finds_every_host_whole() {
    on_every_host(|site, _| {
        site.bench.ok(&["verify", &site.url()]);
        if let Some(mut verify) = site.on_the_bucket(&["verify", "--blobs", "full"]) {
            let output = verify.output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    });
}

#[test]
fn what_is_not_there_is_said_to_be_so() {
    on_every_host(|_, client| {
        for line in [
            "crane --insecure manifest HOST/lab/tool:9.9",
            "oras pull --plain-http --no-tty -o ~/none HOST/lab/none:1.0",
            "skopeo inspect --raw --tls-verify=false docker://HOST/lab/tool:9.9",
            "apptainer-pull oras://HOST/lab/tool:9.9 ~/none.sif -plain-http",
            "apptainer-pull library://lab/tool:9.9 ~/none.sif -library URL/library",
        ] {
            client.fails(line);
        }
        assert!(!client.path("none.sif").exists());
    });
}
