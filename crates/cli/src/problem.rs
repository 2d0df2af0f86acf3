//! What a person is told when a command fails: what, why, and the command that helps.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use sreg_client::StateError;
use sreg_image::OpenError;
use sreg_index::hasher::HashError;
use sreg_model::Fingerprint;
use sreg_model::fault::Code;
use sreg_model::settings::SettingsError;
use sreg_serve::ServeError;
use sreg_sign::amend::{AmendError, Grant, only_key};
use sreg_sign::policy::PolicyError;
use sreg_sign::{AuthorError, SignError};
use sreg_store::StoreError;
use sreg_tree::error::Unsigned;
use sreg_tree::source::{SourceFault, holds_images};
use sreg_tree::verify::Fault;
use sreg_tree::{TreeError, explain, history};

use crate::exit;
use crate::place;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) lines: Vec<Line>,
    /// Lines below them that go with them, such as a command's usage.
    pub(crate) below: String,
    pub(crate) hint: Option<String>,
}

/// One thing that went wrong.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The word in `spec/cli.md`.
    pub(crate) code: &'static str,
    /// The file that it is about, for annotations.
    pub(crate) path: Option<String>,
    pub(crate) message: String,
}

impl Problem {
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

    /// Arguments that make no sense, in the words of clap.
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

    /// Puts the place that a command was given where the hint has a word for it. Of several, that is the
    /// one that the error names.
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
            for word in ["TREE", "PLACE"] {
                *hint = replace_word(hint, word, place);
            }
        }
        self
    }

    /// The exit code: the worst of all lines.
    pub(crate) fn exit(&self) -> u8 {
        exit::worst(self.lines.iter().map(|line| exit::of_word(line.code)))
    }

    /// A file that cannot be opened as an image.
    pub(crate) fn image(path: &Path, error: &OpenError) -> Self {
        Self::new(
            error.code(),
            format!("{}: {}", path.display(), explain(error)),
        )
    }

    fn unsigned(tree: &Path, refused: &[Unsigned]) -> Self {
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
            hint: Some(remaining_hint(tree, refused, of_head)),
        }
    }

    fn source(faults: &[SourceFault]) -> Self {
        let lines = faults
            .iter()
            .map(|fault| Line {
                code: fault.code,
                path: Some(fault.path.display().to_string()),
                message: format!("{}: {}", fault.path.display(), fault.message),
            })
            .collect();
        let hint = "nothing was published; mend or move these files, or publish the rest with --skip-invalid".to_owned();
        Self {
            lines,
            below: String::new(),
            hint: Some(hint),
        }
    }
}

impl From<TreeError> for Problem {
    fn from(error: TreeError) -> Self {
        if let TreeError::Source(faults) = &error {
            return Self::source(faults);
        }
        if let TreeError::Unsigned { tree, refused } = &error {
            return Self::unsigned(tree, refused);
        }
        let problem = Self::new(error.code(), explain(&error));
        match hint(&error) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}

impl From<SignError> for Problem {
    fn from(error: SignError) -> Self {
        let hint = match error.code().word() {
            _ if matches!(error, SignError::LostLines { .. }) => Some(
                "keep its line breaks: in a shell SREG_KEY=\"$(cat FILE)\" with the quotes, in a workflow file the secret alone; or write it to a file, and name that",
            ),
            _ if matches!(error, SignError::Several { .. }) => Some(
                "give each key in a variable of its own: SREG_KEY_1, SREG_KEY_2 and so on to SREG_KEY_32",
            ),
            _ if matches!(
                error,
                SignError::Pem {
                    is_ed25519: true,
                    ..
                }
            ) =>
            {
                Some(
                    "OpenSSH 9.6 or later rewrites it with: ssh-keygen -p -f FILE; an earlier one cannot, then make a new key: ssh-keygen -t ed25519",
                )
            }
            _ if matches!(error, SignError::Pem { .. }) => Some(
                "rewrite it with: ssh-keygen -p -f FILE; for a PuTTY key: puttygen FILE -O private-openssh -o NEW",
            ),
            _ if matches!(error, SignError::NeedsFile { .. }) => Some(
                "write the key to a file that only you can read, or load it into ssh-agent, and name that file or the .pub file",
            ),
            "passphrase" => Some(
                "give it on a terminal, by --passphrase-fd N, or in the file that SREG_KEY_PASSPHRASE_FILE names",
            ),
            "unreadable" | "missing-file" => Some(
                "if the key is lost, others may go on: sreg trust show TREE says who; see docs/keys.md",
            ),
            "signing-key" => Some(
                "a key is a private key file of OpenSSH, or the .pub file of one that an agent holds; make one with: ssh-keygen -t ed25519",
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

impl From<PolicyError> for Problem {
    fn from(error: PolicyError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        match policy_hint(error.code().word()) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}

impl From<AmendError> for Problem {
    fn from(error: AmendError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        match amend_hint(&error) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}

impl From<AuthorError> for Problem {
    fn from(error: AuthorError) -> Self {
        match error {
            AuthorError::Sign(error) => error.into(),
            error => Self::new(error.code(), explain(&error)),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        match store_hint(&error) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}

impl From<ServeError> for Problem {
    fn from(error: ServeError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        let hint = match &error {
            ServeError::Listen { source, .. } => match source.kind() {
                ErrorKind::AddrInUse => {
                    "another program listens there; name another port, or any free one with: --listen 127.0.0.1:0"
                }
                ErrorKind::PermissionDenied => {
                    "ports below 1024 are the administrator's; name a higher one, such as: --listen 127.0.0.1:8080"
                }
                _ => "name an address of this machine, such as: --listen 127.0.0.1:8080",
            },
            ServeError::Kernel => {
                "let another web server serve the folder: any can (docs/storage.md)"
            }
            ServeError::Pem { .. } | ServeError::Certificate { .. } => {
                "both files are PEM: the certificate first in one, with those between it and its authority; its private key in the other"
            }
            _ => return problem,
        };
        problem.with_hint(hint)
    }
}

/// Replaces a word that is no part of another one.
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

/// What to do about a store.
fn store_hint(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::Denied { .. } => {
            "which credentials were tried, and whether they are let in, says: sreg doctor PLACE"
                .to_owned()
        }
        StoreError::Unreachable { .. } => {
            "it may be tried again; what stands in the way says: sreg doctor PLACE".to_owned()
        }
        StoreError::Clock { .. } => "set the clock of this machine, by NTP for example".to_owned(),
        StoreError::Full { .. } => {
            "make room in the bucket, or have its quota raised".to_owned()
        }
        StoreError::PrivateAddress { .. } => {
            "if you trust whoever names it, give --allow-private".to_owned()
        }
        StoreError::Unconditional(_) => {
            "publish from one place only to a store that supports conditional writes, such as S3, R2, MinIO or Ceph".to_owned()
        }
        StoreError::ReadOnly(_) => {
            "publish to a folder or to s3://bucket/prefix, and let the web server serve that"
                .to_owned()
        }
        _ => return None,
    })
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        let problem = Self::new(error.code(), explain(&error));
        match error {
            StateError::Malformed { path, .. } => problem.with_hint(format!(
                "bring it back from a copy; without {} the registry is unknown: sreg trust add",
                path.display()
            )),
            _ => problem,
        }
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        TreeError::from(error).into()
    }
}

/// What to do about an error, where that can be said.
fn hint(error: &TreeError) -> Option<String> {
    Some(match error {
        TreeError::NotATree(path) => registry_hint(path),
        TreeError::InTheWay(path) => format!("nothing was changed; move {} elsewhere", path.display()),
        TreeError::NotOurs(path) => {
            format!("nothing in it was touched; name an empty or absent folder, such as --out {}/public", path.display())
        }
        TreeError::NoHead(path) if sreg_store::is_url(&path.to_string_lossy()) => {
            format!("publish something with: sreg push IMAGE {}//namespace/name:tag", path.display())
        }
        TreeError::NoHead(path) => format!("publish something with: sreg index IMAGES --out {}", path.display()),
        TreeError::NoImages(_) => "check the path; images end in .sif, .simg or .img".to_owned(),
        TreeError::MassRemoval { source_folder, .. } => format!(
            "nothing was changed; check that {} is mounted and complete. If these images are meant to go, add --allow-removals",
            source_folder.display()
        ),
        TreeError::Settings { source, .. } if source.code() == "newer-format" => "install a newer sreg; nothing was changed".to_owned(),
        TreeError::Signed(path) => format!(
            "nothing was changed; add --key KEY: `sreg trust show {}` lists the keys that may sign",
            path.display()
        ),
        TreeError::NoKeys(path) => format!(
            "give it a key with: sreg init {} --key KEY",
            path.display()
        ),
        TreeError::HasKeys { .. } => "nothing was changed; publish in it with one of its keys".to_owned(),
        TreeError::Policy { path, .. } | TreeError::Mismatch { path, .. }
            if path.extension().is_some_and(|ending| ending == "statement") => {
            "sign it again with: sreg sign IMAGE TREE//REFERENCE --key KEY; or remove the file".to_owned()
        }
        TreeError::Policy { source, path } => {
            return policy_hint(source.code().word()).map(|hint| hint.replace("TREE", &tree_of(path)));
        }
        TreeError::NeverCounted(_) => "it was put there by somebody who could sign heads alone; leave what followed the last good head behind, and give heads to another key: sreg log TREE, then sreg trust rotate TREE --new-epoch --after VERSION --from KEY.pub --to NEW.pub --key ROOT --key NEW".to_owned(),
        TreeError::Published(path) => format!("give it a key with: sreg index IMAGES --out {} --key KEY", path.display()),
        TreeError::CountsNoLonger(_) => "look at what it says, and sign it again first with: sreg sign TREE//REFERENCE --key KEY".to_owned(),
        TreeError::NoRoom(..) => "attach the same files with fewer or shorter annotations".to_owned(),
        TreeError::NotOneImage { archs, .. } if archs.is_empty() => "list what there is with: sreg ls TREE".to_owned(),
        TreeError::Frozen(_) => "publish under another tag".to_owned(),
        TreeError::Space { .. } => "free some space, or put the output on the file system of the images so that they can be linked".to_owned(),
        TreeError::Write { .. } => "what was published before is still there, whole; the next run goes on from here".to_owned(),
        TreeError::Conflict(_) => "run the command again: it starts from the new version".to_owned(),
        TreeError::LastVersion(path) => format!(
            "nobody publishes so often: if a copy of the tree has an older head, bring that back; see also sreg verify {}",
            path.display()
        ),
        TreeError::CaseCollision(..) => "rename one of them: some file systems and clients cannot tell them apart".to_owned(),
        TreeError::Hash(HashError::Changed { .. }) => "nothing was published; run again when nobody writes the image".to_owned(),
        TreeError::Cancelled => "what was published before is still there, whole; run again to go on".to_owned(),
        TreeError::Missing { tree, .. } => format!(
            "list all faults with: sreg verify {}; then bring the file back from a copy of the tree",
            tree.display()
        ),
        TreeError::Unconditional(path) => format!(
            "use a store that honours If-None-Match and If-Match; sreg doctor {} says more",
            path.display()
        ),
        TreeError::Diverged { .. } => {
            "copy the other way if the copy is the newer one; else look at both with: sreg log"
                .to_owned()
        }
        TreeError::Store(error) => store_hint(error)?,
        TreeError::Map { path, .. } => format!("list everything that is wrong with: sreg verify {}", path.display()),
        TreeError::Document { path, .. } | TreeError::Mismatch { path, .. } => {
            format!("list everything that is wrong with: sreg verify {}", tree_of(path))
        }
        _ => return None,
    })
}

/// What can be done without the keys that are missing: by whom, and how.
fn remaining_hint(root: &Path, refused: &[Unsigned], of_head: bool) -> String {
    let series = place::tree(root).and_then(|tree| history::series(&tree));
    let tree = root.display();
    let Ok(Some(series)) = series else {
        return "nothing was published".to_owned();
    };
    let trust = series.newest().body();
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
            "nothing was published; {only} does everything in this registry: name that key. Only if it is lost, begin anew with: sreg init DIR --key KEY --from {tree} (docs/keys.md)"
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
            "nothing was published; add such a key with --key. If it is lost, {roots} can give heads to another: sreg trust add-key {tree} NEW.pub --role head --key ROOT --key NEW"
        );
    }
    format!(
        "nothing was published; add such a key with --key, or put its holder's statement beside the image: sreg sign IMAGE {tree}//REFERENCE --key KEY. If it is lost, {roots} can give the names to another: sreg trust delegate {tree} NAMESPACE --to NEW.pub --key ROOT"
    )
}

/// What to do about a change of trust that cannot be made.
fn amend_hint(error: &AmendError) -> Option<String> {
    Some(match error {
        AmendError::TooFew { place, .. } => {
            let option = match place {
                Grant::Root => "--role root".to_owned(),
                Grant::Head => "--role head".to_owned(),
                Grant::Scope(scope) => format!("--scope {scope}"),
            };
            format!("add another key first: sreg trust add-key TREE NEW.pub {option} --key ROOT; or ask for fewer with --threshold N")
        }
        AmendError::NoKey { .. } => "its keys are listed by: sreg trust show TREE".to_owned(),
        AmendError::NoScope(scope) => {
            format!("delegate it with: sreg trust delegate TREE {scope} --to KEY.pub --key ROOT")
        }
        AmendError::Document(_) => "take its roles from it first: sreg trust remove-key TREE KEY --role ROLE, or put another in its place: sreg trust rotate".to_owned(),
        _ => return None,
    })
}

/// What to do about faults that whoever holds a key can mend: each once.
pub(crate) fn fault_hints(faults: &[Fault], root: &Path) -> BTreeSet<String> {
    let is_url = sreg_store::is_url(&root.to_string_lossy());
    let hints = faults.iter().filter_map(|fault| match fault.code {
        "blob-mismatch" | "blob-size" if is_url => {
            Some("publish it again: an image with sreg push IMAGE TREE//namespace/name:tag, an attachment with sreg attach".to_owned())
        }
        "blob-mismatch" if fault.reference.is_none() => {
            Some("no version names it; `sreg repair TREE` takes it away".to_owned())
        }
        code => policy_hint(code),
    });
    hints
        .map(|hint| hint.replace("TREE", &root.display().to_string()))
        .collect()
}

/// What to do about a document that is not to be trusted.
fn policy_hint(code: &str) -> Option<String> {
    Some(match code {
        "blob-mismatch" | "blob-size" => "the file was damaged, or changed where it is published, as `apptainer sign` and `exec --writable` do; remove it and publish it again: an image with `sreg index IMAGES --out TREE`, an attachment with `sreg attach`".to_owned(),
        "untrusted-statement" => "whoever may publish these names signs them again with: sreg sign TREE --key KEY".to_owned(),
        "untrusted-registry" | "not-pinned" => "compare its id with its owner's, then: sreg trust add TREE".to_owned(),
        "expired-head" | "expired-trust" => "whoever holds the keys renews it with: sreg refresh TREE --key KEY".to_owned(),
        "rolled-back" => "this copy lags behind: wait, or name another place with --mirror; if it is yours, sreg mirror NEWEST TREE brings it up to date. Only if the newest is lost, the owner leaves what followed behind with: sreg trust rotate TREE --new-epoch --key ROOT".to_owned(),
        "fork" => "ask the owner of the registry; list its heads with: sreg log TREE".to_owned(),
        "other-registry" | "unsigned" => "compare ids with the owner of the registry; if it was made anew, say so with: sreg trust add TREE --trust ID".to_owned(),
        _ => return None,
    })
}

/// How to get a registry, where `path` is none.
fn registry_hint(path: &Path) -> String {
    let name = path.to_string_lossy();
    if name.starts_with("s3://") {
        return format!("look at the name; to make a registry there: sreg init {name}");
    }
    if sreg_store::is_url(&name) {
        return format!(
            "look at the URL: {name}/sreg.json is to be there, and to be one line of JSON"
        );
    }
    let is_free = fs::read_dir(path).map_or(!path.exists(), |mut entries| entries.next().is_none());
    if is_free {
        format!(
            "make a registry there with: sreg index IMAGES --out {}",
            path.display()
        )
    } else if holds_images(path) {
        format!(
            "it holds images; make a registry of them with: sreg index {} --out public",
            path.display()
        )
    } else {
        "make a registry with: sreg index IMAGES --out public".to_owned()
    }
}

/// The tree that holds a file of the layout, as far as its path shows.
fn tree_of(path: &Path) -> String {
    let ours = ["head", "heads", "n", "s", "trust", "v2"];
    let tree = path
        .ancestors()
        .find(|folder| {
            folder
                .file_name()
                .is_some_and(|name| ours.iter().any(|other| name == *other))
        })
        .and_then(Path::parent)
        .unwrap_or(path);
    tree.display().to_string()
}
