//! Configuration files: `./sreg.toml`, then the user's own. Flags and variables override them.

use sreg_model::fault::Code;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use sreg_ingest::source::{Layout, Pattern};
use sreg_model::settings::{BaseUrl, BlobUrl};
use sreg_model::{Host, Namespace};

use crate::args::{ColorMode, Format, Io, Link, ProgressMode};
use crate::error::CommandError;

/// The keys of a configuration file. None of them weakens a check or answers a question.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Config {
    pub(crate) format: Option<Format>,
    pub(crate) progress: Option<ProgressMode>,
    pub(crate) color: Option<ColorMode>,
    pub(crate) jobs: Option<usize>,
    pub(crate) registry: Option<String>,
    pub(crate) index: Index,
}

/// The table `[index]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Index {
    pub(crate) source: Option<PathBuf>,
    pub(crate) out: Option<PathBuf>,
    pub(crate) base_url: Option<BaseUrl>,
    pub(crate) blob_url: Option<BlobUrl>,
    pub(crate) host: Option<Host>,
    pub(crate) namespace: Option<Namespace>,
    #[serde(deserialize_with = "layout")]
    pub(crate) layout: Option<Layout>,
    pub(crate) map: Option<PathBuf>,
    #[serde(deserialize_with = "patterns")]
    pub(crate) names: Vec<Pattern>,
    pub(crate) link: Option<Link>,
    pub(crate) io: Option<Io>,
}

fn layout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Layout>, D::Error> {
    let word = String::deserialize(deserializer)?;
    word.parse().map(Some).map_err(D::Error::custom)
}

fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pattern>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let patterns = texts.iter().map(|text| text.parse());
    patterns.collect::<Result<_, _>>().map_err(D::Error::custom)
}

impl Config {
    /// Reads both files; the nearer one wins. Also returns the reason if the user's own file could not be
    /// read, which then counts as empty.
    ///
    /// # Errors
    /// `config` if a file is malformed, or `./sreg.toml` cannot be read.
    pub(crate) fn load() -> Result<(Self, Option<String>), CommandError> {
        let config = match read(Path::new("sreg.toml")) {
            Err(Unread::Failed(what) | Unread::Wrong(what)) => return Err(wrong(what)),
            read => read.unwrap_or_default(),
        };
        let Some(file) = folders().map(|folders| folders.config_dir().join("sreg/config.toml"))
        else {
            return Ok((config, None));
        };
        match read(&file) {
            Ok(own) => Ok((config.or(own), None)),
            Err(Unread::Failed(what)) => Ok((config, Some(what))),
            Err(Unread::Wrong(what)) => Err(wrong(what)),
        }
    }

    /// Returns the configuration for the output, which must work before a bad file can be reported.
    pub(crate) fn load_quietly() -> Self {
        Self::load().map(|(config, _)| config).unwrap_or_default()
    }

    fn or(self, other: Self) -> Self {
        Self {
            format: self.format.or(other.format),
            progress: self.progress.or(other.progress),
            color: self.color.or(other.color),
            jobs: self.jobs.or(other.jobs),
            registry: self.registry.or(other.registry),
            index: Index {
                source: self.index.source.or(other.index.source),
                out: self.index.out.or(other.index.out),
                base_url: self.index.base_url.or(other.index.base_url),
                blob_url: self.index.blob_url.or(other.index.blob_url),
                host: self.index.host.or(other.index.host),
                namespace: self.index.namespace.or(other.index.namespace),
                layout: self.index.layout.or(other.index.layout),
                map: self.index.map.or(other.index.map),
                names: match self.index.names.is_empty() {
                    true => other.index.names,
                    false => self.index.names,
                },
                link: self.index.link.or(other.index.link),
                io: self.index.io.or(other.index.io),
            },
        }
    }
}

/// The maximal size of a configuration file, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// Why a configuration was not read.
enum Unread {
    /// The file cannot be read.
    Failed(String),
    /// The content is invalid.
    Wrong(String),
}

fn wrong(what: String) -> CommandError {
    CommandError::new(Code::Config, what).with_hint("see README.md for the valid keys")
}

fn read(file: &Path) -> Result<Config, Unread> {
    let name = file.display();
    let bytes = match sreg_files::read_capped(file, MAX_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(error) if sreg_files::is_not_a_file(&error) => {
            return Err(Unread::Wrong(format!("{name}: {error}")));
        }
        bytes => bytes.map_err(|error| Unread::Failed(format!("cannot read {name}: {error}")))?,
    };
    if bytes.len() > MAX_BYTES {
        return Err(Unread::Wrong(format!("{name} is larger than 64 KiB")));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| Unread::Wrong(format!("{name} is not UTF-8")))?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().and_then(|span| text.get(..span.start));
        let line = line.map_or(1, |before| before.matches('\n').count() + 1);
        Unread::Wrong(format!("{name}:{line}: {}", error.message()))
    })
}

fn folders() -> Option<etcetera::base_strategy::Xdg> {
    // A relative HOME is another folder for each run.
    let folders = etcetera::base_strategy::Xdg::new().ok()?;
    folders.home_dir().is_absolute().then_some(folders)
}

/// Returns the path of a file in the cache folder; `None` if there is no home folder.
pub(crate) fn cache_file(name: &str) -> Option<PathBuf> {
    Some(folders()?.cache_dir().join("sreg").join(name))
}

/// Returns the path of a file in the state folder; `None` if there is no home folder.
pub(crate) fn state_file(name: &str) -> Option<PathBuf> {
    Some(folders()?.state_dir()?.join("sreg").join(name))
}
