//! Every client that pulls gets the bytes that the signed index names.

use super::site::on_every_host;

const TOOL: &str = "lab/tool:1.0";

// spec: API-11
#[test]
fn apptainer_by_oras() {
    on_every_host(|site, client| {
        client.ok("apptainer-pull oras://HOST/lab/tool:1.0 ~/tool.sif -plain-http");
        assert_eq!(client.digest("tool.sif"), site.digest(TOOL, "amd64"));
        let digest = site.manifest("lab/tool", "1.0");
        client.ok(&format!(
            "apptainer-pull oras://HOST/lab/tool@{digest} ~/by-digest.sif -plain-http"
        ));
        assert_eq!(client.digest("by-digest.sif"), site.digest(TOOL, "amd64"));
        for arch in ["amd64", "arm64"] {
            client.ok(&format!(
                "apptainer-pull oras://HOST/lab/multi:1.0 ~/{arch}.sif -plain-http -arch {arch}"
            ));
            let named = site.digest("lab/multi:1.0", arch);
            assert_eq!(client.digest(format!("{arch}.sif")), named);
        }
    });
}

// spec: API-13 API-14
#[test]
fn apptainer_by_library() {
    on_every_host(|site, client| {
        let line = "apptainer-pull library://lab/tool:1.0 ~/tool.sif -library URL/library";
        client.ok(line);
        assert_eq!(client.digest("tool.sif"), site.digest(TOOL, "amd64"));
        // Names of any case are asked for in lower case.
        client.ok("apptainer-pull library://lab2/old:v1 ~/old.simg -library URL/library");
        let named = site.digest("Lab2/Old:V1", "unknown");
        assert_eq!(client.digest("old.simg"), named);
    });
}

// spec: API-16
#[test]
fn apptainer_by_library_for_an_architecture() {
    on_every_host(|site, client| {
        let named = |arch| site.digest("lab/multi:1.0", arch);
        client.ok(
            "apptainer-pull library://lab/multi:1.0 ~/arm.sif -library URL/library/arm64 -arch arm64",
        );
        assert_eq!(client.digest("arm.sif"), named("arm64"));
        client.ok(
            "apptainer-pull library://lab/multi:1.0 ~/amd.sif -library URL/library -arch amd64",
        );
        assert_eq!(client.digest("amd.sif"), named("amd64"));
        client.ok(
            "apptainer-pull library://lab/multi:1.0 ~/any.sif -library URL/library -arch arm64",
        );
        let arch = if site.knows_archs { "arm64" } else { "amd64" };
        assert_eq!(client.digest("any.sif"), named(arch));
    });
}

// spec: API-15
#[test]
fn apptainer_by_shub_and_https() {
    on_every_host(|site, client| {
        client.ok("apptainer-pull shub://HOST/lab/tool:1.0 ~/tool.sif -plain-http");
        assert_eq!(client.digest("tool.sif"), site.digest(TOOL, "amd64"));
        let digest = site.digest(TOOL, "amd64");
        client.ok(&format!(
            "apptainer-pull URL/v2/lab/tool/blobs/{digest} ~/plain.sif"
        ));
        assert_eq!(client.digest("plain.sif"), digest);
    });
}

#[test]
fn oras() {
    on_every_host(|site, client| {
        client.ok("oras pull --plain-http --no-tty -o ~/tool HOST/lab/tool:1.0");
        assert_eq!(
            client.digest("tool/tool_1.0.sif"),
            site.digest(TOOL, "amd64")
        );
        client.ok("oras pull --plain-http --no-tty -o ~/old HOST/lab2/old:V1");
        let named = site.digest("Lab2/Old:V1", "unknown");
        assert_eq!(client.digest("old/Old_V1.simg"), named);
        client.ok(
            "oras pull --plain-http --no-tty --platform linux/arm64 -o ~/arm HOST/lab/multi:1.0",
        );
        let named = site.digest("lab/multi:1.0", "arm64");
        assert_eq!(client.digest("arm/multi_1.0.sif"), named);
    });
}

#[test]
fn crane() {
    on_every_host(|site, client| {
        let image = site.digest(TOOL, "amd64").hex();
        client.ok("crane --insecure pull --format oci HOST/lab/tool:1.0 ~/tool");
        assert_eq!(
            client.digest(format!("tool/blobs/sha256/{image}")).hex(),
            image
        );
        client.ok(
            "crane --insecure --platform linux/arm64 pull --format oci HOST/lab/multi:1.0 ~/arm",
        );
        let image = site.digest("lab/multi:1.0", "arm64").hex();
        assert_eq!(
            client.digest(format!("arm/blobs/sha256/{image}")).hex(),
            image
        );
    });
}

#[test]
fn skopeo() {
    on_every_host(|site, client| {
        let copy = "skopeo --insecure-policy copy --src-tls-verify=false";
        let image = site.digest(TOOL, "amd64").hex();
        client.ok(&format!("{copy} docker://HOST/lab/tool:1.0 oci:~/oci:1.0"));
        let blob = format!("oci/blobs/sha256/{image}");
        assert_eq!(client.digest(blob).hex(), image);
        client.ok(&format!("{copy} docker://HOST/lab/tool:1.0 dir:~/dir"));
        assert_eq!(client.digest(format!("dir/{image}")).hex(), image);
        client.ok(
                "skopeo --insecure-policy --override-arch arm64 copy --src-tls-verify=false docker://HOST/lab/multi:1.0 dir:~/arm",
            );
        let image = site.digest("lab/multi:1.0", "arm64").hex();
        assert_eq!(client.digest(format!("arm/{image}")).hex(), image);
    });
}

#[test]
fn regctl() {
    on_every_host(|site, client| {
        let regctl = "regctl --host reg=HOST,tls=disabled";
        let image = site.digest(TOOL, "amd64").hex();
        client.ok(&format!(
            "{regctl} image copy HOST/lab/tool:1.0 ocidir://copy:1.0"
        ));
        let blob = format!("copy/blobs/sha256/{image}");
        assert_eq!(client.digest(blob).hex(), image);
        std::fs::create_dir(client.path("artifact")).unwrap();
        client.ok(&format!(
            "{regctl} artifact get -o ~/artifact HOST/lab/tool:1.0"
        ));
        assert_eq!(client.digest("artifact/tool_1.0.sif").hex(), image);
    });
}

// spec: API-1 API-3
#[test]
fn curl_and_jq() {
    on_every_host(|site, client| {
        let manifest = client.ok("curl -fsS URL/lab/tool/manifests/1.0/");
        std::fs::write(client.path("manifest.json"), manifest).unwrap();
        let url = client.ok("jq -r .layers[0].urls[0] ~/manifest.json");
        client.ok(&format!("curl -fsS -o ~/tool.sif {url}"));
        assert_eq!(client.digest("tool.sif"), site.digest(TOOL, "amd64"));
        let list = client.ok("curl -fsS URL/lab/tool/tags/");
        assert_eq!(list, "{\"name\":\"lab/tool\",\"tags\":[\"1.0\"]}\n");
    });
}
