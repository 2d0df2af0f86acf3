//! The read-only part of the conformance suite of the OCI distribution spec.

use std::process::Command;

use super::site::Site;

#[test]
fn reading_conforms() {
    for site in Site::all() {
        let home = tempfile::tempdir().unwrap();
        let manifest = site.manifest("lab/tool", "1.0").to_string();
        let blob = site.digest("lab/tool:1.0", "amd64").to_string();
        let output = Command::new(sreg_tests::servers::program("conformance"))
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .env("OCI_REGISTRY", site.address.to_string())
            .env("OCI_TLS", "disabled")
            .env("OCI_REPO1", "lab/tool")
            .env("OCI_VERSION", "1.1")
            .env("OCI_RESULTS_DIR", home.path().join("results"))
            .env("OCI_API_PUSH", "false")
            .env("OCI_API_TAGS_DELETE", "false")
            .env("OCI_API_MANIFESTS_DELETE", "false")
            .env("OCI_API_BLOBS_DELETE", "false")
            .env("OCI_API_REFERRER", "false")
            .env("OCI_RO_DATA_TAGS", "1.0")
            .env("OCI_RO_DATA_MANIFESTS", &manifest)
            .env("OCI_RO_DATA_BLOBS", &blob)
            .env("OCI_RO_DATA_REFERRERS", &manifest)
            .output()
            .unwrap();
        // It prints its verdict, and then ends by a panic where nothing may be pushed.
        let said = String::from_utf8_lossy(&output.stdout);
        let host = site.host;
        assert!(
            said.contains("OCI Conformance Result: Pass"),
            "{host}: {said}"
        );
        assert!(!said.contains(": FAIL\n"), "{host}: {said}");
        for test in ["manifest", "blob", "tag"] {
            let passed = said.lines().any(|line| {
                line.contains("read-only") && line.contains(test) && line.contains("Pass")
            });
            assert!(passed, "{host}: no test of {test}s: {said}");
        }
    }
}
