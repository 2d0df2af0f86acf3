//! Reads references from the names of files (`spec/cli.md`, CLI-52 and CLI-53).

use sreg_model::reference::ReferenceError;
use sreg_model::{Arch, Name, Namespace, Repository, Tag};

/// A reference that a path gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) repository: Repository,
    pub(super) tag: Tag,
    pub(super) arch: Option<Arch>,
    /// The other references that the same name could mean.
    pub(super) others: Vec<String>,
}

/// Why a path has no reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NameError {
    /// Too few or too many folders, or a name that does not match the layout.
    Shape,
    /// A part of it does not match its grammar.
    Reference(ReferenceError),
}

impl From<ReferenceError> for NameError {
    fn from(error: ReferenceError) -> Self {
        Self::Reference(error)
    }
}

/// A name and a tag, if there is one.
pub(super) type Split<'a> = (&'a str, Option<&'a str>);

/// Returns the reference of `folders` below the source and the stem of a file.
pub(super) fn plain(folders: &[&str], stem: &str, flat: &Namespace) -> Result<Named, NameError> {
    let (stem, arch) = split_arch(stem);
    let (namespace, splits): (Namespace, Vec<Split<'_>>) = match *folders {
        [] => (flat.clone(), splits(stem)),
        [namespace] => (namespace.parse()?, splits(stem)),
        [namespace, name] => (namespace.parse()?, vec![(name, Some(stem))]),
        [namespace, name, "manifests", tag] => (namespace.parse()?, vec![(name, Some(tag))]),
        _ => return Err(NameError::Shape),
    };
    of_splits(&namespace, &splits, arch)
}

/// Returns the reference of the first split; the others are alternative readings.
pub(super) fn of_splits(
    namespace: &Namespace,
    splits: &[Split<'_>],
    arch: Option<Arch>,
) -> Result<Named, NameError> {
    let read = |(name, tag): &Split<'_>| -> Result<(Repository, Tag), ReferenceError> {
        let repository = Repository::new(namespace.clone(), name.parse::<Name>()?)?;
        Ok((repository, tag.map_or(Ok(Tag::default()), str::parse)?))
    };
    let (first, rest) = splits.split_first().ok_or(NameError::Shape)?;
    let (repository, tag) = read(first)?;
    let others = rest.iter().filter_map(|split| read(split).ok());
    Ok(Named {
        others: others
            .map(|(repository, tag)| format!("{repository}:{tag}"))
            .collect(),
        repository,
        tag,
        arch,
    })
}

/// Splits off an architecture: `1.0.arm64` is tag `1.0` for arm64.
pub(super) fn split_arch(stem: &str) -> (&str, Option<Arch>) {
    match stem.rsplit_once('.') {
        Some((rest, word)) if !rest.is_empty() => match word.parse() {
            Ok(Arch::Unknown) | Err(_) => (stem, None),
            Ok(arch) => (rest, Some(arch)),
        },
        _ => (stem, None),
    }
}

/// Common tags without a number.
const WORDS: [&str; 12] = [
    "latest", "dev", "devel", "main", "master", "stable", "edge", "nightly", "test", "testing",
    "prod", "release",
];

/// Splits a stem into a name and a tag: where a version begins, otherwise at the last `_`. Without either,
/// there is no tag. Further results are alternative splits.
pub(super) fn splits(stem: &str) -> Vec<Split<'_>> {
    let bars: Vec<usize> = stem
        .match_indices('_')
        .map(|(at, _)| at)
        .filter(|at| *at > 0 && at + 1 < stem.len())
        .collect();
    let at = |at: &usize| (&stem[..*at], Some(&stem[at + 1..]));
    let versions: Vec<usize> = bars
        .iter()
        .copied()
        .filter(|bar| is_version(&stem[bar + 1..]) || is_hash(&stem[bar + 1..]))
        .collect();
    if let Some(first) = versions.first() {
        // A conda build belongs to its version: `1.9--py_1`.
        let build = stem[*first..].find("--").map(|build| first + build);
        let others = versions.iter().skip(1);
        let others = others.filter(|other| build.is_none_or(|build| **other < build));
        return std::iter::once(first).chain(others).map(at).collect();
    }
    match bars.last() {
        Some(last) if WORDS.contains(&&stem[last + 1..]) => vec![at(last)],
        // Begins with a digit, but is not a version: `2d`, `10x`.
        Some(_) if bars.iter().any(|bar| starts_with_digit(&stem[bar + 1..])) => {
            let numbers = bars
                .iter()
                .filter(|bar| starts_with_digit(&stem[*bar + 1..]));
            numbers.map(at).chain([(stem, None)]).collect()
        }
        Some(last) => vec![at(last), (stem, None)],
        None => dashed(stem),
    }
}

/// Splits a stem without `_`: the whole stem is the name, unless `-` also separates a version.
fn dashed(stem: &str) -> Vec<Split<'_>> {
    let version = dashes(stem).find(|(_, tag)| is_version(tag));
    let other = version.map(|(name, tag)| (name, Some(tag)));
    std::iter::once((stem, None)).chain(other).collect()
}

/// Returns all splits at a single `-`.
pub(super) fn dashes(stem: &str) -> impl Iterator<Item = (&str, &str)> {
    stem.match_indices('-')
        .map(|(at, _)| (&stem[..at], &stem[at + 1..]))
        .filter(|(name, tag)| !name.is_empty() && !name.ends_with('-') && !tag.starts_with('-'))
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

/// Returns whether text begins like a version: an optional `v`, digits, and then the end or a separator.
pub(super) fn is_version(text: &str) -> bool {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let after = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    after.len() < text.len() && (after.is_empty() || after.starts_with(['.', '-', '_', '+']))
}

/// Returns whether text is a hash of 40 digits with an optional build number: the tag of a BioContainer of
/// several packages.
pub(super) fn is_hash(text: &str) -> bool {
    let (hash, build) = text.split_once('-').unwrap_or((text, ""));
    hash.len() == 40
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && build.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the name of a pulled image: `<name>_<tag>.<ending>`.
#[must_use]
pub fn pulled_name(repository: &Repository, tag: &Tag, ending: &str) -> String {
    format!("{}_{tag}.{ending}", repository.name())
}

/// Returns the reading of a pulled image's name by [`super::scan`], if it differs or is ambiguous.
#[must_use]
pub fn misread(repository: &Repository, tag: &Tag) -> Option<String> {
    let stem = format!("{}_{tag}", repository.name());
    match plain(&[], &stem, repository.namespace()) {
        Ok(named)
            if named.repository == *repository && named.tag == *tag && named.arch.is_none() =>
        {
            (!named.others.is_empty())
                .then(|| format!("{repository}:{tag} or {}", named.others.join(" or ")))
        }
        Ok(named) => {
            let arch = named
                .arch
                .map_or(String::new(), |arch| format!(" for {arch}"));
            Some(format!("{}:{}{arch}", named.repository, named.tag))
        }
        Err(_) => Some("no image".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(stem: &str) -> Vec<String> {
        splits(stem)
            .iter()
            .map(|(name, tag)| format!("{name}:{}", tag.unwrap_or("latest")))
            .collect()
    }

    // spec: CLI-52
    #[test]
    fn a_name_is_split_where_a_version_begins() {
        for (stem, readings) in [
            ("multiqc_1.9--py_1", &["multiqc:1.9--py_1"][..]),
            (
                "samtools_1.19.2--h50ea8bc_0",
                &["samtools:1.19.2--h50ea8bc_0"],
            ),
            ("tool_1.0", &["tool:1.0"]),
            ("my_tool_1.0", &["my_tool:1.0"]),
            ("my_tool_v2", &["my_tool:v2"]),
            ("python_3.11_slim", &["python:3.11_slim"]),
            ("my_big_tool_latest", &["my_big_tool:latest"]),
            ("tool", &["tool:latest"]),
            ("star_2.7.10a", &["star:2.7.10a"]),
            ("gatk4_4.2.0.0--0", &["gatk4:4.2.0.0--0"]),
            (
                "mulled-v2-0560a8046fc82aa4338588eca29ff18edab2c5aa_c17ce694dd57ab0ac1a2b86bb214e65fedef760e-0",
                &[
                    "mulled-v2-0560a8046fc82aa4338588eca29ff18edab2c5aa:c17ce694dd57ab0ac1a2b86bb214e65fedef760e-0",
                ],
            ),
            ("tool_", &["tool_:latest"]),
            ("_1.0", &["_1.0:latest"]),
            // Two readings, the first of which is taken.
            (
                "ubuntu_22.04_cuda_11.8",
                &["ubuntu:22.04_cuda_11.8", "ubuntu_22.04_cuda:11.8"],
            ),
            ("my_2d_tool", &["my:2d_tool", "my_2d_tool:latest"]),
            ("my_tool", &["my:tool", "my_tool:latest"]),
            ("python-3.11", &["python-3.11:latest", "python:3.11"]),
            ("my-tool-v2", &["my-tool-v2:latest", "my-tool:v2"]),
            ("x-1--y", &["x-1--y:latest", "x:1--y"]),
        ] {
            assert_eq!(read(stem), readings, "{stem}");
        }
    }

    proptest! {
        // spec: CLI-52
        #[test]
        fn what_pull_wrote_is_read_back_or_pull_says_so(
            name in "[a-z0-9]{1,4}(([._]|-{1,2})[a-z0-9]{1,4}){0,2}",
            tag in "[A-Za-z0-9_][A-Za-z0-9._-]{0,8}",
        ) {
            let (Ok(name), Ok(tag)) = (name.parse::<Name>(), tag.parse::<Tag>()) else {
                return Ok(());
            };
            let flat: Namespace = "library".parse().unwrap();
            let Ok(repository) = Repository::new(flat.clone(), name) else {
                return Ok(());
            };
            let file = pulled_name(&repository, &tag, "sif");
            let read = plain(&[], super::super::image_stem(&file).unwrap(), &flat);
            let is_same = read.is_ok_and(|named| {
                named.repository == repository && named.tag == tag && named.arch.is_none()
            });
            prop_assert!(is_same || misread(&repository, &tag).is_some(), "{}", file);
        }

        // spec: CLI-52
        #[test]
        fn a_version_behind_a_name_without_one_is_always_read_back(
            name in "[a-z]{1,8}(-[a-z]{1,4})?",
            version in "v?[0-9]{1,2}(\\.[0-9]{1,2}){0,2}",
            build in "(--[a-z]{1,3}[0-9]{1,3}_[0-9])?",
        ) {
            let repository = Repository::new("lab".parse().unwrap(), name.parse().unwrap()).unwrap();
            let tag: Tag = format!("{version}{build}").parse().unwrap();
            prop_assert_eq!(misread(&repository, &tag), None);
        }
    }
}
