//! The arguments of every command (`spec/cli.md`). Where a flag is absent, `config` fills in.

pub(crate) mod serve;
pub(crate) mod transfer;
pub(crate) mod trust;

pub(crate) use serve::Serve;
pub(crate) use transfer::{Attach, Doctor, Mirror, Pull, Push, Rm};

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::Deserialize;
use sreg_model::settings::{BaseUrl, BlobUrl};
use sreg_model::{Host, Namespace};
use sreg_tree::source::Layout;

use crate::config::Config;

/// Container images for science, as static files: index a folder of SIF images into a
/// content-addressed registry that any web server or bucket can serve, and verify it.
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

/// Returns the command with all its arguments. Help names variables, and never shows their values,
/// which may be secrets.
pub(crate) fn command() -> clap::Command {
    fn hide(command: clap::Command) -> clap::Command {
        command
            .mut_args(|arg| arg.hide_env_values(true))
            .mut_subcommands(hide)
    }
    hide(<Args as clap::CommandFactory>::command())
}

/// What every command takes.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Global {
    /// How the answer is written to standard output.
    #[arg(long, global = true, env = "SREG_FORMAT", value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// How progress is shown on standard error.
    #[arg(long, global = true, env = "SREG_PROGRESS", value_name = "WHEN")]
    pub(crate) progress: Option<ProgressMode>,
    /// When messages are coloured.
    #[arg(long, global = true, env = "SREG_COLOR", value_name = "WHEN")]
    pub(crate) color: Option<ColorMode>,
    /// How many cores work at once; all of them if not given.
    #[arg(short, long, global = true, env = "SREG_JOBS", value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Retries of a request after a transient network error [default: 4].
    #[arg(long, global = true, env = "SREG_RETRIES", value_name = "N", value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) retries: Option<u32>,
    /// Give up on a server slower than 1 KiB/s for this many seconds [default: 30].
    #[arg(long, global = true, env = "SREG_TIMEOUT", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: Option<u64>,
    /// Follow URLs of a registry, and redirects, to addresses of a private network.
    #[arg(long, global = true, env = "SREG_ALLOW_PRIVATE", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) allow_private: bool,
    /// Only errors on standard error.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// More on standard error.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON value, as the schemas in `spec/schema/` say.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProgressMode {
    /// A bar on a terminal, a line every 30 seconds elsewhere.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// A line every 30 seconds.
    Plain,
    /// Nothing.
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
    /// A reflink, else a hard link, else a copy.
    #[default]
    Auto,
    /// A hard link: signing or changing the image in place changes the published one too.
    Hard,
    /// A copy that shares its blocks, where the file system can.
    Reflink,
    /// A copy.
    Copy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Io {
    /// mmap on local file systems, reads on network ones or where mapping fails.
    #[default]
    Auto,
    /// Map files.
    Mmap,
    /// Read files.
    Read,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Blobs {
    /// Do not look at images.
    None,
    /// Images exist and have the right size.
    Head,
    /// Every byte of every image.
    #[default]
    Full,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a registry: with one key that does everything; or, on a server, without keys.
    Init(Init),
    /// Hash every image of a folder and publish a registry tree.
    Index(Index),
    /// Fetch an image: verified, in parallel, and resumed where it was interrupted.
    Pull(Pull),
    /// Publish one image in a registry, wherever it is kept.
    Push(Push),
    /// Attach a file to a published image: a signature of others, an SBOM.
    Attach(Attach),
    /// Remove one reference from a registry; the bytes of its images stay.
    Rm(Rm),
    /// Copy a registry as it is, with its id and signatures; what is there already is left alone.
    Mirror(Mirror),
    /// Say what a place offers, and what stands in the way of a registry there.
    Doctor(Doctor),
    /// Serve the folder of a registry over HTTP, for previews and small sites.
    Serve(Serve),
    /// Find every fault of a published tree, one reference or one image file.
    Verify(Verify),
    /// Sign a statement about an image, add a signature to one, or sign anew what is published.
    Sign(Sign),
    /// Who may sign what in a registry: show it, change it, and say which registries are known.
    #[command(subcommand)]
    Trust(crate::args::trust::Trust),
    /// Publish the same again, so that it holds longer.
    Refresh(Refresh),
    /// List the heads of a registry, the newest first.
    Log(Log),
    /// Show what is in an image.
    Inspect(Inspect),
    /// List the images of a registry.
    Ls(Ls),
    /// Show what differs between two registries.
    Diff(Diff),
    /// Write anew what can be derived: views, chains, the copy of the head.
    Repair(Repair),
    /// Print the completions for a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write one page for each command into a folder.
    Man {
        /// The folder.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Index {
    /// The folder of images [default: the current folder].
    pub(crate) source: Option<PathBuf>,
    /// The registry tree to publish into; made where it is absent.
    #[arg(short, long, env = "SREG_OUT", value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The URL at which the tree will be served: links in views become absolute.
    #[arg(long, env = "SREG_BASE_URL", value_name = "URL")]
    pub(crate) base_url: Option<BaseUrl>,
    /// Images live elsewhere, at this URL: {digest} {hex} {namespace} {name} {tag} {arch} {ext}
    /// are filled in.
    #[arg(long, env = "SREG_BLOB_URL", value_name = "TEMPLATE")]
    pub(crate) blob_url: Option<BlobUrl>,
    /// What will serve the tree: writes what that host needs, and says who can pull from there.
    #[arg(long, env = "SREG_HOST", value_name = "HOST", value_parser = host())]
    pub(crate) host: Option<Host>,
    /// The namespace of images that lie in the folder itself [default: library].
    #[arg(long, env = "SREG_NAMESPACE", value_name = "NAME")]
    pub(crate) namespace: Option<Namespace>,
    /// How another program names the files: nextflow, galaxy or shpc.
    #[arg(long, env = "SREG_LAYOUT", value_name = "LAYOUT", value_parser = layout())]
    pub(crate) layout: Option<Layout>,
    /// References of some files: on each line a path below the folder and a reference, or - for a
    /// file that is left out.
    #[arg(long, env = "SREG_MAP", value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
    /// How images get into the tree.
    #[arg(long, env = "SREG_LINK", value_name = "HOW")]
    pub(crate) link: Option<Link>,
    /// How images are read.
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    /// Read every image again, and remember nothing.
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Remove every reference that the folder does not have, wherever it came from.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Remove references whose images are gone from the folder, however many they are; what came from
    /// elsewhere stays.
    #[arg(long)]
    pub(crate) allow_removals: bool,
    /// Publish the rest when some images cannot be, and exit with 9.
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Print the reference of each path and what would be done, and write nothing.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Begin a new registry where one that is known is gone.
    #[arg(long)]
    pub(crate) new: bool,
    /// With --key: fail where the registry has no keys yet, instead of giving it this one.
    #[arg(long)]
    pub(crate) no_init: bool,
}

/// One of the words for hosts.
fn host() -> impl TypedValueParser<Value = Host> {
    let words = Host::ALL.map(Host::as_str);
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Host>())
}

/// One of the words for layouts.
fn layout() -> impl TypedValueParser<Value = Layout> {
    let words = Layout::NAMED.map(Layout::as_str);
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Layout>())
}

/// With which keys, and for how long.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Signing {
    /// A private key file, or the .pub file of a key that an agent or a device holds; more than
    /// once where several have to sign [default: SREG_KEY, SREG_KEY_1 to SREG_KEY_32, each a file
    /// or the text of a private key].
    #[arg(short, long = "key", value_name = "KEY")]
    pub(crate) keys: Vec<PathBuf>,
    /// Read passphrases from this file descriptor, a line for each key that has one.
    #[arg(long, value_name = "N")]
    pub(crate) passphrase_fd: Option<u32>,
    /// How many days the head holds [default: as long as the one before; 400 for the first].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub(crate) expires: Option<u64>,
}

/// Which registry is expected.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Knowing {
    /// The registry that this is to be, by its id: from now on it is known.
    #[arg(long, value_name = "ID")]
    pub(crate) trust: Option<sreg_model::Digest>,
    /// A file that lists known registries [default: ./sreg.lock, where there is one].
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
}

/// How strictly a registry is judged.
#[derive(Debug, ClapArgs)]
pub(crate) struct Judging {
    /// Fail unless everything is signed, in a registry that is known.
    #[arg(long)]
    pub(crate) require_signed: bool,
    #[command(flatten)]
    pub(crate) knowing: Knowing,
    /// Judge what expires by this time, in Unix seconds, instead of the machine's.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) now: Option<u64>,
}

impl Judging {
    /// The time by which what expires is judged, in Unix seconds.
    pub(crate) fn now(&self) -> u64 {
        self.now.unwrap_or_else(crate::clock::now)
    }
}

/// Where references are that name no registry.
#[derive(Debug, ClapArgs)]
pub(crate) struct Within {
    /// The registry that a reference without one is in.
    #[arg(long, env = "SREG_REGISTRY", value_name = "REGISTRY")]
    registry: Option<String>,
}

impl Within {
    /// The registry that is named, or the one of the settings.
    pub(crate) fn registry<'a>(&'a self, config: &'a Config) -> Option<&'a str> {
        self.registry.as_deref().or(config.registry.as_deref())
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Init {
    /// The folder of the registry, made where it is absent, or `s3://bucket/prefix`.
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// A registry whose images the new one publishes.
    #[arg(long, value_name = "TREE")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Sign {
    /// An image and the reference that it is to have (`IMAGE TREE//namespace/name:tag`); a statement;
    /// or a registry tree, or part of one, whose statements are signed anew where they count no
    /// longer.
    #[arg(required = true, num_args = 1..=2, value_names = ["TARGET", "REFERENCE"])]
    pub(crate) targets: Vec<String>,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Where the statement is written [default: beside the image, with .statement behind its name].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The tag is never to move again.
    #[arg(long)]
    pub(crate) frozen: bool,
    /// Sign anew without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// How the image is read.
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Refresh {
    /// A registry tree.
    pub(crate) tree: PathBuf,
    #[command(flatten)]
    pub(crate) signing: Signing,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Log {
    /// A registry tree.
    pub(crate) tree: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Verify {
    /// A registry tree, a reference in one (`TREE//namespace/name:tag`), or an image file.
    pub(crate) target: String,
    /// How closely images are looked at [default: full; head, where they are on a server].
    #[arg(long, value_name = "HOW")]
    pub(crate) blobs: Option<Blobs>,
    /// How images are read.
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Inspect {
    /// An image file, or a reference (`TREE//namespace/name:tag`).
    pub(crate) target: String,
    /// Hash the image as well; else only headers are read.
    #[arg(long)]
    pub(crate) digest: bool,
    /// The architecture to show where a tag has several [default: amd64, else the first].
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    /// How images are read.
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Ls {
    /// A registry tree; all of it, or `TREE//namespace`, `TREE//namespace/name`.
    pub(crate) target: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Diff {
    /// A registry tree.
    pub(crate) left: PathBuf,
    /// Another registry tree.
    pub(crate) right: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Repair {
    /// A registry tree.
    pub(crate) tree: PathBuf,
}
