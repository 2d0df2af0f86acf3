//! The arguments of every command (`spec/cli.md`). `config` provides defaults for options that are absent.

pub(crate) mod serve;
pub(crate) mod transfer;
pub(crate) mod trust;

pub(crate) use serve::Serve;
pub(crate) use transfer::{Attach, Doctor, Mirror, Pull, Push, Rm};

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::Deserialize;
use sreg_ingest::source::Layout;
use sreg_model::settings::{BaseUrl, BlobUrl};
use sreg_model::{Host, Namespace};

use crate::config::Config;

/// Container images for science, as static files: publish Singularity and Apptainer images on any web
/// server or bucket, pull and verify them.
#[derive(Debug, Parser)]
#[command(
    name = "sreg",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Returns the command with all its arguments. Help names variables and never shows their values, which
/// may be secrets.
pub(crate) fn command() -> clap::Command {
    with_each_arg(<Args as clap::CommandFactory>::command(), |arg| {
        arg.hide_env_values(true)
    })
}

/// Returns the command for parsing, in which an empty variable is an absent one.
pub(crate) fn parser() -> clap::Command {
    with_each_arg(command(), |arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        match value.is_some_and(|value| value.is_empty()) {
            true => arg.env(None::<&str>),
            false => arg,
        }
    })
}

/// Changes every argument of a command and of its subcommands.
fn with_each_arg(command: clap::Command, change: fn(Arg) -> Arg) -> clap::Command {
    command
        .mut_args(change)
        .mut_subcommands(|below| with_each_arg(below, change))
}

/// Returns the variable that gave an option (`--jobs <N>`) this value.
pub(crate) fn variable_of(option: &str, value: &str) -> Option<String> {
    fn find(command: &clap::Command, option: &str, value: &str) -> Option<String> {
        let given = |arg: &Arg| {
            let variable = arg.get_env().filter(|_| arg.to_string() == option)?;
            (std::env::var_os(variable)? == value).then(|| variable.to_string_lossy().into_owned())
        };
        let mut below = command.get_subcommands();
        let here = command.get_arguments().find_map(given);
        here.or_else(|| below.find_map(|command| find(command, option, value)))
    }
    let mut command = command();
    command.build();
    find(&command, option, value)
}

/// The options of every command. Help lists them after the command's own.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Choose the format of standard output [default: text].
    #[arg(long, global = true, env = "SREG_FORMAT", value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Choose how to show progress on standard error [default: auto].
    #[arg(long, global = true, env = "SREG_PROGRESS", value_name = "WHEN")]
    pub(crate) progress: Option<ProgressMode>,
    /// Choose when to colour messages [default: auto].
    #[arg(long, global = true, env = "SREG_COLOR", value_name = "WHEN")]
    pub(crate) color: Option<ColorMode>,
    /// Use this many cores [default: all].
    #[arg(short, long, global = true, env = "SREG_JOBS", value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Retry a request this many times after a transient network error [default: 4].
    #[arg(long, global = true, env = "SREG_RETRIES", value_name = "N", value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) retries: Option<u32>,
    /// Give up on a server that stays below 1 KiB/s for this many seconds [default: 30].
    #[arg(long, global = true, env = "SREG_TIMEOUT", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: Option<u64>,
    /// Follow redirects and a registry's URLs to private network addresses [default: only if the registry
    /// itself is at such an address].
    #[arg(long, global = true, env = "SREG_ALLOW_PRIVATE", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) allow_private: bool,
    /// Print only errors to standard error.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print details to standard error: retries, fallbacks, quarantine, use of caches.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Text for people.
    #[default]
    Text,
    /// One JSON value, valid under the command's schema in `spec/schema/`.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProgressMode {
    /// A bar on a terminal, otherwise a line every 30 seconds.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// A line every 30 seconds.
    Plain,
    /// No progress.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ColorMode {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Link {
    /// Reflink, hard link or copy: the first that the file system supports.
    #[default]
    Auto,
    /// Hard link: signing or changing the image in place also changes the published file.
    Hard,
    /// Copy that shares its blocks with the image; fails if the file system does not support it.
    Reflink,
    /// Copy: later changes of the image do not reach the published file.
    Copy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Io {
    /// mmap on local file systems; read on network file systems, or if mapping fails.
    #[default]
    Auto,
    /// Map files into memory.
    Mmap,
    /// Read files in blocks.
    Read,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Blobs {
    /// Do not check images.
    None,
    /// Check that images exist and have the right size.
    Head,
    /// Check every byte of every image.
    #[default]
    Full,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a registry with one key that may sign everything; in a bucket, the key is optional.
    Init(Init),
    /// Hash the images in a folder and publish them in a registry.
    Index(Index),
    /// Download and verify an image, and resume an interrupted download.
    Pull(Pull),
    /// Publish one image in a registry that is in a folder or a bucket.
    Push(Push),
    /// Attach a file to a published image, such as an SBOM or another tool's signature.
    Attach(Attach),
    /// Remove a tag from a registry, and keep the bytes of its images.
    Rm(Rm),
    /// Copy a registry with its id, versions and signatures, sending only missing files.
    Mirror(Mirror),
    /// Check a server or a folder: credentials, conditional writes, range requests, headers.
    Doctor(Doctor),
    /// Serve a registry from a folder over HTTP, for previews and small sites.
    Serve(Serve),
    /// Verify a registry, one reference or one image file, and list every fault.
    Verify(Verify),
    /// Sign a new statement for an image, add a signature to a statement file, or re-sign published
    /// statements.
    Sign(Sign),
    /// Show or change which keys may sign what in a registry; add or forget known registries.
    #[command(subcommand)]
    Trust(crate::args::trust::Trust),
    /// Publish a version with the same images and a later expiry.
    Refresh(Refresh),
    /// List the versions of a registry and their signers, newest first.
    Log(Log),
    /// Show what an image contains.
    Inspect(Inspect),
    /// List the images of a registry.
    Ls(Ls),
    /// Show the differences between two registries.
    Diff(Diff),
    /// Rewrite derived files (views, digest chains, `head`), and finish a run that was killed.
    Repair(Repair),
    /// Print the completion script for a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write one page for each command to a folder.
    Man {
        /// Write the pages to this folder.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Index {
    /// The folder of images [default: the current folder].
    pub(crate) source: Option<PathBuf>,
    /// Publish in the registry in this folder; create it if absent [required, here or in sreg.toml].
    #[arg(short, long, env = "SREG_OUT", value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write absolute links into the views, for a registry that is served at this URL.
    #[arg(long, env = "SREG_BASE_URL", value_name = "URL")]
    pub(crate) base_url: Option<BaseUrl>,
    /// Publish only metadata: clients find the images at this URL. Placeholders: {digest} {hex}
    /// {namespace} {name} {tag} {arch} {ext}.
    #[arg(long, env = "SREG_BLOB_URL", value_name = "TEMPLATE")]
    pub(crate) blob_url: Option<BlobUrl>,
    /// Write the files that this host needs, and list the clients that can pull from it.
    #[arg(long, env = "SREG_HOST", value_name = "HOST", value_parser = host())]
    pub(crate) host: Option<Host>,
    /// Set the namespace of images that lie directly in SOURCE [default: library; biocontainers with --layout
    /// galaxy].
    #[arg(long, env = "SREG_NAMESPACE", value_name = "NAME")]
    pub(crate) namespace: Option<Namespace>,
    /// Parse paths in the folder layout of this program.
    #[arg(long, env = "SREG_LAYOUT", value_name = "LAYOUT", value_parser = layout())]
    pub(crate) layout: Option<Layout>,
    /// Read references from this file: each line has a path below SOURCE and its reference, or - to leave
    /// the image out.
    #[arg(long, env = "SREG_MAP", value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
    /// Choose how to put images into the registry [default: auto].
    #[arg(long, env = "SREG_LINK", value_name = "HOW")]
    pub(crate) link: Option<Link>,
    /// Choose how to read images [default: auto].
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    /// Hash every image again, without the hash cache.
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Remove every reference without an image in SOURCE, including references that were published from
    /// elsewhere.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Remove the references of images that are gone from SOURCE, even if all, or at least two and
    /// more than 10 %, are gone; keep references that were published from elsewhere.
    #[arg(long)]
    pub(crate) allow_removals: bool,
    /// Skip invalid images, publish the rest, and exit with code 9.
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Print the reference of each path and the changes, but write nothing.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Create a new registry in a folder that used to contain a known registry.
    #[arg(long)]
    pub(crate) new: bool,
    /// Fail if the registry has no keys, instead of giving it the key from --key.
    #[arg(long)]
    pub(crate) no_init: bool,
}

/// Returns a parser of host names.
fn host() -> impl TypedValueParser<Value = Host> {
    let words = Host::ALL.map(Host::as_str);
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Host>())
}

/// Returns a parser of layout names.
fn layout() -> impl TypedValueParser<Value = Layout> {
    let words = Layout::NAMED.map(Layout::as_str);
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Layout>())
}

/// The keys to sign with, and the expiry of the head.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Signing {
    /// Sign with this private key file, or the .pub file of a key in an agent or a device; can be
    /// repeated [default: SREG_KEY, SREG_KEY_1 to SREG_KEY_32, each a file name or the text of a
    /// private key].
    #[arg(short, long = "key", value_name = "KEY")]
    pub(crate) keys: Vec<PathBuf>,
    /// Read passphrases from this file descriptor, one line for each encrypted key.
    #[arg(long, value_name = "N")]
    pub(crate) passphrase_fd: Option<u32>,
    /// Set the lifetime of the head in days [default: as the previous head; 400 for the first].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub(crate) expires: Option<u64>,
}

/// The registry that is expected.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Knowing {
    /// Require the registry with this id, and add it to the known registries.
    #[arg(long, value_name = "ID")]
    pub(crate) trust: Option<sreg_model::Digest>,
    /// Read known registries from this lock file [default: ./sreg.lock, if it exists].
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
}

/// The policy of a check.
#[derive(Debug, ClapArgs)]
pub(crate) struct Judging {
    /// Fail unless the registry is known and signed.
    #[arg(long)]
    pub(crate) require_signed: bool,
    #[command(flatten)]
    pub(crate) knowing: Knowing,
    /// Check expiry as of this time, in Unix seconds [default: now].
    #[arg(long, value_name = "SECONDS")]
    pub(crate) now: Option<u64>,
}

impl Judging {
    /// Returns the time at which expiry is checked, in Unix seconds.
    pub(crate) fn now(&self) -> u64 {
        self.now.unwrap_or_else(crate::clock::now)
    }
}

/// The registry of references that name none.
#[derive(Debug, ClapArgs)]
pub(crate) struct Within {
    /// Use this registry for a reference without one.
    #[arg(long, env = "SREG_REGISTRY", value_name = "REGISTRY")]
    registry: Option<String>,
}

impl Within {
    /// Returns the registry of the option, or of the configuration.
    pub(crate) fn registry<'a>(&'a self, config: &'a Config) -> Option<&'a str> {
        self.registry.as_deref().or(config.registry.as_deref())
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Init {
    /// The folder of the new registry, created if absent, or `s3://bucket/prefix`.
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Also publish the images of this registry, which must be in a folder.
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Sign {
    /// To sign a new statement: an image and its reference (`IMAGE REGISTRY//namespace/name:tag`). To add
    /// a signature: a statement file. To re-sign published statements that are no longer valid: a registry
    /// or a part of it (`REGISTRY//namespace`).
    #[arg(required = true, num_args = 1..=2, value_names = ["TARGET", "REFERENCE"])]
    pub(crate) targets: Vec<String>,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Write the statement to this file [default: the image's path with .statement added].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Freeze the tag: it can no longer move to another image or be removed.
    #[arg(long)]
    pub(crate) frozen: bool,
    /// Re-sign without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Choose how to read the image [default: auto].
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Refresh {
    /// The registry.
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: PathBuf,
    #[command(flatten)]
    pub(crate) signing: Signing,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Log {
    /// The registry.
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Verify {
    /// A registry, a reference (`REGISTRY//namespace/name:tag`), or an image file.
    pub(crate) target: String,
    /// Choose what to check of each image [default: full in a folder, head on a server].
    #[arg(long, value_name = "HOW")]
    pub(crate) blobs: Option<Blobs>,
    /// Choose how to read images [default: auto].
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Inspect {
    /// An image file, or a reference (`REGISTRY//namespace/name:tag`) in the folder REGISTRY.
    pub(crate) target: String,
    /// Also hash the image [default: read only headers].
    #[arg(long)]
    pub(crate) digest: bool,
    /// Show the image for this architecture if the tag has several [default: amd64, otherwise the first].
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    /// Choose how to read images [default: auto].
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Ls {
    /// A registry, or a part of it: `REGISTRY//namespace`, `REGISTRY//namespace/name`,
    /// `REGISTRY//namespace/name:tag`.
    pub(crate) target: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Diff {
    /// The first registry.
    pub(crate) left: PathBuf,
    /// The second registry.
    pub(crate) right: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Repair {
    /// The registry.
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of variables may be secrets.
    #[test]
    fn help_shows_no_value_of_a_variable() {
        fn check(command: &clap::Command) {
            for arg in command
                .get_arguments()
                .filter(|arg| arg.get_env().is_some())
            {
                assert!(arg.is_hide_env_values_set(), "{arg}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }
}
