//! Statements, heads and trust documents: the first of their kind, later ones, and signed ones.

use std::fs;
use std::path::{Path, PathBuf};

use sreg_model::attachment::Attachment;
use sreg_model::document::Body;
use sreg_model::head::{Head, IndexRoot, TrustVersion};
use sreg_model::statement::{Claim, Image, Statement};
use sreg_model::trust::{Delegation, HeadBase, KeyState, ListedKey, Role, Roles, Trust, TrustType};
use sreg_model::{Digest, Document, Fingerprint, ImageFormat, Key};
use sreg_sign::{Purpose, SignError};

use super::{parsed, security_key, subject};

/// The target, the input's name, and its bytes.
pub(super) fn inputs() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut inputs = Vec::new();
    inputs.extend(statements().map(|(name, bytes)| ("statement", name, bytes)));
    inputs.extend(heads().map(|(name, bytes)| ("head", name, bytes)));
    for target in ["trust", "allowed_signers"] {
        inputs.extend(trusts().map(|(name, bytes)| (target, name, bytes)));
    }
    inputs
}

fn statements() -> [(&'static str, Vec<u8>); 3] {
    let digest = Digest::of(b"image");
    let present = Statement {
        subject: subject(),
        registry: None,
        epoch: 0,
        seq: 1,
        previous: None,
        issued: 1_790_000_000,
        expires: None,
        claim: Claim::Present(Image {
            digest,
            size: 5,
            chain: Digest::of(b"chain"),
            format: ImageFormat::Sif,
            frozen: true,
            urls: vec!["https://example.org/tool.sif".to_owned()],
            attached: vec![Attachment {
                annotations: Some(vec!["org.example.key=a value".to_owned()]),
                digest,
                media: "application/spdx+json".to_owned(),
                name: "tool.spdx.json".to_owned(),
                size: 5,
            }],
        }),
    };
    let removed = Statement {
        seq: 2,
        previous: Some(digest),
        expires: Some(1_800_000_000),
        claim: Claim::Removed {
            reason: "superseded".to_owned(),
        },
        ..present.clone()
    };
    let with_keys = Statement {
        registry: Some(digest),
        epoch: 1,
        ..present.clone()
    };
    [
        ("present", unsigned(present)),
        ("removed", unsigned(removed)),
        ("signed", signed(Purpose::Image, with_keys)),
    ]
}

fn heads() -> [(&'static str, Vec<u8>); 3] {
    let digest = Digest::of(b"image");
    let index = |tags| IndexRoot { digest, tags };
    let first = Head::unsigned(index(1), 1_790_000_000, None);
    let second = Head::unsigned(index(2), 1_790_000_001, Some((&first, digest)));
    let with_keys = Head {
        epoch: 1,
        registry: Some(digest),
        expires: Some(1_800_000_000),
        trust: Some(TrustVersion {
            id: digest,
            version: 1,
        }),
        ..first.clone()
    };
    [
        ("first", unsigned(first)),
        ("later", unsigned(second)),
        ("signed", signed(Purpose::Head, with_keys)),
    ]
}

/// Two vectors of the spec, and one with every kind of key that its own root keys signed.
fn trusts() -> [(&'static str, Vec<u8>); 3] {
    let one_key = include_bytes!("../../../spec/vectors/trust/valid/one-key/input");
    let several_hands = include_bytes!("../../../spec/vectors/trust/valid/several-hands/input");
    [
        ("one-key", one_key.to_vec()),
        ("several-hands", several_hands.to_vec()),
        ("signed", signed(Purpose::Trust, every_kind())),
    ]
}

fn every_kind() -> Trust {
    let [ed25519, p256] = SIGNERS.map(public);
    let [p384, rsa] = ["ecdsa384", "rsa2048"].map(public);
    let security = Key::from_blob(&security_key()).expect("a key");
    let delegation = |scope, keys: &[&Key]| Delegation {
        epoch: 1,
        keys: fingerprints(keys),
        scope: parsed(scope),
        threshold: 1,
    };
    let delegations = vec![
        delegation("Lab.x/to-ol_2", &[&p384]),
        delegation("lab", &[&ed25519, &p256, &p384, &rsa, &security]),
        delegation("lab/tool", &[&rsa]),
    ];
    let root = Role {
        keys: fingerprints(&[&ed25519, &p256]),
        threshold: 2,
    };
    let head = Role {
        keys: fingerprints(&[&security]),
        threshold: 1,
    };
    let mut keys = [
        (ed25519, KeyState::Active),
        (p256, KeyState::Active),
        (p384, KeyState::Retired),
        (rsa, KeyState::Revoked),
        (security, KeyState::Active),
    ]
    .map(|(key, state)| ListedKey {
        comment: Some("a key of the tests".to_owned()),
        key,
        state,
    });
    keys.sort_by_key(|listed| listed.key.fingerprint());
    Trust {
        delegations,
        expires: 1_947_680_000,
        head_base: HeadBase {
            epoch: 1,
            id: None,
            version: None,
        },
        issued: 1_790_000_000,
        keys: keys.into(),
        nonce: Some("0f".repeat(16)),
        previous: None,
        registry: None,
        roles: Roles { head, root },
        kind: TrustType::V1,
        version: 1,
    }
}

fn fingerprints(keys: &[&Key]) -> Vec<Fingerprint> {
    let mut keys: Vec<_> = keys.iter().map(|key| key.fingerprint()).collect();
    keys.sort();
    keys
}

/// Fixtures whose signatures of one message are always the same.
const SIGNERS: [&str; 2] = ["ed25519", "ecdsa256"];

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/signature");
    folder.join(name)
}

fn public(name: &str) -> Key {
    let text = fs::read_to_string(fixture(&format!("{name}.pub"))).expect("a fixture");
    Key::parse_line(&text).expect("a public key")
}

fn unsigned<T: Body>(body: T) -> Vec<u8> {
    let document = Document::new(body).expect("a valid document");
    document.bytes().to_vec()
}

fn signed<T: Body>(purpose: Purpose, body: T) -> Vec<u8> {
    let document = Document::new(body).expect("a valid document");
    let mut nobody = |path: &Path| {
        Err(SignError::NoPassphrase {
            path: path.to_owned(),
        })
    };
    let armored = SIGNERS.map(|name| {
        let signer = sreg_sign::open(&fixture(name), &mut nobody).expect("a private key");
        signer.sign(purpose, document.line()).expect("a signature")
    });
    let document = document.with_signatures(armored.concat().as_bytes());
    document.expect("a short document").bytes().to_vec()
}
