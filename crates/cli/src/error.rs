//! The errors of commands, as a person reads them: what failed, why, and the command that helps.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use sreg_client::known::KnownError;
use sreg_client::location::is_remote;
use sreg_image::OpenError;
use sreg_index::hasher::HashError;
use sreg_ingest::source::holds_images;
use sreg_model::Fingerprint;
use sreg_model::fault::Code;
use sreg_model::settings::SettingsError;
use sreg_registry::verify::Fault;
use sreg_registry::{RegistryError, SourceFault, Unsigned, explain};
use sreg_serve::ServeError;
use sreg_sign::amend::{AmendError, Grant, only_key};
use sreg_sign::policy::PolicyError;
use sreg_sign::{AuthorError, SignError};
use sreg_store::{Scheme, StoreError};

use crate::{exit, location};

/// A failed command.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) lines: Vec<Line>,
    /// Text below the messages, such as a command's usage.
    pub(crate) below: String,
    pub(crate) hint: Option<String>,
}

/// One message of an error.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The fault word in `spec/cli.md`.
    pub(crate) code: &'static str,
    /// The file that the message is about, for annotations.
    pub(crate) path: Option<String>,
    pub(crate) message: String,
}

impl CommandError {
    pub(crate) fn new(code: impl Into<&'static str>, message: impl Into<String>) -> Self {
        Self {
            lines: vec![Line {
                code: code.into(),
                path: None,
                message: message.into(),
            }],
            below: String::new(),
            hint: None,
        }
    }

    /// Returns the error for invalid arguments, in clap's words.
    pub(crate) fn arguments(error: &clap::Error) -> Self {
        let cause = std::error::Error::source(error);
        let code = cause
            .and_then(|cause| cause.downcast_ref::<SettingsError>())
            .map_or(Code::Usage, SettingsError::code);
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let (message, below) = text.split_once('\n').unwrap_or((text, ""));
        Self {
            below: below.to_owned(),
            ..Self::new(code, message)
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Replaces REGISTRY and PLACE in the hint by the command's place. If there are several, uses the one
    /// that a message names.
    pub(crate) fn at(mut self, places: &[String]) -> Self {
        let is_named = |place: &&String| {
            let mut lines = self.lines.iter();
            lines.any(|line| line.message.contains(place.as_str()))
        };
        let place = match places {
            [one] => Some(one),
            several => several.iter().find(is_named),
        };
        if let (Some(place), Some(hint)) = (place, &mut self.hint) {
            for word in ["REGISTRY", "PLACE"] {
                *hint = replace_word(hint, word, place);
            }
        }
        self
    }

    /// Returns the exit code: the worst of all messages.
    pub(crate) fn exit(&self) -> u8 {
        exit::worst(self.lines.iter().map(|line| exit::of_word(line.code)))
    }

    /// Returns the error for a file that cannot be opened as an image.
    pub(crate) fn image(path: &Path, error: &OpenError) -> Self {
        Self::new(
            error.code(),
            format!("{}: {}", path.display(), explain(error)),
        )
    }

    fn unsigned(registry: &Path, refused: &[Unsigned]) -> Self {
        let lines = refused.iter().map(|one| Line {
            code: one.source.code().word(),
            path: None,
            message: format!("{}: {}", one.what, explain(&*one.source)),
        });
        let of_head = refused
            .iter()
            .any(|one| one.source.code() == "untrusted-head");
        Self {
            lines: lines.collect(),
            below: String::new(),
            hint: Some(remaining_hint(registry, refused, of_head)),
        }
    }

    fn source(faults: &[SourceFault]) -> Self {
        let lines = faults
            .iter()
            .map(|fault| Line {
                code: fault.code.word(),
                path: Some(fault.path.display().to_string()),
                message: format!("{}: {}", fault.path.display(), fault.message),
            })
            .collect();
        let hint = "fix the file and run the command again (nothing was published)".to_owned();
        Self {
            lines,
            below: String::new(),
            hint: Some(hint),
        }
    }
}

impl From<RegistryError> for CommandError {
    fn from(error: RegistryError) -> Self {
        if let RegistryError::Source(faults) = &error {
            return Self::source(faults);
        }
        if let RegistryError::Unsigned { registry, refused } = &error {
            return Self::unsigned(registry, refused);
        }
        let problem = Self::new(error.code(), explain(&error));
        match hint(&error) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}

impl From<SignError> for CommandError {
    fn from(error: SignError) -> Self {
        let hint = match error.code().word() {
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
            "passphrase" => Some(
                "run the command on a terminal, or pass the passphrase with --passphrase-fd N or in the file SREG_KEY_PASSPHRASE_FILE",
            ),
            "unreadable" | "missing-file" => Some(
                "check the path; if the key is lost, run `sreg trust show REGISTRY` to see which keys may sign (docs/keys.md)",
            ),
            "signing-key" => Some(
                "pass an OpenSSH private key, or the .pub file of a key in ssh-agent; run `ssh-keygen -t ed25519` to make one",
            ),
            _ => None,
        };
        let problem = Self::new(error.code(), explain(&error));
        match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}

impl From<PolicyError> for CommandError {
    fn from(error: PolicyError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        match policy_hint(error.code().word()) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}

impl From<AmendError> for CommandError {
    fn from(error: AmendError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        match amend_hint(&error) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}

impl From<AuthorError> for CommandError {
    fn from(error: AuthorError) -> Self {
        match error {
            AuthorError::Sign(error) => error.into(),
            error => Self::new(error.code(), explain(&error)),
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        match store_hint(&error) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        let hint = match &error {
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
            _ => return problem,
        };
        problem.with_hint(hint)
    }
}

/// Replaces a whole word.
fn replace_word(text: &str, word: &str, by: &str) -> String {
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

/// Returns the hint for an error of a store.
fn store_hint(error: &StoreError) -> Option<String> {
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

impl From<KnownError> for CommandError {
    fn from(error: KnownError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        match error {
            KnownError::Malformed { path, .. } => problem.with_hint(format!(
                "restore {} from a backup, or delete it and run `sreg trust add` to pin the registry again",
                path.display()
            )),
            KnownError::Denied { .. } => problem.with_hint(
                "pass --trust ID or a lock file, or set XDG_STATE_HOME to a folder that you can write",
            ),
            KnownError::NoFolder => {
                Self::new(Code::Config, "no home folder for known registries")
                    .with_hint("set HOME or XDG_STATE_HOME")
            }
            _ => problem,
        }
    }
}

impl From<HashError> for CommandError {
    fn from(error: HashError) -> Self {
        RegistryError::from(error).into()
    }
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

/// Returns the hint for an error of a registry, if there is one.
fn hint(error: &RegistryError) -> Option<String> {
    Some(match error {
        RegistryError::NotARegistry(path) => registry_hint(path),
        RegistryError::InTheWay(path) => format!("move {} elsewhere (nothing was changed)", path.display()),
        RegistryError::NotOurs(path) => {
            format!("use an empty or new folder, such as {}/public (nothing was changed)", path.display())
        }
        RegistryError::NoHead(path) if sreg_store::is_url(&path.to_string_lossy()) => {
            format!("run `sreg push IMAGE {}//namespace/name:tag` to publish an image", path.display())
        }
        RegistryError::NoHead(path) => format!("run `sreg index IMAGES --out {}` to publish images", path.display()),
        RegistryError::NoImages(_) => "check the path; images end in .sif, .simg or .img".to_owned(),
        RegistryError::MassRemoval { source_folder, .. } => format!(
            "check that {} is mounted and complete; add --allow-removals to remove these references",
            source_folder.display()
        ),
        RegistryError::Settings { source, .. } if source.code() == "newer-format" => "install a newer sreg".to_owned(),
        RegistryError::Signed(path) => format!(
            "add --key KEY; run `sreg trust show {}` to see which keys may sign",
            path.display()
        ),
        RegistryError::NoKeys(path) | RegistryError::Published(path) => {
            no_keys_hint(&path.to_string_lossy())
        }
        RegistryError::HasKeys { .. } => "publish with one of its keys (nothing was changed)".to_owned(),
        RegistryError::Policy { path, .. } | RegistryError::Mismatch { path, .. }
            if path.extension().is_some_and(|ending| ending == "statement") => {
            "run `sreg sign IMAGE REGISTRY//REFERENCE --key KEY` to sign it again, or remove the file".to_owned()
        }
        RegistryError::Policy { source, path } => {
            return policy_hint(source.code().word()).map(|hint| replace_word(&hint, "REGISTRY", &tree_of(path)));
        }
        RegistryError::NeverValid(_) => "run `sreg log REGISTRY` to find the last good version, then `sreg trust rotate REGISTRY --new-epoch --after VERSION --from KEY.pub --to NEW.pub --key ROOT --key NEW` to remove the head key that published it".to_owned(),
        RegistryError::NoLongerValid(_) => "check the image, then run `sreg sign REGISTRY//REFERENCE --key KEY` to re-sign its statement".to_owned(),
        RegistryError::NoRoom(..) => "use fewer or shorter annotations".to_owned(),
        RegistryError::NotOneImage { archs, .. } if archs.is_empty() => "run `sreg ls REGISTRY` to list the references".to_owned(),
        RegistryError::Frozen(_) => "publish under another tag".to_owned(),
        RegistryError::Space { .. } => "free space, or put the output on the file system of the images so that they can be linked".to_owned(),
        RegistryError::Write { .. } => "run the command again to continue (the published version is unchanged)".to_owned(),
        RegistryError::Conflict(_) => "run the command again to publish on top of the new version".to_owned(),
        RegistryError::LastVersion(path) => format!(
            "restore a copy of the registry that has an older head; run `sreg verify {}` to check it",
            path.display()
        ),
        RegistryError::CaseCollision(..) => "rename one of them; some file systems and clients ignore case".to_owned(),
        RegistryError::Hash(HashError::Changed { .. }) => "run the command again when no program writes the image (nothing was published)".to_owned(),
        RegistryError::Cancelled => "run the command again to continue (the published version is unchanged)".to_owned(),
        RegistryError::Missing { registry, .. } => format!(
            "run `sreg verify {}` to list all faults, and restore the file from a copy of the registry",
            registry.display()
        ),
        RegistryError::Unconditional(path) => format!(
            "use a store that supports If-None-Match and If-Match; run `sreg doctor {}` to test one",
            path.display()
        ),
        RegistryError::Diverged { .. } => {
            "mirror the other way if the copy is newer; otherwise run `sreg log` on both to compare them"
                .to_owned()
        }
        RegistryError::Store(error) => store_hint(error)?,
        RegistryError::Map { path, .. } => format!("run `sreg verify {}` to list all faults", path.display()),
        RegistryError::Document { path, .. } | RegistryError::Mismatch { path, .. } => {
            format!("run `sreg verify {}` to list all faults", tree_of(path))
        }
        _ => return None,
    })
}

/// Returns the hint for missing signatures: which keys can sign, and which can replace them.
fn remaining_hint(root: &Path, refused: &[Unsigned], of_head: bool) -> String {
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
fn amend_hint(error: &AmendError) -> Option<String> {
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
        "blob-mismatch" | "blob-size" if is_url => {
            Some("run `sreg push IMAGE REGISTRY//namespace/name:tag` to publish the image again, or `sreg attach` for an attachment".to_owned())
        }
        "blob-mismatch" if fault.reference.is_none() => {
            Some("run `sreg repair REGISTRY` to move away damaged files that the newest version does not need".to_owned())
        }
        code => policy_hint(code),
    });
    hints
        .map(|hint| replace_word(&hint, "REGISTRY", &root.display().to_string()))
        .collect()
}

/// Returns the hint for an untrusted document.
fn policy_hint(code: &str) -> Option<String> {
    Some(match code {
        "blob-mismatch" | "blob-size" => "delete the file, then run `sreg index IMAGES --out REGISTRY` to publish the image again, or `sreg attach` for an attachment. Disk damage or a change in place, as by `apptainer sign` or `exec --writable`, causes this".to_owned(),
        "untrusted-statement" => "ask a publisher of these names to run `sreg sign REGISTRY --key KEY` to re-sign them".to_owned(),
        "untrusted-registry" | "not-pinned" => "compare the id with the owner's, then run `sreg trust add REGISTRY`".to_owned(),
        "expired-head" | "expired-trust" => "ask a holder of the keys to run `sreg refresh REGISTRY --key KEY` to renew it".to_owned(),
        "rolled-back" => "run `sreg mirror NEWEST REGISTRY` if this copy is yours, otherwise use another copy or try later. If the newest version is lost, the owner can run `sreg trust rotate REGISTRY --new-epoch --key ROOT`".to_owned(),
        "fork" => "run `sreg log REGISTRY` to list its heads, and ask the owner which are right".to_owned(),
        "other-registry" | "unsigned" => "compare the id with the owner's; if the registry was replaced, run `sreg trust add REGISTRY --trust ID`".to_owned(),
        _ => return None,
    })
}

/// Returns the hint for a path without a registry.
fn registry_hint(path: &Path) -> String {
    let name = path.to_string_lossy();
    if Scheme::of(&name).is_bucket() {
        return format!("check the name, or run `sreg init {name}` to create a registry there");
    }
    if sreg_store::is_url(&name) {
        return format!("check the URL: {name}/sreg.json must exist");
    }
    let is_free = fs::read_dir(path).map_or(!path.exists(), |mut entries| entries.next().is_none());
    if is_free {
        format!(
            "run `sreg index IMAGES --out {}` to create a registry there",
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
