//! Metadata of a container in the objects of a SIF, outside the squashfs.

use std::collections::BTreeMap;
use std::fs::File;

use serde::Deserialize;
use sreg_model::SifImage;
use sreg_model::sif::{ObjectType, SifDescriptor};

use super::{App, Content, Limits, Unreadable, take_labels};
use crate::open::read_up_to;

/// The fields of apptainer's `inspect-metadata.json` that [`Content`] has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inspected {
    data: InspectedData,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InspectedData {
    attributes: Attributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attributes {
    labels: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    deffile: Option<String>,
    runscript: Option<String>,
    helpfile: Option<String>,
    test: Option<String>,
    startscript: Option<String>,
    apps: BTreeMap<String, App>,
}

/// Fills parts that the squashfs does not have.
pub(super) fn fill(file: &File, sif: &SifImage, limits: &Limits, content: &mut Content) {
    if content.labels.is_empty()
        && let Some(json) = object(file, sif, limits, content, |object| {
            object.object_type() == ObjectType::Labels
        })
    {
        take_labels(&json, ObjectType::Labels.as_str(), content);
    }
    if content.recipe.is_none() {
        content.recipe = object(file, sif, limits, content, |object| {
            object.object_type() == ObjectType::Deffile
        })
        .map(|text| String::from_utf8_lossy(&text).into_owned());
    }
    if content.environment.is_empty()
        && let Some(text) = object(file, sif, limits, content, |object| {
            object.object_type() == ObjectType::EnvVar
        })
    {
        let word = ObjectType::EnvVar.as_str().to_owned();
        content
            .environment
            .insert(word, String::from_utf8_lossy(&text).into_owned());
    }
    let metadata = object(file, sif, limits, content, |object| {
        object.object_type() == ObjectType::GenericJson && object.name() == "inspect-metadata.json"
    });
    let Some(json) = metadata else { return };
    let inspected: Inspected = match serde_json::from_slice(&json) {
        Ok(inspected) => inspected,
        Err(error) => {
            content
                .notes
                .push(format!("inspect-metadata.json is not readable: {error}"));
            return;
        }
    };
    let attributes = inspected.data.attributes;
    if content.labels.is_empty() {
        content.labels = attributes.labels;
    }
    if content.environment.is_empty() {
        content.environment = attributes.environment;
    }
    content.recipe = content.recipe.take().or(attributes.deffile);
    content.runscript = content.runscript.take().or(attributes.runscript);
    content.help = content.help.take().or(attributes.helpfile);
    content.test = content.test.take().or(attributes.test);
    content.startscript = content.startscript.take().or(attributes.startscript);
    if content.apps.is_empty() {
        content.apps = attributes.apps;
    }
}

/// Returns the bytes of the first object that `wanted` selects.
fn object(
    file: &File,
    sif: &SifImage,
    limits: &Limits,
    content: &mut Content,
    wanted: impl Fn(&SifDescriptor) -> bool,
) -> Option<Vec<u8>> {
    let object = sif
        .objects()
        .iter()
        .find(|object| wanted(object) && object.size() > 0)?;
    let read = match usize::try_from(object.size()) {
        Ok(size) if object.size() <= limits.text => {
            read_up_to(file, object.offset(), size).map_err(Unreadable::Read)
        }
        _ => Err(Unreadable::TooMuchText(limits.text)),
    };
    read.map_err(|error| {
        content
            .notes
            .push(format!("object {} was left out: {error}", object.id()));
    })
    .ok()
}
