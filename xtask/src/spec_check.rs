//! Checks that the spec holds together: rules and what covers them, examples and schemas,
//! links, vectors, and the words of errors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use jsonschema::Validator;
use serde_json::Value;

/// A file of text, with its path as messages show it.
struct Text {
    path: PathBuf,
    shown: String,
    text: String,
}

/// Fails with a list of everything that is wrong.
pub(crate) fn run(root: &Path) -> Result<()> {
    let pages = texts(root, &root.join("spec"), "md")?;
    let mut code = texts(root, &root.join("crates"), "rs")?;
    code.extend(texts(root, &root.join("tests"), "rs")?);
    let mut problems = Vec::new();

    let words = table_words(&pages)?;
    let vectors = check_vectors(root, &words, &mut problems)?;
    check_rules(&pages, &code, &vectors, &mut problems);
    check_examples(root, &pages, &vectors, &mut problems)?;
    check_links(&texts(root, root, "md")?, &mut problems);
    check_words(&code, &words, &mut problems);

    if problems.is_empty() {
        println!("{} vectors, {} error words", vectors.len(), words.len());
        return Ok(());
    }
    problems.sort();
    for problem in &problems {
        println!("{problem}");
    }
    bail!("spec-check found {} problems", problems.len())
}

/// All files below `folder` with an ending, by path; hidden folders and `target` left out.
fn texts(root: &Path, folder: &Path, ending: &str) -> Result<Vec<Text>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        let name = name(&path);
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(texts(root, &path, ending)?);
        } else if path.extension().is_some_and(|given| given == ending) {
            found.push(Text {
                shown: shown(root, &path),
                text: fs::read_to_string(&path)?,
                path,
            });
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

// --- vectors

struct Vector {
    shown: String,
    fields: Value,
}

impl Vector {
    fn ids(&self) -> impl Iterator<Item = &str> {
        self.fields["ids"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }
}

fn check_vectors(
    root: &Path,
    words: &BTreeSet<String>,
    problems: &mut Vec<String>,
) -> Result<Vec<Vector>> {
    let mut vectors = Vec::new();
    for area in entries(&root.join("spec/vectors"))?
        .into_iter()
        .filter(|path| path.is_dir())
    {
        let verdicts = entries(&area)?;
        if verdicts.is_empty() {
            problems.push(format!("vectors: {} is empty", shown(root, &area)));
        }
        for verdict in verdicts {
            let valid = match name(&verdict).as_str() {
                "valid" => true,
                "invalid" => false,
                _ => {
                    problems.push(format!(
                        "vectors: {} is neither valid nor invalid",
                        shown(root, &verdict)
                    ));
                    continue;
                }
            };
            let cases = entries(&verdict)?;
            if cases.is_empty() {
                problems.push(format!("vectors: {} is empty", shown(root, &verdict)));
            }
            for case in cases {
                let shown = shown(root, &case);
                let text = fs::read_to_string(case.join("vector.json"));
                let Ok(fields) = text
                    .map_err(anyhow::Error::from)
                    .and_then(|text| Ok(serde_json::from_str::<Value>(&text)?))
                else {
                    problems.push(format!("vectors: {shown} has no readable vector.json"));
                    continue;
                };
                if !case.join("input").is_file() {
                    problems.push(format!("vectors: {shown} has no input"));
                }
                let class = fields["class"].as_str();
                if valid == class.is_some() {
                    problems.push(format!(
                        "vectors: {shown} has a class exactly if it is invalid"
                    ));
                }
                if let Some(word) = class.filter(|word| !words.contains(*word)) {
                    problems.push(format!(
                        "vectors: {shown}: {word} is no word of spec/cli.md"
                    ));
                }
                vectors.push(Vector { shown, fields });
            }
        }
    }
    Ok(vectors)
}

// --- rules

/// A rule's id at the start of a line, in bold.
fn defined(line: &str) -> Option<&str> {
    let (id, _) = line.strip_prefix("**")?.split_once("**")?;
    is_id(id).then_some(id)
}

fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(page, number)| {
        !page.is_empty()
            && page.bytes().all(|byte| byte.is_ascii_uppercase())
            && !number.is_empty()
            && !number.starts_with('0')
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Everything in a text that looks like a rule's id.
fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '-'))
        .filter(|word| is_id(word))
}

fn check_rules(pages: &[Text], code: &[Text], vectors: &[Vector], problems: &mut Vec<String>) {
    let mut rules: BTreeMap<&str, &str> = BTreeMap::new();
    for page in pages {
        for line in page.text.lines() {
            let Some(id) = defined(line) else { continue };
            if let Some(other) = rules.insert(id, &page.shown) {
                problems.push(format!(
                    "rules: {id} is defined in {other} and in {}",
                    page.shown
                ));
            }
            if !line.contains("MUST")
                && !paragraph(&page.text, line).contains("MUST")
                && !paragraph(&page.text, line).contains("MAY")
            {
                problems.push(format!("rules: {id} has no MUST"));
            }
        }
    }
    // Words such as SHA-256 look like an id, but no page defines any of their kind.
    let kinds: BTreeSet<&str> = rules.keys().filter_map(|id| id.split('-').next()).collect();
    let ours = |id: &&str| kinds.contains(id.split('-').next().unwrap_or_default());
    for page in pages {
        for id in mentioned(&page.text)
            .filter(ours)
            .filter(|id| !rules.contains_key(id))
        {
            problems.push(format!(
                "rules: {} refers to {id}, which no page defines",
                page.shown
            ));
        }
    }
    let mut covered = BTreeSet::new();
    for vector in vectors {
        for id in vector.ids() {
            covered.insert(id);
            if !rules.contains_key(id) {
                problems.push(format!(
                    "rules: {} names {id}, which no page defines",
                    vector.shown
                ));
            }
        }
    }
    for file in code {
        for line in file.text.lines() {
            let Some((_, ids)) = line.split_once("// spec:") else {
                continue;
            };
            for id in mentioned(ids) {
                covered.insert(id);
                if !rules.contains_key(id) {
                    problems.push(format!(
                        "rules: {} names {id}, which no page defines",
                        file.shown
                    ));
                }
            }
        }
    }
    for (id, page) in rules.iter().filter(|(id, _)| !covered.contains(*id)) {
        problems.push(format!(
            "rules: no vector and no test covers {id} of {page}"
        ));
    }
}

/// The lines from `start` to the next empty one.
fn paragraph<'a>(text: &'a str, start: &str) -> &'a str {
    let from = text.find(start).map_or("", |at| &text[at..]);
    from.split("\n\n").next().unwrap_or_default()
}

// --- examples

/// A fenced block: its info string, and its text.
fn fences(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some((info.trim(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some((_, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

fn check_examples(
    root: &Path,
    pages: &[Text],
    vectors: &[Vector],
    problems: &mut Vec<String>,
) -> Result<()> {
    let mut schemas: BTreeMap<String, Validator> = BTreeMap::new();
    for path in entries(&root.join("spec/schema"))? {
        let file = name(&path);
        let Some(stem) = file.strip_suffix(".schema.json") else {
            problems.push(format!("schemas: {file} is not named <name>.schema.json"));
            continue;
        };
        let schema: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        if let Err(error) = jsonschema::meta::validate(&schema) {
            problems.push(format!("schemas: {file}: {error}"));
        }
        schemas.insert(stem.to_owned(), jsonschema::validator_for(&schema)?);
    }
    let mut unused: BTreeSet<&str> = schemas.keys().map(String::as_str).collect();
    for page in pages {
        for (info, block) in fences(&page.text) {
            let Some(rest) = info.strip_prefix("json") else {
                continue;
            };
            let (shown, schema) = (&page.shown, rest.trim());
            let Some((key, validator)) = schemas.get_key_value(schema) else {
                problems.push(format!(
                    "examples: {shown}: a JSON example names no schema: {info:?}"
                ));
                continue;
            };
            unused.remove(key.as_str());
            match serde_json::from_str::<Value>(&block) {
                Ok(example) => problems.extend(validator.iter_errors(&example).map(|error| {
                    format!(
                        "examples: {shown}: {schema}: {}: {error}",
                        error.instance_path()
                    )
                })),
                Err(error) => problems.push(format!("examples: {shown}: {schema}: {error}")),
            }
        }
    }
    problems.extend(
        unused
            .iter()
            .map(|schema| format!("schemas: {schema} has no example")),
    );
    if let Some(validator) = schemas.get("vector") {
        for vector in vectors
            .iter()
            .filter(|vector| !validator.is_valid(&vector.fields))
        {
            problems.push(format!(
                "vectors: {}/vector.json fails its schema",
                vector.shown
            ));
        }
    }
    Ok(())
}

// --- links

fn check_links(documents: &[Text], problems: &mut Vec<String>) {
    for document in documents {
        let mut fenced = false;
        for line in document.text.lines() {
            if line.starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for rest in line.split("](").skip(1) {
                let Some((link, _)) = rest.split_once(')') else {
                    continue;
                };
                if !link.contains("://")
                    && !link.starts_with("mailto:")
                    && !leads_somewhere(document, link)
                {
                    problems.push(format!("links: {}: {link} leads nowhere", document.shown));
                }
            }
        }
    }
}

fn leads_somewhere(from: &Text, link: &str) -> bool {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => from.path.clone(),
        path => from.path.parent().unwrap_or(Path::new("")).join(path),
    };
    if anchor.is_empty() {
        return target.exists();
    }
    fs::read_to_string(&target).is_ok_and(|text| {
        text.lines()
            .filter(|line| line.starts_with('#'))
            .any(|line| slug(line.trim_start_matches('#').trim()) == anchor)
    })
}

/// A heading's anchor, as the usual renderers make it.
fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            _ => character.is_alphanumeric().then_some(character),
        })
        .collect()
}

// --- words of errors

/// The first column of the table under "Error words" in `spec/cli.md`.
fn table_words(pages: &[Text]) -> Result<BTreeSet<String>> {
    let page = pages
        .iter()
        .find(|page| page.shown == "spec/cli.md")
        .context("spec/cli.md is missing")?;
    let (_, after) = page
        .text
        .split_once("## Error words")
        .context("spec/cli.md has no error words")?;
    let section = after.split("\n## ").next().unwrap_or_default();
    Ok(section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(word, _)| word.to_owned())
        .collect())
}

/// The words that the code gives: the codes of `model::fault` that it names, and the literals that it makes
/// problems from.
fn check_words(code: &[Text], words: &BTreeSet<String>, problems: &mut Vec<String>) {
    let table = "crates/model/src/fault.rs";
    let named: Vec<(&str, &str)> = code
        .iter()
        .filter(|file| file.shown == table)
        .flat_map(|file| file.text.lines())
        .filter_map(|line| {
            let (name, rest) = line.trim().split_once(" = \"")?;
            let (word, _) = rest.split_once('"')?;
            is_word(word).then_some((name, word))
        })
        .collect();
    let mut given = BTreeSet::new();
    for file in code
        .iter()
        .filter(|file| file.shown.starts_with("crates") && file.shown != table)
    {
        // What tests say is not said to users.
        let text = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        let is_named = |name: &str| {
            text.match_indices("Code::").any(|(at, found)| {
                let rest = &text[at + found.len()..];
                let end = rest.find(|character: char| !character.is_alphanumeric());
                &rest[..end.unwrap_or(rest.len())] == name
            })
        };
        let named = named.iter().filter(|(name, _)| is_named(name));
        given.extend(named.map(|(_, word)| (*word).to_owned()));
        for maker in ["code: ", "Fault::new(", "CommandError::new(", "fault("] {
            for (at, _) in text.match_indices(maker) {
                let rest = text[at + maker.len()..].trim_start();
                if let Some((word, _)) =
                    rest.strip_prefix('"').and_then(|rest| rest.split_once('"'))
                {
                    given.extend(is_word(word).then(|| word.to_owned()));
                }
            }
        }
    }
    problems.extend(
        given
            .difference(words)
            .map(|word| format!("words: {word} is missing from spec/cli.md")),
    );
    problems.extend(
        words
            .difference(&given)
            .map(|word| format!("words: no code gives {word} of spec/cli.md")),
    );
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
