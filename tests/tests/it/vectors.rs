//! Every vector of `spec/vectors` of documents, names, nodes, paths, views and image files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sreg_image::{Content, Report};
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Lock;
use sreg_model::manifest::Manifest;
use sreg_model::node::{Child, Entry, MapName, NamespaceEntry, Node, Position, Prefix, TagEntry};
use sreg_model::settings::Settings;
use sreg_model::statement::{Claim, Image, Statement, Subject};
use sreg_model::trust::scope::Scope;
use sreg_model::trust::{KeyState, Trust};
use sreg_model::{
    Arch, Digest, Document, ImageFormat, Key, Reference, Repository, SifImage, Tag, canonical,
};
use sreg_sign::{Purpose, Signature, parse_all};
use sreg_views::{registry_views, repository_views, tag_views};

/// What a reader makes of an input: what it says, or the word of the error.
type Verdict = Result<Value, &'static str>;

/// Areas that other tests walk: they need more than the model.
const ELSEWHERE: &[&str] = &["digest-chain", "map", "proof", "tree"];

struct Vector {
    folder: PathBuf,
    fields: Value,
    input: Vec<u8>,
}

/// The folders inside `folder`; none is a failure.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors")
}

/// Runs `read` on every vector of an area.
fn walk(area: &str, read: impl Fn(&Vector) -> Verdict) {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for verdict in folders(&root().join(area)) {
        let valid = verdict.ends_with("valid");
        assert!(valid || verdict.ends_with("invalid"), "{verdict:?}");
        for folder in folders(&verdict) {
            let text = fs::read(folder.join("vector.json")).unwrap();
            let vector = Vector {
                fields: serde_json::from_slice(&text).unwrap(),
                input: fs::read(folder.join("input")).unwrap(),
                folder,
            };
            let key = if valid { "expect" } else { "class" };
            let expected = &vector.fields[key];
            assert!(!expected.is_null(), "{:?} has no {key}", vector.folder);
            let given = read(&vector);
            let fits = match &given {
                Ok(said) => valid && said == expected,
                Err(word) => !valid && expected == word,
            };
            if !fits {
                wrong.push(format!(
                    "{}\n  expected {expected}\n  given {given:?}",
                    vector.folder.display()
                ));
            }
            seen += 1;
        }
    }
    assert!(wrong.is_empty(), "of {seen}:\n{}", wrong.join("\n"));
}

fn text(vector: &Vector) -> &str {
    std::str::from_utf8(&vector.input).unwrap()
}

#[test]
fn every_area_is_walked() {
    let here = [
        "arch",
        "canonical-json",
        "digest",
        "head",
        "key",
        "layout",
        "lock",
        "manifest",
        "node",
        "reference",
        "settings",
        "sif",
        "signature",
        "statement",
        "trust",
        "views",
    ];
    let known: BTreeSet<&str> = here.iter().chain(ELSEWHERE).copied().collect();
    for folder in folders(&root()) {
        let area = folder.file_name().unwrap().to_str().unwrap();
        assert!(known.contains(area), "no test walks {}", folder.display());
    }
}

#[test]
fn canonical_json() {
    walk("canonical-json", |vector| {
        let value: Value = canonical::from_slice(&vector.input).map_err(|error| error.code())?;
        assert_eq!(canonical::to_vec(&value), vector.input);
        Ok(json!({ "value": value }))
    });
}

#[test]
fn reference() {
    walk("reference", |vector| {
        let reference: Reference = text(vector)
            .parse()
            .map_err(|error: sreg_model::reference::ReferenceError| error.code())?;
        assert_eq!(reference.to_string(), text(vector));
        let mut said = json!({
            "namespace": reference.repository().namespace(),
            "name": reference.repository().name(),
        });
        if let Some(tag) = reference.tag() {
            said["tag"] = json!(tag);
        }
        if let Some(tag) = reference.tag_or_default() {
            said["tag_or_default"] = json!(tag);
        }
        if let Some(digest) = reference.digest() {
            said["digest"] = json!(digest);
        }
        if vector.fields["expect"].get("folded").is_some() {
            said["folded"] = json!(reference.repository().folded());
        }
        Ok(said)
    });
}

#[test]
fn digest() {
    walk("digest", |vector| {
        let digest: Digest = text(vector)
            .parse()
            .map_err(|error: sreg_model::digest::DigestError| error.code())?;
        assert_eq!(digest.to_string(), text(vector));
        Ok(json!({ "hex": digest.hex() }))
    });
}

#[test]
fn arch() {
    walk("arch", |vector| {
        let arch: Arch = text(vector)
            .parse()
            .map_err(|error: sreg_model::arch::ArchError| error.code())?;
        let code = String::from_utf8_lossy(arch.sif_code());
        Ok(json!({ "arch": arch, "sif_code": code }))
    });
}

/// The subject and the image that a vector's `image` describes.
fn image(vector: &Vector) -> (Subject, Image) {
    fn field<T: serde::de::DeserializeOwned>(image: &Value, key: &str) -> T {
        serde_json::from_value(image[key].clone()).unwrap()
    }
    let fields = &vector.fields["image"];
    let subject = Subject {
        repository: field(fields, "name"),
        tag: field(fields, "tag"),
        arch: match &fields["arch"] {
            Value::Null => Arch::Unknown,
            arch => serde_json::from_value(arch.clone()).unwrap(),
        },
    };
    let digest = field(fields, "digest");
    let image = Image {
        digest,
        size: fields["size"].as_u64().unwrap_or(1),
        chain: digest,
        format: field::<ImageFormat>(fields, "media"),
        frozen: false,
        urls: Vec::new(),
        attached: Vec::new(),
    };
    (subject, image)
}

#[test]
fn manifest() {
    walk("manifest", |vector| {
        let manifest = Manifest::parse(vector.input.clone()).map_err(|error| error.code())?;
        assert_eq!(manifest.bytes(), vector.input);
        if vector.fields.get("image").is_some() {
            let (subject, image) = image(vector);
            let written = Manifest::of_image(
                &subject.repository,
                &subject.tag,
                image.digest,
                image.size,
                image.format,
            );
            assert_eq!(written.bytes(), vector.input, "{:?}", vector.folder);
        }
        let layers: Vec<Value> = manifest
            .layers()
            .iter()
            .map(|layer| {
                json!({
                    "mediaType": layer.media_type(),
                    "size": layer.size(),
                    "digest": layer.digest(),
                })
            })
            .collect();
        Ok(json!({ "digest": manifest.digest(), "layers": layers }))
    });
}

#[test]
fn statement() {
    walk("statement", |vector| {
        let document =
            Document::<Statement>::parse(vector.input.clone()).map_err(|error| error.code())?;
        assert_eq!(document.bytes(), vector.input);
        let written = Document::new(document.body().clone()).unwrap();
        assert_eq!(written, document);
        let statement = document.body();
        let mut said = json!({
            "id": document.id(),
            "name": statement.subject.repository,
            "tag": statement.subject.tag,
            "arch": statement.subject.arch,
            "seq": statement.seq,
            "state": match statement.claim {
                Claim::Present(_) => "present",
                Claim::Removed { .. } => "removed",
            },
        });
        if let (Some(image), Some(manifest)) = (statement.image(), statement.manifest()) {
            said["digest"] = json!(image.digest);
            said["manifest"] = json!(manifest.digest());
        }
        Ok(said)
    });
}

#[test]
fn head() {
    walk("head", |vector| {
        let document =
            Document::<Head>::parse(vector.input.clone()).map_err(|error| error.code())?;
        let written = Document::new(document.body().clone()).unwrap();
        assert_eq!(written, document);
        let head = document.body();
        Ok(json!({
            "id": document.id(),
            "epoch": head.epoch,
            "version": head.version,
            "tags": head.index.tags,
            "index": head.index.digest,
        }))
    });
}

#[test]
fn lock() {
    walk("lock", |vector| {
        let document =
            Document::<Lock>::parse(vector.input.clone()).map_err(|error| error.code())?;
        let written = Document::new(document.body().clone()).unwrap();
        assert_eq!(written, document);
        Ok(json!({ "registries": document.body().registries }))
    });
}

#[test]
fn trust() {
    walk("trust", |vector| {
        let document =
            Document::<Trust>::parse(vector.input.clone()).map_err(|error| error.code())?;
        let written = Document::new(document.body().clone()).unwrap();
        assert_eq!(written, document);
        let trust = document.body();
        let scopes: Vec<&Scope> = trust
            .delegations
            .iter()
            .map(|delegation| &delegation.scope)
            .collect();
        let states: Vec<KeyState> = trust
            .keys
            .iter()
            .map(|listed| trust.state(&listed.key.fingerprint()).unwrap())
            .collect();
        Ok(json!({
            "id": document.id(),
            "version": trust.version,
            "epoch": trust.head_base.epoch,
            "scopes": scopes,
            "states": states,
        }))
    });
}

fn position(vector: &Vector) -> Position {
    let fields = &vector.fields["position"];
    let map = match fields["map"].as_str().unwrap() {
        "ns" => MapName::Namespaces,
        map => MapName::Tags(map.strip_prefix("tags/").unwrap().parse().unwrap()),
    };
    let mut prefix = Prefix::root();
    let digits = fields["prefix"].as_str().unwrap();
    for digit in digits.chars().filter(|_| digits != "-") {
        prefix = prefix.child(u8::try_from(digit.to_digit(16).unwrap()).unwrap());
    }
    Position { map, prefix }
}

fn read_node<E: Entry>(vector: &Vector, position: &Position) -> Verdict {
    let node = Node::<E>::parse(&vector.input, position).map_err(|error| error.code())?;
    assert_eq!(node.encode(position), vector.input, "{:?}", vector.folder);
    Ok(json!({
        "id": Digest::of(&vector.input),
        "kind": match &node {
            Node::Leaf(_) => "leaf",
            Node::Branch(_) => "branch",
        },
        "count": match &node {
            Node::Leaf(entries) => entries.len() as u64,
            Node::Branch(children) => children.iter().map(|Child { count, .. }| count).sum(),
        },
    }))
}

#[test]
fn node() {
    walk("node", |vector| {
        let position = position(vector);
        match position.map {
            MapName::Namespaces => read_node::<NamespaceEntry>(vector, &position),
            MapName::Tags(_) => read_node::<TagEntry>(vector, &position),
        }
    });
}

#[test]
fn settings() {
    walk("settings", |vector| {
        let settings = Settings::parse(&vector.input).map_err(|error| error.code())?;
        assert_eq!(settings.encode(), vector.input, "{:?}", vector.folder);
        let mut said = json!({});
        if let Some(url) = &settings.base_url {
            said["base_url"] = json!(url);
        }
        if let Some(url) = &settings.blob_url {
            said["blob_url"] = json!(url);
        }
        if let Some(host) = &settings.host {
            said["host"] = json!(host);
        }
        if vector.fields.get("image").is_some() {
            let (subject, image) = image(vector);
            said["image_url"] = json!(settings.image_url(&subject, &image));
        }
        Ok(said)
    });
}

#[test]
fn sif() {
    walk("sif", |vector| {
        if vector.fields["kind"] == "sif" {
            let sif = SifImage::from_bytes(&vector.input).map_err(|error| error.code())?;
            return Ok(json!({ "arch": sif.arch() }));
        }
        let image =
            sreg_image::Image::open(&vector.folder.join("input")).map_err(|error| error.code())?;
        let mut said = json!(Report::new(&image, Content::default()));
        // The content of objects and file systems is not looked at.
        for content in [
            "apps",
            "environment",
            "help",
            "labels",
            "notes",
            "recipe",
            "runscript",
            "startscript",
            "test",
        ] {
            said.as_object_mut().unwrap().remove(content).unwrap();
        }
        Ok(said)
    });
}

#[test]
fn key() {
    walk("key", |vector| {
        let key: Key = text(vector)
            .parse()
            .map_err(|error: sreg_model::key::KeyError| error.code())?;
        sreg_sign::check_key(&key).map_err(|error| error.code())?;
        assert_eq!(key.to_string(), text(vector));
        Ok(json!({"algorithm": key.algorithm().name(), "fingerprint": key.fingerprint()}))
    });
}

#[test]
fn signature() {
    walk("signature", |vector| {
        let message = fs::read(vector.folder.join("message")).unwrap();
        let purpose = match vector.fields["purpose"].as_str().unwrap() {
            "trust" => Purpose::Trust,
            "head" => Purpose::Head,
            "image" => Purpose::Image,
            other => panic!("{other}"),
        };
        let signatures = if vector.fields["several"] == true {
            parse_all(&vector.input)
        } else {
            Signature::parse(&vector.input).map(|one| vec![one])
        };
        let signatures = signatures.map_err(|error| error.code())?;
        let mut signers = Vec::new();
        for signature in &signatures {
            let verified = signature.verify(purpose, &message);
            verified.map_err(|error| error.code())?;
            signers.push(signature.key().fingerprint());
        }
        Ok(json!({ "signers": signers }))
    });
}

#[test]
fn views() {
    walk("views", |vector| {
        let mut lines = vector.input.split_inclusive(|byte| *byte == b'\n');
        let settings = Settings::parse(lines.next().unwrap()).unwrap();
        let mut tags: BTreeMap<Repository, BTreeMap<Tag, Vec<Document<Statement>>>> =
            BTreeMap::new();
        for line in lines {
            let document = Document::<Statement>::parse(line.to_vec()).unwrap();
            let subject = document.body().subject.clone();
            let of = tags.entry(subject.repository).or_default();
            of.entry(subject.tag).or_default().push(document);
        }
        let mut views = Vec::new();
        for (repository, tags) in &tags {
            let present = |statements: &Vec<Document<Statement>>| {
                statements
                    .iter()
                    .any(|statement| statement.body().image().is_some())
            };
            let shown: Vec<Tag> = tags
                .iter()
                .filter(|(_, statements)| present(statements))
                .map(|(tag, _)| tag.clone())
                // In the other order, since the views are to sort them.
                .rev()
                .collect();
            views.extend(repository_views(repository, &shown));
            for statements in tags.values() {
                views.extend(tag_views(&settings, statements));
            }
        }
        views.extend(registry_views(&settings));
        let (mut files, mut links) = (serde_json::Map::new(), serde_json::Map::new());
        for view in views {
            let path = view.place.to_string();
            match view.content {
                sreg_views::Content::Bytes(bytes) => {
                    files.insert(path, json!(String::from_utf8(bytes).unwrap()))
                }
                sreg_views::Content::Link { to, .. } => {
                    links.insert(path, json!(view.place.link_to(&to)))
                }
            };
        }
        Ok(json!({ "files": files, "links": links }))
    });
}

#[test]
fn layout() {
    walk("layout", |vector| {
        // Whatever is not a path of the spec is somebody else's file.
        let place = Place::parse(text(vector)).ok_or("foreign-file")?;
        assert_eq!(place.to_string(), text(vector));
        let mut said = match &place {
            Place::Settings => json!({"place": "settings"}),
            Place::Head => json!({"place": "head"}),
            Place::HeadSlot { epoch, version } => {
                json!({"place": "head-slot", "epoch": epoch, "version": version})
            }
            Place::Trust(version) => json!({"place": "trust", "version": version}),
            Place::Node(digest) => json!({"place": "node", "digest": digest}),
            Place::Statement(digest) => json!({"place": "statement", "digest": digest}),
            Place::Blob(repository, digest) => {
                json!({"place": "blob", "repository": repository.to_string(), "digest": digest})
            }
            Place::Manifest(repository, digest) => {
                json!({"place": "manifest", "repository": repository.to_string(), "digest": digest})
            }
            Place::NoJekyll => json!({"place": "no-jekyll"}),
            Place::Ping => json!({"place": "ping"}),
            Place::NginxConf => json!({"place": "nginx-conf"}),
            Place::Headers => json!({"place": "headers"}),
            Place::Index(repository, digest) => {
                json!({"place": "index", "repository": repository.to_string(), "digest": digest})
            }
            Place::TagIndex(repository, tag) => {
                json!({"place": "tag-index", "repository": repository.to_string(), "tag": tag})
            }
            Place::TagManifest(repository, tag) => {
                json!({"place": "tag-manifest", "repository": repository.to_string(), "tag": tag})
            }
            Place::TagsList(repository) => {
                json!({"place": "tags-list", "repository": repository.to_string()})
            }
            Place::Referrers(repository, digest) => {
                json!({"place": "referrers", "repository": repository.to_string(), "digest": digest})
            }
            Place::ReferrersTag(repository, digest) => {
                json!({"place": "referrers-tag", "repository": repository.to_string(), "digest": digest})
            }
            Place::LibraryImage(arch, repository, tag) => {
                let (repository, tag) = (repository.to_string(), tag.to_string());
                json!({"place": "library-image", "repository": repository, "tag": tag, "arch": arch})
            }
            Place::LibraryFile(arch, repository, tag) => {
                let (repository, tag) = (repository.to_string(), tag.to_string());
                json!({"place": "library-file", "repository": repository, "tag": tag, "arch": arch})
            }
            Place::Shub(repository, tag) => {
                json!({"place": "shub", "repository": repository, "tag": tag})
            }
            Place::StaticTags(repository) => {
                json!({"place": "seed-tags", "repository": repository})
            }
            Place::StaticManifest(repository, tag) => {
                json!({"place": "seed-manifest", "repository": repository, "tag": tag})
            }
        };
        said["view"] = json!(place.kind().is_view());
        if said["arch"].is_null() {
            said.as_object_mut().unwrap().remove("arch");
        }
        Ok(said)
    });
}
