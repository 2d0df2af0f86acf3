//! The inputs that the fuzz targets start from: `xtask fuzz-corpus` writes them.

use sreg_model::Arch;

use crate::sif::SifBuilder;

/// Every input: `<target>/<name>`, and its bytes.
#[must_use]
pub fn inputs() -> Vec<(String, Vec<u8>)> {
    let mut inputs = Vec::new();
    let mut add = |target: &str, name: &str, bytes: &[u8]| {
        inputs.push((format!("{target}/{name}"), bytes.to_vec()));
    };
    for (name, file) in sifs() {
        add("sif", name, &file);
    }
    for (name, text) in [
        ("empty", "{}"),
        ("nested", r#"{"a":[1,{"b":"c"}],"b":{"c":[]},"d":true}"#),
        ("escapes", r#"{"a":"\"\\ü","b":9007199254740991}"#),
        ("spaced", "{ \"a\": null }"),
    ] {
        add("canonical_json", name, text.as_bytes());
    }
    let digest = format!("lab/tool@sha256:{}", "0f".repeat(32));
    for (name, text) in [
        ("tagged", "lab/tool:1.0"),
        ("plain", "Lab.x/to-ol_2"),
        ("digest", digest.as_str()),
        ("reserved", "v2/tool"),
    ] {
        add("reference", name, text.as_bytes());
    }
    inputs
}

/// Without the padding that tools write: a change then hits something that is looked at.
fn sifs() -> Vec<(&'static str, Vec<u8>)> {
    let full = SifBuilder::new("full")
        .compact(8)
        .recipe("bootstrap: scratch\n")
        .labels("{}")
        .partition(4, 3, Arch::Arm64, b"raw")
        .align(1)
        .primary(Arch::Amd64, b"hsqs")
        .align(1)
        .signature(1, [7; 20], b"signed")
        .link_group(1)
        .object(0x4009, &4i32.to_le_bytes(), b"sbom");
    let primary = SifBuilder::new("primary")
        .compact(2)
        .primary(Arch::Riscv64, b"hsqs")
        .align(1);
    vec![
        ("none", SifBuilder::new("none").compact(1).build()),
        ("primary", primary.build()),
        ("full", full.build()),
    ]
}
