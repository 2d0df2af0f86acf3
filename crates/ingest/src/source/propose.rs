//! Proposes names for files that cannot be published.

use super::name::is_version;

/// Returns a path that gives a reference and is as near as possible to `folders` and `name`, the
/// file's own name; `None` if nothing of it is left.
pub(super) fn propose(folders: &[&str], name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let ending = [".sif.gz", ".simg.gz", ".img.gz", ".sif", ".simg", ".img"]
        .into_iter()
        .find(|ending| lower.ends_with(ending))
        .unwrap_or("");
    let stem = &name[..name.len() - ending.len()];
    let (folders, stem) = match *folders {
        [namespace, name] => (vec![namespace], format!("{name}_{stem}")),
        [namespace, name, "manifests", tag] => (vec![namespace], format!("{name}_{tag}")),
        _ => (folders.to_vec(), stem.to_owned()),
    };
    let ending = if ending.is_empty() { ".sif" } else { ending };
    let mut words: Vec<String> = stem
        .split(|character: char| !(character.is_ascii_alphanumeric() || "._-+".contains(character)))
        .flat_map(|word| word.split('_'))
        .map(|word| word.replace('+', "-"))
        .map(|word| word.trim_matches(['.', '-']).to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    let version = words.iter().skip(1).position(|word| is_version(word));
    let tag = version.map(|at| words.split_off(at + 1).join("_"));
    let name = words.join("-");
    let folder = match folders[..] {
        [] => String::new(),
        [.., last] => format!("{}/", part(last)?),
    };
    let tag = tag.map_or(String::new(), |tag| format!("_{tag}"));
    (!name.is_empty()).then(|| format!("{folder}{name}{tag}{ending}"))
}

/// Converts a folder's name to a namespace.
fn part(folder: &str) -> Option<String> {
    let words =
        folder.split(|character: char| !character.is_ascii_alphanumeric() && character != '.');
    let words: Vec<&str> = words
        .filter(|word| !word.trim_matches('.').is_empty())
        .collect();
    let name = words.join("-");
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_can_be_published_is_proposed() {
        let flat = "library".parse().unwrap();
        for (folders, name, proposed) in [
            (&[][..], "tool:1.0.sif", "tool_1.0.sif"),
            (&[], "My Tool v2.sif", "My-Tool_v2.sif"),
            (&[], "tool_1.0+cu11.sif", "tool_1.0-cu11.sif"),
            (&[], "TOOL_1.0.SIF", "TOOL_1.0.sif"),
            (
                &[],
                "bbmap:38.87--h1296035_0",
                "bbmap_38.87--h1296035_0.sif",
            ),
            (&["a", "b", "c", "d"], "x_1.img", "d/x_1.img"),
            (&["a", "b"], "1.0+x.sif", "a/b_1.0-x.sif"),
            (&["-lab"], "-tool_1.simg.gz", "lab/tool_1.simg.gz"),
            (&["my lab"], "tööl.sif", "my-lab/t-l.sif"),
        ] {
            let found = propose(folders, name);
            assert_eq!(found.as_deref(), Some(proposed));
            let mut folders: Vec<&str> = proposed.split('/').collect();
            let stem = super::super::image_stem(folders.pop().unwrap()).unwrap();
            assert!(
                super::super::name::plain(&folders, stem, &flat).is_ok(),
                "{proposed}"
            );
        }
        assert_eq!(propose(&[], "+++.sif"), None);
    }
}
