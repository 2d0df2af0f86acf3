//! The schemas of `spec/schema` against the pages' examples, the valid vectors, and what the
//! code itself writes and reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;
use sreg_model::canonical;
use sreg_model::document::Body;
use sreg_model::head::Head;
use sreg_model::lock::Lock;
use sreg_model::manifest::Manifest;
use sreg_model::node::{Entry, MapName, NamespaceEntry, Node, Position, TagEntry};
use sreg_model::settings::Settings;
use sreg_model::statement::Statement;
use sreg_model::trust::Trust;
use sreg_model::{Arch, Digest, Document, SifImage};

fn spec() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}

fn schemas() -> BTreeMap<String, Validator> {
    files(&spec().join("schema"))
        .iter()
        .map(|path| {
            let schema: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            let name = name.strip_suffix(".schema.json").unwrap().to_owned();
            (name, jsonschema::validator_for(&schema).unwrap())
        })
        .collect()
}

/// The examples of all pages: schema, text, page.
fn examples() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut pages = files(&spec());
    pages.push(spec().join("vectors/README.md"));
    for page in pages
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
    {
        let text = fs::read_to_string(page).unwrap();
        for block in text.split("\n```json ").skip(1) {
            let (schema, rest) = block.split_once('\n').unwrap();
            let (example, _) = rest.split_once("```").unwrap();
            found.push((
                schema.to_owned(),
                example.to_owned(),
                page.display().to_string(),
            ));
        }
    }
    assert!(found.len() >= 14, "only {} examples", found.len());
    found
}

fn assert_valid(validator: &Validator, text: &[u8], shown: &str) {
    let value: Value =
        serde_json::from_slice(text).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{shown}: {errors:#?}");
}

#[test]
fn every_example_fits_its_schema() {
    let schemas = schemas();
    for (schema, example, page) in examples() {
        let validator = schemas
            .get(&schema)
            .unwrap_or_else(|| panic!("{page}: no schema {schema:?}"));
        assert_valid(validator, example.as_bytes(), &page);
    }
}

fn document<T: Body>(example: &str) {
    Document::<T>::parse(example.as_bytes().to_vec()).unwrap();
}

fn leaf<E: Entry>(example: &str, map: MapName) {
    let position = Position::root(map);
    let text = format!("sreg-node-v1 leaf {position}\n{example}");
    Node::<E>::parse(text.as_bytes(), &position).unwrap();
}

#[test]
fn every_example_of_a_hashed_form_is_read_by_the_code() {
    let mut seen = 0;
    for (schema, example, _) in examples() {
        match schema.as_str() {
            "statement" => document::<Statement>(&example),
            "head" => document::<Head>(&example),
            "lock" => document::<Lock>(&example),
            "trust" => document::<Trust>(&example),
            "settings" => assert_eq!(
                Settings::parse(example.as_bytes()).unwrap().encode(),
                example.as_bytes()
            ),
            "canonical-json" => canonical::check(example.trim_end().as_bytes()).unwrap(),
            "tag-line" => leaf::<TagEntry>(&example, MapName::Tags("lab".parse().unwrap())),
            "namespace-line" => leaf::<NamespaceEntry>(&example, MapName::Namespaces),
            "manifest" => {
                let manifest = Manifest::parse(example.trim_end().as_bytes().to_vec()).unwrap();
                let statement = spec().join("vectors/statement/valid/present/input");
                let statement = Document::<Statement>::parse(fs::read(statement).unwrap()).unwrap();
                assert_eq!(Some(manifest), statement.body().manifest());
            }
            _ => continue,
        }
        seen += 1;
    }
    assert!(seen >= 7, "only {seen}");
}

/// The nodes that the pages show as text hash to the ids by which the pages name them.
#[test]
fn the_nodes_of_the_index_page_hash_to_their_ids() {
    let page = fs::read_to_string(spec().join("index.md")).unwrap();
    let mut seen = 0;
    for block in page.split("\n```text\nsreg-node-v1 leaf ").skip(1) {
        let (rest, _) = block.split_once("```").unwrap();
        let id = Digest::of(format!("sreg-node-v1 leaf {rest}").as_bytes());
        assert!(page.contains(&id.hex()), "{id} is not on the page");
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// The bytes that the page on image files shows are an image.
#[test]
fn the_smallest_sif_is_one() {
    let page = fs::read_to_string(spec().join("sif.md")).unwrap();
    let (_, block) = page.split_once("```text\n000  ").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let bytes: Vec<u8> = block
        .lines()
        .flat_map(|line| {
            let line = line
                .split_once("  ")
                .map_or(line, |(front, rest)| match front.len() {
                    3 => rest,
                    _ => line,
                });
            let digits = line.get(..47).unwrap();
            digits
                .split(' ')
                .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                .collect::<Vec<u8>>()
        })
        .collect();
    assert_eq!(bytes.len(), 128);
    let image = SifImage::from_bytes(&bytes).unwrap();
    assert_eq!(image.arch(), Arch::Amd64);
    assert!(image.objects().is_empty());
}

/// The folders of the valid vectors of an area.
fn valid(area: &str) -> Vec<PathBuf> {
    files(&spec().join("vectors").join(area).join("valid"))
}

#[test]
fn valid_vectors_fit_the_schemas() {
    let schemas = schemas();
    for area in ["canonical-json", "statement", "head", "settings", "lock"] {
        for folder in valid(area) {
            let input = fs::read(folder.join("input")).unwrap();
            assert_valid(&schemas[area], &input, &folder.display().to_string());
        }
    }
    // Manifests of others are wider than what is written here.
    for folder in valid("manifest") {
        let fields: Value =
            serde_json::from_slice(&fs::read(folder.join("vector.json")).unwrap()).unwrap();
        if fields.get("image").is_some() {
            let input = fs::read(folder.join("input")).unwrap();
            assert_valid(&schemas["manifest"], &input, &folder.display().to_string());
        }
    }
    for folder in valid("node") {
        let input = String::from_utf8(fs::read(folder.join("input")).unwrap()).unwrap();
        let schema = match input.strip_prefix("sreg-node-v1 leaf ") {
            Some(rest) if rest.starts_with("ns ") => "namespace-line",
            Some(_) => "tag-line",
            None => continue,
        };
        for line in input.lines().skip(1) {
            let shown = folder.display().to_string();
            assert_valid(&schemas[schema], line.as_bytes(), &shown);
        }
    }
}

/// What the schemas can see, they refuse.
#[test]
fn schemas_refuse_wrong_fields() {
    let schemas = schemas();
    for (area, case) in [
        ("statement", "present-without-digest"),
        ("statement", "removed-without-reason"),
        ("statement", "frozen-false"),
        ("statement", "seq-1-second"),
        ("statement", "epoch-without-keys"),
        ("statement", "unknown-field"),
        ("head", "registry-alone"),
        ("head", "second-without-previous"),
        ("head", "first-with-previous"),
        ("head", "epoch-without-keys"),
        ("head", "later-without-previous"),
        ("lock", "no-id"),
        ("lock", "trust-version-0"),
        ("settings", "unknown-field"),
        ("settings", "slash-at-end"),
        ("settings", "no-host"),
    ] {
        let path = spec().join("vectors").join(area).join("invalid").join(case);
        let input = fs::read(path.join("input")).unwrap();
        let value: Value = serde_json::from_slice(&input).unwrap();
        assert!(!schemas[area].is_valid(&value), "{area}/{case}");
    }
}
