//! Hints: the command, or the change, that helps with an error.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use sreg_client::known::KnownError;
use sreg_client::location::is_remote;
use sreg_index::hasher::HashError;
use sreg_ingest::IngestError;
use sreg_ingest::source::holds_images;
use sreg_model::Fingerprint;
use sreg_model::fault::Code;
use sreg_publish::{PublishError, Unsigned};
use sreg_registry::RegistryError;
use sreg_registry::verify::Fault;
use sreg_serve::ServeError;
use sreg_sign::amend::{AmendError, Grant, only_key};
use sreg_sign::policy::PolicyError;
use sreg_sign::{AuthorError, SignError};
use sreg_store::{Scheme, StoreError};

use crate::location;

/// Returns the hint for an error of reading a registry.
pub(super) fn of_registry(error: &RegistryError) -> Option<String> {
    Some(match error {
        RegistryError::NotARegistry(path) => registry_hint(path),
        RegistryError::NoHead(path) if sreg_store::is_url(&path.to_string_lossy()) => {
            format!("run `sreg push IMAGE {}//namespace/name:tag` to publish an image", path.display())
        }
        RegistryError::NoHead(path) => format!("run `sreg index IMAGES --out {}` to publish images", path.display()),
        RegistryError::Settings { source, .. } if source.code() == "newer-format" => "install a newer sreg".to_owned(),
        RegistryError::Policy { path, .. } | RegistryError::Mismatch { path, .. }
            if path.extension().is_some_and(|ending| ending == "statement") => {
            "run `sreg sign IMAGE REGISTRY//REFERENCE --key KEY` to sign it again, or remove the file".to_owned()
        }
        RegistryError::Policy { source, path } => {
            return policy_hint(source.code()).map(|hint| replace_word(&hint, "REGISTRY", &tree_of(path)));
        }
        RegistryError::Hash(HashError::Changed { .. }) => "run the command again when no program writes the image (nothing was published)".to_owned(),
        RegistryError::Cancelled => "run the command again to continue (nothing that was published is lost)".to_owned(),
        RegistryError::Missing { registry, .. } => format!(
            "run `sreg verify {}` to list all faults, and restore the file from a copy of the registry",
            registry.display()
        ),
        RegistryError::Store(error) => store_hint(error)?,
        RegistryError::Map { path, .. } => format!("run `sreg verify {}` to list all faults", path.display()),
        RegistryError::Document { path, .. } | RegistryError::Mismatch { path, .. } => {
            format!("run `sreg verify {}` to list all faults", tree_of(path))
        }
        _ => return None,
    })
}

/// Returns the hint for an error of publishing.
pub(super) fn of_publishing(error: &PublishError) -> Option<String> {
    Some(match error {
        PublishError::Registry(error) => return of_registry(error),
        PublishError::NotOurs(path) => {
            format!("use an empty or new folder, such as {}/public (nothing was changed)", path.display())
        }
        PublishError::Signed(path) => format!(
            "add --key KEY; run `sreg trust show {}` to see which keys may sign",
            path.display()
        ),
        PublishError::NoKeys(path) | PublishError::Published(path) => {
            no_keys_hint(&path.to_string_lossy())
        }
        PublishError::HasKeys { .. } => "use another place, or publish with one of its keys (nothing was changed)".to_owned(),
        PublishError::NeverValid(_) => "run `sreg log REGISTRY` to find the last good version, then `sreg trust rotate REGISTRY --new-epoch --after VERSION --from KEY.pub --to NEW.pub --key ROOT --key NEW` to remove the head key that published it".to_owned(),
        PublishError::NoLongerValid(_) => "check the image, then run `sreg sign REGISTRY//REFERENCE --key KEY` to re-sign its statement".to_owned(),
        PublishError::NoRoom(..) => "use fewer or shorter annotations".to_owned(),
        PublishError::NotOneImage { archs, .. } if archs.is_empty() => "run `sreg ls REGISTRY` to list the references".to_owned(),
        PublishError::Frozen(_) => "publish under another tag: a frozen one cannot be changed or removed".to_owned(),
        PublishError::Space { .. } => "free space, or put the output on the file system of the images so that they can be linked".to_owned(),
        PublishError::Write { source, .. } if source.kind() == ErrorKind::Unsupported => "use --link auto or --link copy: the file system does not support the chosen way".to_owned(),
        PublishError::Write { source, .. } if matches!(source.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) => "choose another place: a file is in the place of a folder".to_owned(),
        PublishError::Write { .. } => "run the command again to continue (nothing that was published is lost)".to_owned(),
        PublishError::Meanwhile { .. } => "run `sreg trust show REGISTRY` to see what was published: if an earlier run of yours was killed, this run has finished it".to_owned(),
        PublishError::Conflict(_) => "run the command again to publish on top of the new version".to_owned(),
        PublishError::LastVersion(path) => format!(
            "restore a copy of the registry that has an older head; run `sreg verify {}` to check it",
            path.display()
        ),
        PublishError::CaseCollision(..) => "rename one of them; some file systems and clients ignore case".to_owned(),
        PublishError::Unconditional(path) => format!(
            "use a store that supports If-None-Match and If-Match; run `sreg doctor {}` to test one",
            path.display()
        ),
        PublishError::Diverged { .. } => {
            "mirror the other way if the copy is newer; if both have new versions, keep one (docs/storage.md)".to_owned()
        }
        _ => return None,
    })
}

/// Returns the hint for an error of publishing a folder of images.
pub(super) fn of_folder(error: &IngestError) -> Option<String> {
    Some(match error {
        IngestError::Publish(error) => return of_publishing(error),
        IngestError::InTheWay(path) => {
            format!("move {} elsewhere (nothing was changed)", path.display())
        }
        IngestError::NoImages(_) => "check the path; images end in .sif, .simg or .img".to_owned(),
        IngestError::MassRemoval { source_folder, .. } => format!(
            "check that {} is mounted and complete, and that its files were not renamed; add --allow-removals to remove these references",
            source_folder.display()
        ),
        _ => return None,
    })
}

/// Returns the hint for a key that cannot sign.
pub(super) fn of_key(error: &SignError) -> Option<&'static str> {
    match error.code() {
        _ if matches!(error, SignError::LostLines { .. }) => Some(
            "keep the line breaks: quote the variable in a shell (SREG_KEY=\"$(cat FILE)\"), or write the key to a file and name the file",
        ),
        _ if matches!(error, SignError::Several { .. }) => {
            Some("pass each key in its own variable, SREG_KEY_1 to SREG_KEY_32")
        }
        _ if matches!(
            error,
            SignError::Pem {
                is_ed25519: true,
                ..
            }
        ) =>
        {
            Some(
                "run `ssh-keygen -p -f FILE` to convert it (OpenSSH 9.6 or later), or `ssh-keygen -t ed25519` to make a new key",
            )
        }
        _ if matches!(error, SignError::Pem { .. }) => Some(
            "run `ssh-keygen -p -f FILE` to convert it; for a PuTTY key, `puttygen FILE -O private-openssh -o NEW`",
        ),
        _ if matches!(error, SignError::NeedsFile { .. }) => Some(
            "write the key to a file that only you can read and name it, or load the key into ssh-agent and name its .pub file",
        ),
        Code::Passphrase => Some(
            "run the command on a terminal, or pass the passphrase with --passphrase-fd N or in the file SREG_KEY_PASSPHRASE_FILE",
        ),
        Code::Unreadable | Code::MissingFile => Some(
            "check the path; if the key is lost, run `sreg trust show REGISTRY` to see which keys may sign (docs/keys.md)",
        ),
        Code::SigningKey => Some(
            "pass an OpenSSH private key, or the .pub file of a key in ssh-agent; run `ssh-keygen -t ed25519` to make one",
        ),
        _ => None,
    }
}

/// Returns the hint for an error of a store.
pub(super) fn store_hint(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::Denied { .. } => {
            "run `sreg doctor PLACE` to see which credentials were tried".to_owned()
        }
        StoreError::Unreachable { .. } => {
            "try again later, or run `sreg doctor PLACE` to see what fails".to_owned()
        }
        StoreError::Clock { .. } => "correct the clock of this machine".to_owned(),
        StoreError::Full { .. } => "free space in the bucket, or raise its quota".to_owned(),
        StoreError::PrivateAddress { .. } => {
            "add --allow-private if you trust the registry".to_owned()
        }
        StoreError::Unconditional(_) => {
            "use a store that supports conditional writes, such as S3, R2, MinIO or Ceph".to_owned()
        }
        StoreError::ReadOnly(_) => {
            "publish to the folder or bucket that the web server serves".to_owned()
        }
        _ => return None,
    })
}

/// Returns the hint for an error of known registries.
pub(super) fn of_known(error: &KnownError) -> Option<String> {
    Some(match error {
        KnownError::Malformed { path, .. } => format!(
            "restore {} from a backup, or delete it and run `sreg trust add` to pin the registry again",
            path.display()
        ),
        KnownError::Denied { .. } => {
            "pass --trust ID or a lock file, or set XDG_STATE_HOME to a folder that you can write"
                .to_owned()
        }
        KnownError::NoFolder => "set HOME or XDG_STATE_HOME".to_owned(),
        _ => return None,
    })
}

/// Returns the hint for an error of `sreg serve`.
pub(super) fn of_server(error: &ServeError) -> Option<&'static str> {
    Some(match error {
        ServeError::Listen { source, .. } => match source.kind() {
            ErrorKind::AddrInUse => {
                "choose another port, or let the system choose with --listen 127.0.0.1:0"
            }
            ErrorKind::PermissionDenied => {
                "choose a port above 1023, such as --listen 127.0.0.1:8080"
            }
            _ => "use an address of this machine, such as --listen 127.0.0.1:8080",
        },
        ServeError::Kernel => "serve the folder with another web server (docs/storage.md)",
        ServeError::Pem { .. } | ServeError::Certificate { .. } => {
            "pass two PEM files: the certificate followed by its intermediates, and its private key"
        }
        _ => return None,
    })
}

/// Returns the hint for a registry without keys, where a key is needed.
pub(crate) fn no_keys_hint(registry: &str) -> String {
    match is_remote(registry) {
        true if Scheme::of(registry).is_bucket() => format!(
            "run `sreg init s3://bucket/prefix --key KEY --from FOLDER`, where FOLDER is a copy of {registry}, to create another registry with a key"
        ),
        true => "ask its owner to run `sreg index IMAGES --out FOLDER --key KEY` to give it a key"
            .to_owned(),
        false => format!("run `sreg index IMAGES --out {registry} --key KEY` to give it a key"),
    }
}

/// Returns the hint for missing signatures: which keys can sign, and which can replace them.
pub(super) fn remaining_hint(root: &Path, refused: &[Unsigned], of_head: bool) -> String {
    let trust_chain = location::registry(root).and_then(|registry| registry.trust_chain());
    let registry = root.display();
    let Ok(Some(trust_chain)) = trust_chain else {
        return "nothing was published".to_owned();
    };
    let trust = trust_chain.newest().body();
    let asks_for = |only: &Fingerprint| {
        let mut delegations = trust.delegations.iter();
        delegations.all(|delegation| delegation.keys == [*only])
            && refused.iter().all(|one| match &*one.source {
                AuthorError::Policy(PolicyError::Threshold { keys, .. }) => keys == &[*only],
                _ => true,
            })
    };
    if let Some(only) = only_key(trust).filter(asks_for) {
        return format!(
            "add --key with {only}, the only key of this registry (nothing was published). If it is lost, run `sreg init DIR --key KEY --from {registry}` to create a new registry (docs/keys.md)"
        );
    }
    let roots: Vec<String> = trust
        .roles
        .root
        .keys
        .iter()
        .map(ToString::to_string)
        .collect();
    let roots = format!(
        "{} of the root keys {}",
        trust.roles.root.threshold,
        roots.join(", ")
    );
    if of_head {
        return format!(
            "add --key with one of these keys (nothing was published). If it is lost, {roots} can let another key sign heads: `sreg trust add-key {registry} NEW.pub --role head --key ROOT --key NEW`"
        );
    }
    format!(
        "add --key with one of these keys, or ask a holder to run `sreg sign IMAGE {registry}//REFERENCE --key KEY` and put the statement beside the image (nothing was published). If the key is lost, {roots} can delegate the names to another key: `sreg trust delegate {registry} NAMESPACE --to NEW.pub --key ROOT`"
    )
}

/// Returns the hint for an invalid change of trust.
pub(super) fn amend_hint(error: &AmendError) -> Option<String> {
    Some(match error {
        AmendError::TooFew { place, .. } => {
            let option = match place {
                Grant::Root => "--role root".to_owned(),
                Grant::Head => "--role head".to_owned(),
                Grant::Scope(scope) => format!("--scope {scope}"),
            };
            format!("run `sreg trust add-key REGISTRY NEW.pub {option} --key ROOT` first, or lower the threshold with --threshold N")
        }
        AmendError::NoKey { .. } => "run `sreg trust show REGISTRY` to list its keys".to_owned(),
        AmendError::NoScope(scope) => {
            format!("run `sreg trust delegate REGISTRY {scope} --to KEY.pub --key ROOT` to delegate it")
        }
        AmendError::Document(_) => "run `sreg trust remove-key REGISTRY KEY --role ROLE` first, or replace the key with `sreg trust rotate`".to_owned(),
        _ => return None,
    })
}

/// Returns the hints for faults that a holder of a key can fix, without duplicates.
pub(crate) fn fault_hints(faults: &[Fault], root: &Path) -> BTreeSet<String> {
    let is_url = sreg_store::is_url(&root.to_string_lossy());
    let hints = faults.iter().filter_map(|fault| match fault.code {
        Code::BlobMismatch | Code::BlobSize if is_url => {
            Some("run `sreg push IMAGE REGISTRY//namespace/name:tag` to publish the image again, or `sreg attach` for an attachment".to_owned())
        }
        Code::BlobMismatch if fault.reference.is_none() => {
            Some("run `sreg repair REGISTRY` to move away damaged files that the newest version does not need".to_owned())
        }
        code => policy_hint(code),
    });
    hints
        .map(|hint| replace_word(&hint, "REGISTRY", &root.display().to_string()))
        .collect()
}

/// Returns the hint for an untrusted document.
pub(super) fn policy_hint(code: Code) -> Option<String> {
    Some(match code {
        Code::BlobMismatch | Code::BlobSize => "delete the file, then run `sreg index IMAGES --out REGISTRY` to publish the image again, or `sreg attach` for an attachment. Disk damage or a change in place, as by `apptainer sign` or `exec --writable`, causes this".to_owned(),
        Code::UntrustedStatement => "ask a publisher of these names to run `sreg sign REGISTRY --key KEY --key HEAD` to re-sign them, with a key for heads".to_owned(),
        Code::UntrustedRegistry | Code::NotPinned => "compare the id with the owner's, then run `sreg trust add REGISTRY`".to_owned(),
        Code::ExpiredHead | Code::ExpiredTrust => "ask a holder of the keys to run `sreg refresh REGISTRY --key KEY` to renew it".to_owned(),
        Code::RolledBack => "use another copy, or try later. If this copy is yours, run `sreg mirror NEWEST REGISTRY`; if the newest version is lost, its owner can run `sreg trust rotate REGISTRY --new-epoch --key ROOT`".to_owned(),
        Code::Fork => "run `sreg log REGISTRY` to list its heads, and ask the owner which are right".to_owned(),
        Code::Unsigned => "use a signed copy; a known registry, a lock file or --require-signed requires one".to_owned(),
        Code::OtherRegistry => "compare the id with the owner's; if the registry was replaced, run `sreg trust add REGISTRY --trust ID`".to_owned(),
        _ => return None,
    })
}

/// Returns the hint for a path without a registry.
fn registry_hint(path: &Path) -> String {
    let name = path.to_string_lossy();
    if Scheme::of(&name).is_bucket() {
        return format!(
            "check the name, run `sreg mirror FOLDER {name}` to copy a registry there, or `sreg init {name}` to create one"
        );
    }
    if sreg_store::is_url(&name) {
        return format!("check the URL: {name}/sreg.json must exist");
    }
    let is_free = fs::read_dir(path).map_or(!path.exists(), |mut entries| entries.next().is_none());
    if is_free {
        format!(
            "check the path, or run `sreg index IMAGES --out {}` to create a registry there",
            path.display()
        )
    } else if holds_images(path) {
        format!(
            "run `sreg index {} --out public` to create a registry of its images",
            path.display()
        )
    } else {
        "run `sreg index IMAGES --out public` to create a registry".to_owned()
    }
}

/// Returns the registry that contains a file, judged by the file's path.
fn tree_of(path: &Path) -> String {
    let ours = ["head", "heads", "n", "s", "trust", "v2"];
    let registry = path
        .ancestors()
        .find(|folder| {
            folder
                .file_name()
                .is_some_and(|name| ours.iter().any(|other| name == *other))
        })
        .and_then(Path::parent)
        .unwrap_or(path);
    registry.display().to_string()
}

/// Replaces a whole word.
pub(super) fn replace_word(text: &str, word: &str, by: &str) -> String {
    let is_part = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let is_whole = !is_part(before.chars().last()) && !is_part(after.chars().next());
        replaced.push_str(before);
        replaced.push_str(if is_whole { by } else { word });
        rest = after;
    }
    replaced + rest
}
