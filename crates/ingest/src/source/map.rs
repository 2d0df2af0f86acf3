//! References set by the user: a map from paths, and patterns for names (`spec/cli.md`, CLI-54).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sreg_model::{Namespace, Reference, Repository, Tag};

use super::name::{NameError, Named, split_arch};

/// The references of some files, by their paths below the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMap(BTreeMap<String, Option<(Repository, Tag)>>);

impl NameMap {
    /// Parses a map: on each line a path, white space, and a reference, or `-` for a file to leave out.
    /// Ignores lines that are empty or begin with `#`.
    ///
    /// # Errors
    /// The fault of the first wrong line, with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut map = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let wrong = |what: &str| format!("line {}: {what}", number + 1);
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (path, reference) = line
                .rsplit_once(char::is_whitespace)
                .ok_or_else(|| wrong("expected a path and a reference"))?;
            let path = path.trim_end().trim_start_matches("./");
            let named = match reference {
                "-" => None,
                _ => {
                    let reference: Reference = reference
                        .parse()
                        .map_err(|error| wrong(&format!("{error}")))?;
                    if reference.digest().is_some() {
                        return Err(wrong("expected a reference without a digest"));
                    }
                    let tag = reference.tag().cloned().unwrap_or_default();
                    Some((reference.repository().clone(), tag))
                }
            };
            if map.insert(path.to_owned(), named).is_some() {
                return Err(wrong(&format!("{path} is listed twice")));
            }
        }
        Ok(Self(map))
    }

    /// Returns the reference of a path; `Some(None)` if it is left out.
    pub(super) fn get(&self, path: &str) -> Option<Option<Named>> {
        let entry = self.0.get(path)?;
        Some(entry.as_ref().map(|(repository, tag)| Named {
            repository: repository.clone(),
            tag: tag.clone(),
            arch: None,
            others: Vec::new(),
        }))
    }

    /// Returns the paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A pattern for paths without their endings, such as `{namespace}/{name}-{version}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Namespace,
    Name,
    Tag,
    /// A tag that begins like a version.
    Version,
    Any,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, next) = after
                .split_once('}')
                .ok_or_else(|| format!("{text:?} has a {{ without a }}"))?;
            let field = match word {
                "namespace" => Field::Namespace,
                "name" => Field::Name,
                "tag" => Field::Tag,
                "version" => Field::Version,
                "any" => Field::Any,
                _ => {
                    return Err(format!(
                        "{text:?} has an unknown placeholder, expected one of {{namespace}} {{name}} {{tag}} {{version}} {{any}}"
                    ));
                }
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Field(field));
            rest = next;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        let pattern = Self(pieces);
        match pattern.count(Field::Name) == 1
            && pattern.count(Field::Tag) + pattern.count(Field::Version) <= 1
            && pattern.count(Field::Namespace) <= 1
        {
            true => Ok(pattern),
            false => Err(format!(
                "{text:?} must have {{name}} once, and at most one {{namespace}} and one {{tag}} or {{version}}"
            )),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Field(Field::Namespace) => f.write_str("{namespace}"),
            Piece::Field(Field::Name) => f.write_str("{name}"),
            Piece::Field(Field::Tag) => f.write_str("{tag}"),
            Piece::Field(Field::Version) => f.write_str("{version}"),
            Piece::Field(Field::Any) => f.write_str("{any}"),
        })
    }
}

impl Pattern {
    fn count(&self, field: Field) -> usize {
        let is_field = |piece: &&Piece| **piece == Piece::Field(field);
        self.0.iter().filter(is_field).count()
    }

    /// Returns the reference of a path without its ending; `None` if it does not match. Placeholders on the
    /// left match as little as possible.
    pub(super) fn read(&self, path: &str, flat: &Namespace) -> Option<Result<Named, NameError>> {
        let (path, arch) = split_arch(path);
        let mut fields = Vec::new();
        if !matches(&self.0, path, &mut fields) {
            return None;
        }
        let value = |wanted: &[Field]| {
            let found = fields.iter().find(|(field, _)| wanted.contains(field));
            found.map(|(_, text)| *text)
        };
        let named = || -> Result<Named, NameError> {
            let namespace = value(&[Field::Namespace]).map_or(Ok(flat.clone()), str::parse)?;
            let name = value(&[Field::Name]).unwrap_or_default();
            let tag = value(&[Field::Tag, Field::Version]);
            super::name::of_splits(&namespace, &[(name, tag)], arch)
        };
        Some(named())
    }
}

/// Matches pieces against all of `text`.
fn matches<'a>(pieces: &[Piece], text: &'a str, fields: &mut Vec<(Field, &'a str)>) -> bool {
    let Some((first, rest)) = pieces.split_first() else {
        return text.is_empty();
    };
    match first {
        Piece::Text(literal) => text
            .strip_prefix(literal.as_str())
            .is_some_and(|text| matches(rest, text, fields)),
        Piece::Field(field) => {
            let ends = text.char_indices().map(|(at, c)| (at + c.len_utf8(), c));
            for (end, character) in ends {
                if character == '/' && *field != Field::Any {
                    return false;
                }
                let (value, after) = text.split_at(end);
                if *field == Field::Version && !super::name::is_version(text) {
                    return false;
                }
                fields.push((*field, value));
                if matches(rest, after, fields) {
                    return true;
                }
                fields.pop();
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: CLI-54
    #[test]
    fn a_map_gives_references_and_leaves_files_out() {
        let map = NameMap::parse("# a\n\na b.sif  lab/tool:1\n./c\tlab/c\nd -\n").unwrap();
        let named = |path: &str| {
            let named = map.get(path)?;
            Some(named.map(|named| format!("{}:{}", named.repository, named.tag)))
        };
        assert_eq!(named("a b.sif"), Some(Some("lab/tool:1".to_owned())));
        assert_eq!(named("c"), Some(Some("lab/c:latest".to_owned())));
        assert_eq!((named("d"), named("e")), (Some(None), None));
        for wrong in ["a", "a b c:1", "a lab/x:1\na lab/y:1", "a lab/x@sha256:00"] {
            assert!(NameMap::parse(wrong).is_err(), "{wrong}");
        }
    }

    // spec: CLI-54
    #[test]
    fn a_pattern_reads_names() {
        let flat = "library".parse().unwrap();
        for (pattern, path, reference) in [
            (
                "{name}-{version}",
                "my-tool-3.11-slim",
                Some("library/my-tool:3.11-slim"),
            ),
            ("{name}-{tag}", "my-tool-3.11", Some("library/my:tool-3.11")),
            ("{namespace}/{name}@{tag}", "lab/x@1", Some("lab/x:1")),
            (
                "{any}/{namespace}/{name}",
                "a/b/lab/x",
                Some("lab/x:latest"),
            ),
            ("{name}-{version}", "tool", None),
            ("{name}-{version}", "lab/tool-1", None),
            ("{name}-{tag}", "a+b-c", Some("error")),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.to_string(), pattern);
            let read = parsed.read(path, &flat).map(|named| {
                named.map_or("error".to_owned(), |n| {
                    format!("{}:{}", n.repository, n.tag)
                })
            });
            assert_eq!(read.as_deref(), reference, "{pattern} {path}");
        }
        for wrong in [
            "",
            "x",
            "{name",
            "{name}{name}",
            "{name}{tag}{version}",
            "{no}{name}",
        ] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
    }
}
