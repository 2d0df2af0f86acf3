//! Parses the path of a request: decodes it once, and refuses it if two readers could interpret it as
//! two files.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A valid path below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestPath {
    /// The decoded names, with slashes between them. Empty for the root.
    names: String,
    is_folder: bool,
}

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// The path cannot name a file of any registry.
    Malformed,
    /// Files at that path are not published, or it has an empty part.
    Hidden,
}

impl RequestPath {
    /// Parses the path of a request, encoded.
    pub(crate) fn parse(raw: &str) -> Result<Self, Unfit> {
        let rest = raw.strip_prefix('/').ok_or(Unfit::Malformed)?;
        let (rest, is_folder) = match rest.strip_suffix('/') {
            Some(rest) => (rest, true),
            None => (rest, rest.is_empty()),
        };
        let mut names = String::with_capacity(rest.len());
        // `//` is the root with an empty part, not the root.
        if raw.len() > 1 {
            for raw in rest.split('/') {
                if !names.is_empty() {
                    names.push('/');
                }
                names.push_str(&name(raw)?);
            }
        }
        let first = names.split('/').next().unwrap_or_default();
        let is_staging = first.eq_ignore_ascii_case(sreg_model::layout::STAGING);
        let has_dotfile = names.split('/').any(|name| name.starts_with('.'));
        // GitHub Pages looks for `.nojekyll`; it is in no way secret.
        let is_pages = names == ".nojekyll" && !is_folder;
        if is_staging || (has_dotfile && !is_pages) {
            return Err(Unfit::Hidden);
        }
        Ok(Self { names, is_folder })
    }

    /// Returns whether it is that of a list of tags.
    pub(crate) fn is_list(&self) -> bool {
        self.names.starts_with("v2/") && self.names.ends_with("/tags/list") && !self.is_folder
    }

    /// Returns whether it ends with a slash.
    pub(crate) fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// Returns the path of the file, relative to the root. For a folder it is that of its `index.html`.
    pub(crate) fn file(&self) -> Cow<'_, str> {
        match (self.is_folder, self.names.is_empty()) {
            (false, _) => Cow::Borrowed(&self.names),
            (true, true) => Cow::Borrowed("index.html"),
            (true, false) => Cow::Owned(format!("{}/index.html", self.names)),
        }
    }

    /// Returns the path for one architecture: `library/arm64/…` instead of `library/…`. Returns `None`
    /// below other folders.
    pub(crate) fn for_arch(&self, arch: sreg_model::Arch) -> Option<Self> {
        let rest = self.names.strip_prefix("library")?;
        (rest.is_empty() || rest.starts_with('/')).then(|| Self {
            names: format!("library/{}{rest}", arch.as_str()),
            is_folder: self.is_folder,
        })
    }
}

/// Decodes one name. Refuses a slash, a step up, and characters that a terminal or a file system
/// interprets in another way.
fn name(raw: &str) -> Result<Cow<'_, str>, Unfit> {
    let name = match raw.contains('%') {
        true => decode(raw)?,
        false => Cow::Borrowed(raw),
    };
    if name.is_empty() {
        return Err(Unfit::Hidden);
    }
    let is_step = matches!(&*name, "." | "..");
    let is_odd = |character: char| character.is_control() || matches!(character, '/' | '\\');
    if is_step || name.contains(is_odd) {
        return Err(Unfit::Malformed);
    }
    Ok(name)
}

/// Decodes the escapes of a name. The library leaves a malformed escape unchanged; this refuses it.
fn decode(raw: &str) -> Result<Cow<'_, str>, Unfit> {
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !raw.split('%').skip(1).all(is_escape) {
        return Err(Unfit::Malformed);
    }
    percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| Unfit::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders() {
        for (raw, file) in [
            ("/", "index.html"),
            ("/head", "head"),
            ("/lab/tool/tags/", "lab/tool/tags/index.html"),
            (
                "/v2/lab/tool/blobs/sha256%3A00",
                "v2/lab/tool/blobs/sha256:00",
            ),
            ("/a%2541", "a%41"),
            ("/...a", ""),
            ("/.nojekyll", ".nojekyll"),
        ] {
            let found = RequestPath::parse(raw).map(|path| path.file().into_owned());
            let wanted = match file {
                "" => Err(Unfit::Hidden),
                file => Ok(file.to_owned()),
            };
            assert_eq!(found, wanted, "{raw}");
        }
    }

    #[test]
    fn no_way_out() {
        for raw in [
            "",
            "*",
            "head",
            "/.",
            "/..",
            "/a/..",
            "/a/../b",
            "/./a",
            "/%2e%2e/a",
            "/%2E%2e/a",
            "/.%2e",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0a",
            "/a%7f",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%+1",
            "/a%ff",
            "/%2e",
            "/%2f",
        ] {
            assert_eq!(RequestPath::parse(raw), Err(Unfit::Malformed), "{raw}");
        }
        for raw in [
            "//",
            "//head",
            "/a//b",
            "/a//",
            "/staging",
            "/staging/",
            "/staging/journal",
            "/%73taging/journal",
            "/STAGING/journal",
            "/.git/config",
            "/a/.htaccess",
            "/.nojekyll/",
            "/.nojekyll/a",
            "/a/.nojekyll",
        ] {
            assert_eq!(RequestPath::parse(raw), Err(Unfit::Hidden), "{raw}");
        }
    }

    #[test]
    fn an_architecture_is_a_folder_below_library() {
        let path = RequestPath::parse("/library/v1/images/lab/tool:1.0").unwrap();
        let other = path.for_arch(sreg_model::Arch::Arm64).unwrap();
        assert_eq!(other.file(), "library/arm64/v1/images/lab/tool:1.0");
        let path = RequestPath::parse("/v2/lab/tool/tags/list").unwrap();
        assert_eq!(path.for_arch(sreg_model::Arch::Arm64), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_read_stays_below(raw in "/?([a-z%./\\\\25eEfF\\x00]|%2e|%2f|\\.\\./|staging){0,12}") {
            if let Ok(path) = RequestPath::parse(&raw) {
                let file = path.file();
                let mut parts = file.split('/');
                let fits = |part: &str| !part.is_empty() && (!part.starts_with('.') || file == ".nojekyll");
                proptest::prop_assert!(parts.all(fits), "{raw}: {file}");
                proptest::prop_assert!(!file.starts_with("staging/"), "{raw}: {file}");
                proptest::prop_assert!(!file.contains(['\\', '\0']), "{raw}: {file}");
            }
        }
    }
}
