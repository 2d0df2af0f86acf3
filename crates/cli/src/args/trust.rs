//! The arguments of `sreg trust`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sreg_model::trust::scope::Scope;

use super::{Knowing, Signing};

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Show who may sign what in a registry, or in a trust document.
    Show(Show),
    /// From now on a registry is known: what it shows later is held to it.
    Add(Add),
    /// Print the list of keys that `ssh-keygen -Y verify` takes.
    Export(Show),
    /// Know a registry no longer.
    Forget(Forget),
    /// Give a key something to sign.
    AddKey(AddKey),
    /// Take something from a key, or everything.
    RemoveKey(RemoveKey),
    /// Say who may publish below a name from now on.
    Delegate(Delegate),
    /// What a key signed holds; it signs nothing new.
    Retire(OfKey),
    /// Nothing that a key signed holds.
    Revoke(OfKey),
    /// Put one key in the place of another, or leave heads behind that a thief made.
    Rotate(Rotate),
    /// Add a signature to a version of trust, and publish it once it has all that it needs.
    Sign(Sign),
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A registry tree, its URL, or a file with a trust document.
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) knowing: Knowing,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// A registry tree, or its URL.
    pub(crate) target: String,
    /// The id that it must have: nothing is asked.
    #[arg(long, value_name = "ID")]
    pub(crate) trust: Option<sreg_model::Digest>,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Write it into a lock file as well, ./sreg.lock unless another is named.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "sreg.lock")]
    pub(crate) lock: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// The registry's id.
    pub(crate) registry: sreg_model::Digest,
}

/// The tree whose trust is changed, and who signs the change.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// The registry tree.
    pub(crate) tree: PathBuf,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Where the version is written while signatures are missing [default: ./trust-N].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How many days trust holds [default: as many as the version before].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub(crate) trust_expires: Option<u64>,
    /// Publish also where statements count no longer.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Signs trust.
    Root,
    /// Signs heads.
    Head,
}

/// What a key is given.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Place {
    /// A role.
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Role>,
    /// To publish below a namespace, or one repository.
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<Scope>,
}

#[derive(Debug, Args)]
pub(crate) struct AddKey {
    #[command(flatten)]
    pub(crate) change: Change,
    /// The key: a .pub file.
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// How many keys must sign there from now on.
    #[arg(long, value_name = "N")]
    pub(crate) threshold: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveKey {
    #[command(flatten)]
    pub(crate) change: Change,
    /// The key: a .pub file or a fingerprint.
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Delegate {
    #[command(flatten)]
    pub(crate) change: Change,
    /// A namespace, or namespace/name.
    pub(crate) scope: Scope,
    /// The keys: .pub files, or fingerprints of keys that trust lists.
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) to: Vec<String>,
    /// How many of them must sign a statement.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threshold: u64,
}

#[derive(Debug, Args)]
pub(crate) struct OfKey {
    #[command(flatten)]
    pub(crate) change: Change,
    /// The key: a .pub file or a fingerprint.
    pub(crate) of: String,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) change: Change,
    /// The key that is replaced: a .pub file or a fingerprint.
    #[arg(long, value_name = "KEY", requires = "to")]
    pub(crate) from: Option<String>,
    /// The key that comes in its place: a .pub file.
    #[arg(long, value_name = "KEY", requires = "from")]
    pub(crate) to: Option<String>,
    /// Begin a new epoch of heads.
    #[arg(long)]
    pub(crate) new_epoch: bool,
    /// The last head of the current epoch that counts [default: the newest].
    #[arg(long, value_name = "VERSION", requires = "new_epoch")]
    pub(crate) after: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// A version of trust that lacks signatures.
    pub(crate) file: PathBuf,
    /// The registry tree: where it is published once it has all that it needs.
    pub(crate) tree: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Sign what it says, and publish it, without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
}
