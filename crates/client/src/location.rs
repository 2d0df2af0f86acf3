//! The locations of registries: folders and URLs, and access to those that the user did not name.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use sreg_model::redact::redact;
use sreg_registry::{Registry, RegistryError};
use sreg_store::{Addresses, Http, Store, StoreConfig, StoreError};

/// The location of a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    root: PathBuf,
    aliases: BTreeSet<String>,
}

impl fmt::Debug for Location {
    /// Without the credentials of a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root.to_string_lossy();
        f.debug_tuple("Location").field(&redact(&root)).finish()
    }
}

impl Location {
    /// Returns the location of a folder or a URL. Links of a folder are followed now, once.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            aliases: aliases(&root.display().to_string()),
            root,
        }
    }

    /// Returns the folder or URL, as it was given.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the names under which known registries list it: a URL without its last slash; a folder by its
    /// full path, and by the one that was given, whose links may lead elsewhere next time.
    #[must_use]
    pub fn aliases(&self) -> &BTreeSet<String> {
        &self.aliases
    }

    /// Opens the registry.
    ///
    /// # Errors
    /// As [`Registry::in_store`].
    pub fn open(&self, config: &StoreConfig) -> Result<Registry, RegistryError> {
        Registry::in_store(sreg_store::open(&self.root.to_string_lossy(), config)?)
    }

    /// Opens a copy of the registry, without the token if the copy is at another server.
    ///
    /// # Errors
    /// As [`Registry::in_store`].
    pub fn open_copy(&self, copy: &Path, config: &StoreConfig) -> Result<Registry, RegistryError> {
        let copy = copy.to_string_lossy();
        let config = config_beside(&self.root.to_string_lossy(), &copy, config);
        Registry::in_store(sreg_store::open(&copy, &config)?)
    }
}

fn aliases(root: &str) -> BTreeSet<String> {
    if is_remote(root) {
        return BTreeSet::from([root.trim_end_matches('/').to_owned()]);
    }
    // A folder has the same names however it is written.
    let folder = match root.starts_with("file://") {
        true => sreg_store::file_path(root).ok(),
        false => None,
    };
    let path = folder.as_deref().unwrap_or(Path::new(root));
    // Without a trailing slash.
    let given = std::path::absolute(path).ok();
    let given = given.map(|path| path.components().collect::<PathBuf>());
    let full = path.canonicalize().ok();
    let paths = given.into_iter().chain(full);
    paths.map(|path| path.display().to_string()).collect()
}

/// Returns whether a location is a URL of a server.
#[must_use]
pub fn is_remote(text: &str) -> bool {
    sreg_store::is_url(text) && !text.starts_with("file://")
}

/// Splits `REGISTRY//reference` at its last `//`, which no reference contains. Returns `None` if there is none.
/// The two slashes after a URL's scheme do not count, nor do those in the path of a folder that is a registry.
#[must_use]
pub fn split(text: &str) -> Option<(&str, &str)> {
    let start = match sreg_store::is_url(text) {
        true => text.find("://")? + 3,
        false => 0,
    };
    if start == 0 && Path::new(text).join("sreg.json").is_file() {
        return None;
    }
    let last = start + text[start..].rfind("//")?;
    // The third of three slashes belongs to an invalid reference.
    let at = text[..last].trim_end_matches('/').len().max(start);
    let (registry, rest) = (&text[..at], &text[at + 2..]);
    (at > start && !rest.is_empty()).then_some((registry, rest))
}

/// Returns the configuration for a server that the user did not name or that differs from `root`: without the
/// token, which is for the server that the user names.
#[must_use]
pub fn config_beside(root: &str, url: &str, config: &StoreConfig) -> StoreConfig {
    let mut config = config.clone();
    if origin(root) != origin(url) {
        config.token = None;
    }
    config
}

/// Opens a file at a URL that the registry in `store`, or a publisher, names. It may be at an address of a
/// private network only if the registry is at one, too (CLI-64).
///
/// # Errors
/// As [`Http::file`].
pub fn file_beside(store: &dyn Store, url: &str, config: &StoreConfig) -> Result<Http, StoreError> {
    let mut config = config_beside(store.name(), url, config);
    if !store.is_private() && config.addresses != Addresses::Any {
        config.addresses = Addresses::Public;
    }
    Http::file(url, &config)
}

/// Returns a URL's scheme, host and port (RFC 6454).
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{authority}").to_ascii_lowercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn references_follow_the_last_two_slashes() {
        for (text, parts) in [
            (
                "https://host/r//lab/tool:1",
                Some(("https://host/r", "lab/tool:1")),
            ),
            ("s3://bucket//lab/tool", Some(("s3://bucket", "lab/tool"))),
            (
                "file:///folder//lab/tool",
                Some(("file:///folder", "lab/tool")),
            ),
            ("folder//lab/tool", Some(("folder", "lab/tool"))),
            ("a//b//lab/tool", Some(("a//b", "lab/tool"))),
            ("folder///lab/tool", Some(("folder", "/lab/tool"))),
            ("https://host/r", None),
            ("https://host/r//", None),
            ("//lab/tool", None),
            ("lab/tool", None),
        ] {
            assert_eq!(split(text), parts, "{text}");
        }
    }

    #[test]
    fn the_token_is_for_the_server_that_the_user_names() {
        let config = StoreConfig {
            token: Some("secret".to_owned()),
            ..StoreConfig::default()
        };
        for (url, has_token) in [
            ("https://host/other", true),
            ("https://HOST/other?x", true),
            ("https://host:8443/r", false),
            ("http://host/r", false),
            ("https://host.example/r", false),
            ("/folder", false),
        ] {
            let token = config_beside("https://host/r", url, &config).token;
            assert_eq!(token.is_some(), has_token, "{url}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let location = Location::new("http://user:pw@host/r");
        assert_eq!(format!("{location:?}"), r#"Location("http://host/r")"#);
    }

    #[test]
    fn a_place_has_the_same_names_however_it_is_spelt() {
        let folder = tempfile::tempdir().unwrap();
        let (full, link) = (folder.path().join("full"), folder.path().join("link"));
        std::fs::create_dir(&full).unwrap();
        std::os::unix::fs::symlink(&full, &link).unwrap();
        let names = |root: &str| Location::new(root).aliases().clone();
        let full = full.canonicalize().unwrap().display().to_string();
        let link = link.display().to_string();
        assert_eq!(names("https://host/r//"), names("https://host/r"));
        assert_eq!(names(&format!("{full}/")), names(&full));
        assert_eq!(names(&full), BTreeSet::from([full.clone()]));
        assert_eq!(names(&format!("file://{full}")), names(&full));
        assert_eq!(names(&format!("file://{link}")), names(&link));
        assert_eq!(names(&link), BTreeSet::from([full, link.clone()]));
    }
}
