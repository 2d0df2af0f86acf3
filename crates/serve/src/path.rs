//! Parses the path of a request: decodes it once, and refuses it if two readers could interpret it as
//! two files.

/// A valid path below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestPath {
    parts: Vec<String>,
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
        // `//` is the root with an empty part, not the root.
        let parts: Vec<String> = match rest {
            "" if raw.len() < 2 => Vec::new(),
            _ => rest.split('/').map(part).collect::<Result<_, _>>()?,
        };
        let is_staging = parts
            .first()
            .is_some_and(|first| first.eq_ignore_ascii_case(sreg_model::layout::STAGING));
        let has_dotfile = parts.iter().any(|part| part.starts_with('.'));
        // GitHub Pages looks for `.nojekyll`; it is in no way secret.
        let is_pages = parts == [".nojekyll"] && !is_folder;
        if is_staging || (has_dotfile && !is_pages) {
            return Err(Unfit::Hidden);
        }
        Ok(Self { parts, is_folder })
    }

    /// Returns the names between slashes.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.parts.iter().map(String::as_str).collect()
    }

    /// Returns whether it ends with a slash.
    pub(crate) fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// Returns the path of the file, relative to the root. For a folder it is that of its `index.html`.
    pub(crate) fn file(&self) -> String {
        let mut parts = self.parts();
        if self.is_folder {
            parts.push("index.html");
        }
        parts.join("/")
    }

    /// Returns the path for one architecture: `library/arm64/…` instead of `library/…`. Returns `None`
    /// below other folders.
    pub(crate) fn for_arch(&self, arch: sreg_model::Arch) -> Option<Self> {
        let (first, rest) = self.parts.split_first()?;
        if first != "library" {
            return None;
        }
        let mut parts = vec![first.clone(), arch.as_str().to_owned()];
        parts.extend_from_slice(rest);
        Some(Self {
            parts,
            is_folder: self.is_folder,
        })
    }
}

/// Decodes one name. Refuses a slash, a step up, and characters that a terminal or a file system
/// interprets in another way.
fn part(raw: &str) -> Result<String, Unfit> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let [high, low, tail @ ..] = tail else {
            return Err(Unfit::Malformed);
        };
        bytes.push(digit(*high)? << 4 | digit(*low)?);
        rest = tail;
    }
    let part = String::from_utf8(bytes).map_err(|_| Unfit::Malformed)?;
    if part.is_empty() {
        return Err(Unfit::Hidden);
    }
    let is_step = matches!(part.as_str(), "." | "..");
    let is_odd = |character: char| character.is_control() || matches!(character, '/' | '\\');
    if is_step || part.contains(is_odd) {
        return Err(Unfit::Malformed);
    }
    Ok(part)
}

fn digit(byte: u8) -> Result<u8, Unfit> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(Unfit::Malformed),
    }
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
            let found = RequestPath::parse(raw).map(|path| path.file());
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
