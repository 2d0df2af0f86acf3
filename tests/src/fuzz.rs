//! The inputs that the fuzz targets start from: `xtask fuzz-corpus` writes them.

mod documents;

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sreg_model::layout::{FoldedRepository, FoldedTag, Place};
use sreg_model::manifest::Manifest;
use sreg_model::node::{
    Child, ImageSize, MapName, NamespaceEntry, Node, Position, TagEntry, key_hash,
};
use sreg_model::settings::Settings;
use sreg_model::statement::Subject;
use sreg_model::wire::put_string;
use sreg_model::{Arch, Digest, ImageFormat};

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
    for (name, text) in [
        ("folder", "/lab/tool/tags/\nbytes=0-99"),
        (
            "arch",
            "/library/v1/images/lab/tool:1.0?arch=arm64&x=1\nbytes=-1",
        ),
        ("page", "/v2/lab/tool/tags/list?n=10&last=1%2e0\nbytes=5-"),
        ("encoded", "/v2/%6cab/%2e%2e/staging\nbytes=1-0"),
    ] {
        add("request", name, text.as_bytes());
    }
    for (name, bytes) in nodes() {
        add("node", name, &bytes);
    }
    for (target, name, bytes) in documents::inputs() {
        add(target, name, &bytes);
    }
    for (name, format) in [
        ("sif", ImageFormat::Sif),
        ("squashfs", ImageFormat::SquashfsGzip),
    ] {
        let Subject {
            repository, tag, ..
        } = subject();
        let manifest = Manifest::of_image(&repository, &tag, Digest::of(b"image"), 5, format);
        add("manifest", name, manifest.bytes());
    }
    let mut elsewhere = Settings::default();
    elsewhere.base_url = Some(parsed("https://example.org/registry"));
    elsewhere.blob_url = Some(parsed("https://example.org/{name}/{digest}.{ext}"));
    add("settings", "plain", &Settings::default().encode());
    add("settings", "elsewhere", &elsewhere.encode());
    // Another spelling of the same URL, which is refused.
    let slash =
        b"{\"base_url\":\"https://example.org/\",\"format\":1,\"type\":\"sreg-registry\"}\n";
    add("settings", "slash", slash);
    for (name, place) in places() {
        add("layout", name, place.to_string().as_bytes());
    }
    for (name, text) in SIGNATURES {
        add("armor", name, text);
        add("signature", name, &without_armor(text));
    }
    let key = include_bytes!("../fixtures/signature/rsa2048.pub");
    add("signature", "key", key.trim_ascii());
    add("signature", "sk-ed25519", &by_a_security_key());
    inputs
}

/// Signatures that ssh-keygen made.
const SIGNATURES: &[(&str, &[u8])] = &[
    (
        "ed25519",
        include_bytes!("../fixtures/signature/ed25519.sig"),
    ),
    (
        "ecdsa",
        include_bytes!("../fixtures/signature/ecdsa256.sig"),
    ),
    ("rsa", include_bytes!("../fixtures/signature/rsa3072.sig")),
];

/// The binary form in the middle lines.
fn without_armor(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).expect("armor is ASCII");
    let lines: Vec<&str> = text.lines().collect();
    STANDARD
        .decode(lines[1..lines.len() - 1].concat())
        .expect("canonical base64")
}

/// Well formed, and of nothing.
fn by_a_security_key() -> Vec<u8> {
    let mut signature = fields(&[SECURITY_KEY, &[0; 64]]);
    signature.extend([1, 0, 0, 0, 7]);
    let key = security_key();
    let rest = fields(&[&key, b"image@sreg.v1", b"", b"sha512", &signature]);
    [&b"SSHSIG\0\0\0\x01"[..], &rest].concat()
}

const SECURITY_KEY: &[u8] = b"sk-ssh-ed25519@openssh.com";

/// The binary form of a key that nobody has.
fn security_key() -> Vec<u8> {
    // The generator of the group.
    let mut point = [0x66; 32];
    point[0] = 0x58;
    fields(&[SECURITY_KEY, &point, b"ssh:"])
}

fn fields(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        put_string(&mut bytes, field);
    }
    bytes
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

/// A value of a grammar that the text follows.
fn parsed<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a text of the grammar")
}

fn subject() -> Subject {
    Subject {
        repository: parsed("Lab/tool"),
        tag: parsed("1.0"),
        arch: Arch::Amd64,
    }
}

/// A leaf and a branch of both maps; one leaf stands below a branch.
fn nodes() -> Vec<(&'static str, Vec<u8>)> {
    let namespaces = Position::root(MapName::Namespaces);
    let tags = Position::root(MapName::Tags(parsed("lab")));
    let below = tags.child(key_hash("tool:1.0").nibble(0));
    let namespace = NamespaceEntry {
        digest: Digest::of(b"tags"),
        namespace: parsed("lab"),
        tags: 2,
    };
    let tag = |arch, image| TagEntry {
        arch,
        image,
        key: parsed("tool:1.0"),
        statement: Digest::of(b"statement"),
    };
    let image = ImageSize {
        digest: Digest::of(b"image"),
        size: 5,
    };
    let entries = vec![tag(Arch::Amd64, Some(image)), tag(Arch::Arm64, None)];
    let children: Vec<Child> = [0, 7, 15]
        .into_iter()
        .map(|nibble| Child {
            nibble,
            id: Digest::of(&[nibble]),
            count: 11,
        })
        .collect();
    let branch = Node::<TagEntry>::Branch(children.clone());
    vec![
        (
            "namespaces",
            Node::Leaf(vec![namespace]).encode(&namespaces),
        ),
        ("tags", Node::Leaf(entries.clone()).encode(&tags)),
        ("tags-below", Node::Leaf(entries).encode(&below)),
        ("branch", branch.encode(&tags)),
        (
            "branch-of-namespaces",
            Node::<NamespaceEntry>::Branch(children).encode(&namespaces.child(3)),
        ),
    ]
}

/// One place of every kind.
fn places() -> Vec<(&'static str, Place)> {
    let Subject {
        repository, tag, ..
    } = subject();
    let digest = Digest::of(b"image");
    let folded = FoldedRepository::new(&repository);
    let slot = Place::HeadSlot {
        epoch: 0,
        version: 12,
    };
    vec![
        ("settings", Place::Settings),
        ("head", Place::Head),
        ("head-slot", slot),
        ("node", Place::Node(digest)),
        ("statement", Place::Statement(digest)),
        ("blob", Place::blob(&repository, digest)),
        ("manifest", Place::manifest(&repository, digest)),
        ("no-jekyll", Place::NoJekyll),
        ("nginx-conf", Place::NginxConf),
        ("headers", Place::Headers),
        ("index", Place::Index(folded.clone(), digest)),
        ("tag-index", Place::TagIndex(folded.clone(), tag.clone())),
        ("ping", Place::Ping),
        (
            "tag-manifest",
            Place::TagManifest(folded.clone(), tag.clone()),
        ),
        ("tags-list", Place::TagsList(folded.clone())),
        ("referrers", Place::Referrers(folded.clone(), digest)),
        (
            "library-image",
            Place::LibraryImage(None, folded.clone(), FoldedTag::new(&tag)),
        ),
        (
            "library-file",
            Place::LibraryFile(Some(Arch::Arm64), folded, FoldedTag::new(&tag)),
        ),
        ("shub", Place::Shub(repository.clone(), tag.clone())),
        ("seed-tags", Place::StaticTags(repository.clone())),
        ("seed-manifest", Place::StaticManifest(repository, tag)),
    ]
}
