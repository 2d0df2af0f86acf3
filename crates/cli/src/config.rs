//! Settings from files: `./sreg.toml`, then the user's own. A flag or a variable goes first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use sreg_model::settings::{BaseUrl, BlobUrl};
use sreg_model::{Host, Namespace};
use sreg_tree::source::{Layout, Pattern};

use crate::args::{ColorMode, Format, Io, Link, ProgressMode};
use crate::problem::Problem;

/// What a file may set. Nothing here weakens a check or answers a question.
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
    /// Both files, the nearer one first.
    pub(crate) fn load() -> Result<Self, Problem> {
        let mut config = read(Path::new("sreg.toml"))?;
        if let Some(file) = folders().map(|folders| folders.config_dir().join("sreg/config.toml")) {
            config = config.or(read(&file)?);
        }
        Ok(config)
    }

    /// As [`Config::load`] for the output, which must work before a bad file can be reported.
    pub(crate) fn load_quietly() -> Self {
        Self::load().unwrap_or_default()
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

/// The largest configuration file, in bytes.
const MAX_BYTES: u64 = 64 << 10;

fn read(file: &Path) -> Result<Config, Problem> {
    let wrong = |what: String| Problem::new("config", format!("{} {what}", file.display()));
    match fs::metadata(file) {
        // A pipe or a device would never end.
        Ok(found) if !found.is_file() || found.len() > MAX_BYTES => {
            return Err(wrong("is no file of up to 64 KiB".to_owned()));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(error) => return Err(wrong(format!("cannot be read: {error}"))),
    }
    let text =
        fs::read_to_string(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    toml::from_str(&text).map_err(|error| {
        wrong(format!("is not a valid configuration: {}", error.message()))
            .with_hint("its keys are listed in README.md")
    })
}

fn folders() -> Option<etcetera::base_strategy::Xdg> {
    etcetera::base_strategy::Xdg::new().ok()
}

/// A file of the cache folder; nothing where there is no home.
pub(crate) fn cache_file(name: &str) -> Option<PathBuf> {
    Some(folders()?.cache_dir().join("sreg").join(name))
}

/// A file of the state folder; nothing where there is no home.
pub(crate) fn state_file(name: &str) -> Option<PathBuf> {
    Some(folders()?.state_dir()?.join("sreg").join(name))
}
