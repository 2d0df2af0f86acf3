//! Layouts of other programs' folders: Nextflow's cache, Galaxy's, and Singularity HPC's (`spec/cli.md`,
//! CLI-53).

use std::fmt;
use std::str::FromStr;

use sreg_model::Namespace;

use super::name::{self, NameError, Named, Split, dashes, is_hash, is_version, of_splits};

/// The naming of a source's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layout {
    /// As in `spec/cli.md`.
    #[default]
    Plain,
    /// `depot.galaxyproject.org-singularity-fastqc-0.12.1--hdfd78af_0.img`, as Nextflow's `cacheDir`.
    Nextflow,
    /// `bbmap:38.87--h1296035_0`, as Galaxy's cache.
    Galaxy,
    /// `quay.io/biocontainers/samtools/1.15--h3843a85_0/….sif`, as Singularity HPC's containers.
    Shpc,
}

impl Layout {
    /// All layouts with a name.
    pub const NAMED: [Self; 3] = [Self::Nextflow, Self::Galaxy, Self::Shpc];

    /// Returns the layout's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Nextflow => "nextflow",
            Self::Galaxy => "galaxy",
            Self::Shpc => "shpc",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let mut all = Self::NAMED.into_iter().chain([Self::Plain]);
        all.find(|layout| layout.as_str() == word).ok_or_else(|| {
            format!("{word:?} is not a layout, expected nextflow, galaxy, shpc or plain")
        })
    }
}

/// Returns the stem of a file that the layout takes for an image, whatever its ending.
pub(super) fn stem(layout: Layout, name: &str) -> Option<&str> {
    let is_tagged = layout == Layout::Galaxy && name.contains(':');
    super::image_stem(name).or_else(|| is_tagged.then_some(name))
}

/// Returns the reference of a file.
pub(super) fn read(
    layout: Layout,
    folders: &[&str],
    stem: &str,
    flat: &Namespace,
) -> Result<Named, NameError> {
    match layout {
        Layout::Plain => name::plain(folders, stem, flat),
        Layout::Nextflow => nextflow(stem),
        Layout::Galaxy => galaxy(stem, flat),
        Layout::Shpc => shpc(folders, stem, flat),
    }
}

/// The locations of BioContainers, as Nextflow spells them.
const BIOCONTAINERS: [&str; 4] = [
    "depot.galaxyproject.org-singularity-",
    "quay.io-biocontainers-",
    "docker.io-biocontainers-",
    "biocontainers-",
];

/// Reads a URL or a Docker name with `-` for `/` and `:`.
fn nextflow(stem: &str) -> Result<Named, NameError> {
    for place in BIOCONTAINERS {
        if let Some(rest) = stem.strip_prefix(place) {
            return of_splits(&"biocontainers".parse()?, &[versioned(rest)?], None);
        }
    }
    // A registry's host has a dot, and no version begins with a letter.
    let path = dashes(stem)
        .find(|(host, _)| host.contains('.') && !host.contains('-') && !is_version(host))
        .map_or(stem, |(_, path)| path);
    let (path, tag) = versioned(path)?;
    let mut splits: Vec<(Namespace, Split<'_>)> = Vec::new();
    for (namespace, name) in dashes(path) {
        if let Ok(namespace) = namespace.parse() {
            splits.push((namespace, (name, tag)));
        }
    }
    let ((namespace, first), rest) = splits.split_first().ok_or(NameError::Shape)?;
    let mut named = of_splits(namespace, &[*first], None)?;
    let others = rest
        .iter()
        .filter_map(|(namespace, split)| of_splits(namespace, &[*split], None).ok());
    named
        .others
        .extend(others.map(|other| format!("{}:{}", other.repository, other.tag)));
    Ok(named)
}

/// Splits where a version begins, or where the last word is another kind of tag.
fn versioned(text: &str) -> Result<Split<'_>, NameError> {
    // BioContainers of several packages have a hash for each, and a leading `v2`.
    let (name, tag) = dashes(text)
        .find(|(_, tag)| is_hash(tag))
        .or_else(|| dashes(text).find(|(_, tag)| is_version(tag)))
        .or_else(|| text.rsplit_once('-').filter(|(_, tag)| *tag == "latest"))
        .ok_or(NameError::Shape)?;
    Ok((name, Some(tag)))
}

/// Reads `name:tag`, in the namespace of images at the top of the source.
fn galaxy(stem: &str, flat: &Namespace) -> Result<Named, NameError> {
    let (name, tag) = stem.split_once(':').ok_or(NameError::Shape)?;
    of_splits(flat, &[(name, Some(tag))], None)
}

/// Reads `<registry>/<namespace>/<name>/<tag>/<any>`, with more or fewer leading folders.
fn shpc(folders: &[&str], stem: &str, flat: &Namespace) -> Result<Named, NameError> {
    let (_, arch) = name::split_arch(stem);
    let [front @ .., name, tag] = folders else {
        return Err(NameError::Shape);
    };
    let namespace = match front.last() {
        Some(last) if !last.contains('.') => last.parse()?,
        _ => flat.clone(),
    };
    of_splits(&namespace, &[(name, Some(tag))], arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(layout: Layout, path: &str) -> Option<String> {
        let mut folders: Vec<&str> = path.split('/').collect();
        let file = folders.pop()?;
        let flat = "library".parse().unwrap();
        let named = read(layout, &folders, stem(layout, file)?, &flat).ok()?;
        let others = named.others.iter().map(|other| format!(" or {other}"));
        Some(format!(
            "{}:{}{}",
            named.repository,
            named.tag,
            others.collect::<String>()
        ))
    }

    // spec: CLI-53
    #[test]
    fn files_of_other_programs_have_references() {
        let mulled = "mulled-v2-0560a8046fc82aa4338588eca29ff18edab2c5aa";
        let hash = "c17ce694dd57ab0ac1a2b86bb214e65fedef760e-0";
        let (nextflow, galaxy) = (
            format!("depot.galaxyproject.org-singularity-{mulled}-{hash}.img"),
            format!("{mulled}:{hash}"),
        );
        let both = format!("{mulled}:{hash}");
        for (layout, path, reference) in [
            (
                Layout::Nextflow,
                "depot.galaxyproject.org-singularity-fastqc-0.12.1--hdfd78af_0.img",
                "biocontainers/fastqc:0.12.1--hdfd78af_0",
            ),
            (
                Layout::Nextflow,
                &nextflow,
                &format!("biocontainers/{both}"),
            ),
            (
                Layout::Nextflow,
                "depot.galaxyproject.org-singularity-bioconductor-deseq2-1.34.0--r41_0.img",
                "biocontainers/bioconductor-deseq2:1.34.0--r41_0",
            ),
            (
                Layout::Nextflow,
                "quay.io-biocontainers-samtools-1.9--h91753b0_8.img",
                "biocontainers/samtools:1.9--h91753b0_8",
            ),
            (
                Layout::Nextflow,
                "nfcore-rnaseq-1.4.2.img",
                "nfcore/rnaseq:1.4.2",
            ),
            (
                Layout::Nextflow,
                "quay.io-nf-core-ubuntu-20.04.img",
                "nf/core-ubuntu:20.04 or nf-core/ubuntu:20.04",
            ),
            (
                Layout::Galaxy,
                "bbmap:38.87--h1296035_0",
                "library/bbmap:38.87--h1296035_0",
            ),
            (Layout::Galaxy, &galaxy, &format!("library/{both}")),
            (
                Layout::Shpc,
                "quay.io/biocontainers/samtools/1.15--h3_0/quay.io-x-sha256:00.sif",
                "biocontainers/samtools:1.15--h3_0",
            ),
            (Layout::Shpc, "python/3.9/python.sif", "library/python:3.9"),
            (
                Layout::Shpc,
                "ghcr.io/python/3.9/python.sif",
                "library/python:3.9",
            ),
            (Layout::Shpc, "ghcr.io/a/b/c/1.0/x.sif", "b/c:1.0"),
        ] {
            assert_eq!(said(layout, path).as_deref(), Some(reference), "{path}");
        }
        for (layout, path) in [
            (Layout::Nextflow, "fastqc.img"),
            (Layout::Nextflow, "fastqc-1.0.img"),
            (Layout::Galaxy, "bbmap.sif"),
            (Layout::Galaxy, "bbmap"),
            (Layout::Shpc, "a/x.sif"),
        ] {
            assert_eq!(said(layout, path), None, "{path}");
        }
    }
}
