//! The arguments of `sreg trust`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sreg_model::trust::scope::Scope;

use super::{Knowing, Signing};

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Show which keys may sign what, in a registry or a trust document.
    Show(Show),
    /// Add a registry to the known registries: sreg then refuses older versions of it, and another
    /// registry in its place.
    Add(Add),
    /// Print the keys as an `allowed_signers` file, for `ssh-keygen -Y verify`.
    Export(Show),
    /// Forget a known registry.
    Forget(Forget),
    /// Add a key to a role or a scope.
    AddKey(AddKey),
    /// Remove a key from a role or a scope [default: from all].
    RemoveKey(RemoveKey),
    /// Set the keys that may sign statements for a namespace or a repository.
    Delegate(Delegate),
    /// Retire a key: its signatures stay valid, but it signs nothing new.
    Retire(OfKey),
    /// Revoke a key: all its signatures become invalid.
    Revoke(OfKey),
    /// Replace a key, start a new epoch that discards heads signed by a stolen key, or both.
    Rotate(Rotate),
    /// Sign a trust document that lacks signatures, and publish it once it has enough.
    Sign(Sign),
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A registry, as a folder or a URL, or a file with a trust document.
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) knowing: Knowing,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The registry: a folder or a URL.
    pub(crate) target: String,
    /// Require this id instead of asking.
    #[arg(long, value_name = "ID")]
    pub(crate) trust: Option<sreg_model::Digest>,
    /// Add the registry without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Also add the registry to a lock file [default FILE: ./sreg.lock].
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "sreg.lock")]
    pub(crate) lock: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// The id of the registry.
    #[arg(value_name = "ID")]
    pub(crate) registry: sreg_model::Digest,
}

/// The registry whose trust changes, and the keys that sign the change.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// The registry whose trust document changes.
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: PathBuf,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Write the new trust document to this file if it still lacks signatures [default: ./trust-N].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Set the lifetime of the trust document in days [default: as the previous version].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub(crate) trust_expires: Option<u64>,
    /// Publish without asking, even if statements become invalid.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Signs trust documents.
    Root,
    /// Signs heads.
    Head,
}

/// The role or scope that a key gets.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Place {
    /// Change the keys of this role.
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Role>,
    /// Change the keys of this scope: a namespace or a repository (`namespace/name`).
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
    /// Require signatures by this many keys of the role or scope.
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
    /// The `namespace`, or the repository `namespace/name`.
    pub(crate) scope: Scope,
    /// Delegate the scope to this key: a .pub file, or the fingerprint of a key in the trust document; can
    /// be repeated.
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) to: Vec<String>,
    /// Require signatures by this many of the keys on each statement.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threshold: u64,
}

#[derive(Debug, Args)]
pub(crate) struct OfKey {
    #[command(flatten)]
    pub(crate) change: Change,
    /// The key: a .pub file or a fingerprint.
    #[arg(value_name = "KEY")]
    pub(crate) of: String,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) change: Change,
    /// Replace this key: a .pub file or a fingerprint.
    #[arg(long, value_name = "KEY", requires = "to")]
    pub(crate) from: Option<String>,
    /// Use this key instead: a .pub file.
    #[arg(long, value_name = "KEY", requires = "from")]
    pub(crate) to: Option<String>,
    /// Start a new epoch of heads, and discard the heads after --after.
    #[arg(long)]
    pub(crate) new_epoch: bool,
    /// Keep the heads of the current epoch up to this version [default: keep all].
    #[arg(long, value_name = "VERSION", requires = "new_epoch")]
    pub(crate) after: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The file of the trust document.
    pub(crate) file: PathBuf,
    /// The registry to publish the trust document in, once it has enough signatures.
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Sign and publish without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
}
