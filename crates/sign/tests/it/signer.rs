//! Signing with key files, none of which needs another program.

use std::fs;
use std::path::{Path, PathBuf};

use sreg_sign::{KeyFile, Purpose, SignError, Signature, Signer, SshKeygen, open, open_text};
use zeroize::Zeroizing;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/signature")
        .join(name)
}

fn nobody(path: &Path) -> Result<Zeroizing<String>, SignError> {
    Err(SignError::NoPassphrase {
        path: path.to_owned(),
    })
}

fn opened(name: &str) -> Result<Box<dyn Signer>, SignError> {
    open(&fixture(name), &mut nobody)
}

#[test]
fn a_key_file_signs_for_every_purpose() {
    for name in ["ed25519", "ecdsa256", "ecdsa384"] {
        let signer = opened(name).unwrap();
        for purpose in Purpose::ALL {
            for message in [&b""[..], b"message\n", &[0xff; 100_000]] {
                let armor = signer.sign(purpose, message).unwrap();
                let signature = Signature::parse(armor.as_bytes()).unwrap();
                assert_eq!(signature.key(), signer.key());
                assert_eq!(signature.verify(purpose, message), Ok(()));
            }
        }
    }
}

/// Ed25519 has one signature for each message.
#[test]
fn it_signs_byte_for_byte_as_ssh_keygen_does() {
    let message = fs::read(fixture("message")).unwrap();
    let armor = opened("ed25519").unwrap().sign(Purpose::Image, &message);
    assert_eq!(
        armor.unwrap().into_bytes(),
        fs::read(fixture("ed25519.sig")).unwrap()
    );
}

#[test]
fn a_passphrase_is_asked_for_and_kept_quiet() {
    let path = fixture("encrypted");
    let mut asked = 0;
    let key = KeyFile::open(&path, &mut |_| {
        asked += 1;
        Ok(Zeroizing::new("passphrase".to_owned()))
    })
    .unwrap();
    assert_eq!(asked, 1);
    key.sign(Purpose::Head, b"message").unwrap();

    let wrong = KeyFile::open(&path, &mut |_| Ok(Zeroizing::new("hunter2".to_owned())));
    let wrong = wrong.unwrap_err();
    assert_eq!(wrong.code(), "passphrase");
    assert!(!format!("{wrong} {wrong:?}").contains("hunter2"));
    let none = KeyFile::open(&path, &mut nobody).unwrap_err();
    assert!(matches!(none, SignError::NoPassphrase { .. }));
}

#[test]
fn a_key_is_never_shown() {
    let key = KeyFile::open(&fixture("ed25519"), &mut nobody).unwrap();
    let shown = format!("{key:?}");
    let public = fs::read_to_string(fixture("ed25519.pub")).unwrap();
    assert!(shown.contains(public.split(' ').nth(1).unwrap()));
    assert!(shown.len() < 400, "{shown}");
}

#[test]
fn keys_that_are_elsewhere_are_left_to_ssh_keygen() {
    for name in ["rsa3072", "rsa3072.pub", "ed25519.pub"] {
        let signer = opened(name).unwrap();
        let public = fixture(name).with_extension("pub");
        let public = fs::read_to_string(public).unwrap();
        assert!(public.starts_with(&signer.key().to_string()));
    }
    // One ECDSA key in 256: its number is shorter than ssh-key reads.
    let short = KeyFile::open(&fixture("ecdsa-short"), &mut nobody);
    assert!(matches!(short, Err(SignError::Foreign { .. })));
    assert!(opened("ecdsa-short").is_ok());
    let missing = SshKeygen::open(&fixture("ed25519.pub")).unwrap();
    let missing = missing.by(fixture("no-such-program"));
    let error = missing.sign(Purpose::Image, b"message").unwrap_err();
    assert!(matches!(error, SignError::Program { .. }));
    assert_eq!(error.code(), "signing-failed");
}

#[test]
fn what_cannot_sign_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("key");
    let whole = fs::read_to_string(fixture("ed25519")).unwrap();
    for (text, code) in [
        (String::new(), "signing-key"),
        ("ssh-ed25519".to_owned(), "signing-key"),
        (whole.replace("b3BlbnNzaC1r", "b3BlbnNzaC1s"), "signing-key"),
        (whole[..100].to_owned(), "signing-key"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\n".to_owned(),
            "signing-key",
        ),
        ("x".repeat(70_000), "signing-key"),
    ] {
        fs::write(&path, text).unwrap();
        let error = open(&path, &mut nobody).err().unwrap();
        assert_eq!(error.code(), code, "{error}");
    }
    let gone = open(&scratch.path().join("gone"), &mut nobody);
    assert_eq!(gone.err().unwrap().code(), "missing-file");
    assert!(matches!(
        opened("rsa1024.pub"),
        Err(SignError::Unsuitable { .. })
    ));
    let public = KeyFile::open(&fixture("ed25519.pub"), &mut nobody);
    assert_eq!(public.unwrap_err().code(), "signing-key");
}

#[test]
fn the_text_of_a_key_signs_as_its_file_does() {
    let text = fs::read_to_string(fixture("ed25519")).unwrap();
    let message = fs::read(fixture("message")).unwrap();
    for text in [
        text.clone(),
        text.trim_end().to_owned(),
        text.replace('\n', "\r\n"),
    ] {
        let signer = open_text("KEY", &text, &mut nobody).unwrap();
        let armor = signer.sign(Purpose::Image, &message).unwrap();
        assert_eq!(
            armor.into_bytes(),
            fs::read(fixture("ed25519.sig")).unwrap()
        );
    }
    let rsa = fs::read_to_string(fixture("rsa3072")).unwrap();
    let refused = open_text("KEY", &rsa, &mut nobody).err().unwrap();
    assert!(matches!(refused, SignError::NeedsFile { .. }), "{refused}");
    let both = format!("{text}{text}");
    let refused = open_text("KEY", &both, &mut nobody).err().unwrap();
    assert!(matches!(refused, SignError::Several { .. }), "{refused}");
    let lines: Vec<&str> = text.lines().collect();
    for lost in [lines.join(" "), lines.join("\\n"), lines.concat()] {
        let refused = open_text("KEY", &lost, &mut nobody).err().unwrap();
        assert!(matches!(refused, SignError::LostLines { .. }), "{refused}");
        assert!(!format!("{refused:?}").contains(lines[1]), "{refused:?}");
    }
}

#[test]
fn another_form_of_ed25519_is_told_apart_from_those_that_ssh_keygen_rewrites() {
    // RFC 8410, 10.3.
    let ed25519 = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("key");
    for (text, expected) in [
        (ed25519, true),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", false),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n", false),
    ] {
        fs::write(&path, text).unwrap();
        let refused = open(&path, &mut nobody).err().unwrap();
        assert!(
            matches!(refused, SignError::Pem { is_ed25519, .. } if is_ed25519 == expected),
            "{refused:?}"
        );
    }
}
