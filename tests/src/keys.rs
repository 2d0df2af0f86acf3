//! Key files that tests sign with: made of a number, so that they need no program and are the same
//! each time. Never to be used for anything else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{Cipher, Kdf, LineEnding, PrivateKey};

/// The private key of Ed25519 of a number, as `ssh-keygen` writes it, and its `.pub` line.
///
/// # Panics
/// Never: such a key can be written.
#[must_use]
pub fn ed25519(seed: u8) -> (String, String) {
    let pair = KeypairData::from(Ed25519Keypair::from_seed(&[seed; 32]));
    let key = PrivateKey::new(pair, format!("key {seed}")).expect("a key");
    let private = key.to_openssh(LineEnding::LF).expect("text").to_string();
    let public = key.public_key().to_openssh().expect("text");
    (private, public + "\n")
}

/// The private key of a number under a passphrase.
///
/// # Panics
/// Never: such a key can be written.
#[must_use]
pub fn encrypted(seed: u8, passphrase: &str) -> String {
    let pair = KeypairData::from(Ed25519Keypair::from_seed(&[seed; 32]));
    let key = PrivateKey::new(pair, "").expect("a key");
    let kdf = Kdf::Bcrypt {
        salt: vec![seed; 16],
        rounds: 4,
    };
    let key = key.encrypt_with(Cipher::Aes256Ctr, kdf, 1, passphrase);
    let key = key.expect("it can be encrypted");
    key.to_openssh(LineEnding::LF).expect("text").to_string()
}

/// Writes the key of a number into a folder, as `key-<number>` and `key-<number>.pub`: the path of
/// the private half.
///
/// # Panics
/// When the folder cannot be written.
pub fn write(folder: &Path, seed: u8) -> PathBuf {
    let (private, public) = ed25519(seed);
    let path = folder.join(format!("key-{seed}"));
    fs::write(&path, private).expect("the folder can be written");
    // As `ssh-keygen` makes them.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    fs::write(path.with_extension("pub"), public).expect("the folder can be written");
    path
}

/// The fingerprint of the key of a number.
///
/// # Panics
/// Never: such a key can be read.
#[must_use]
pub fn fingerprint(seed: u8) -> String {
    let (_, public) = ed25519(seed);
    let key = sreg_model::Key::parse_line(&public).expect("a key");
    key.fingerprint().to_string()
}
