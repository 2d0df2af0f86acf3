//! Derives from an index: entries by reference, tags, and the views that belong to them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::{fs, io};

use sreg_files::{is_absent, read_capped};
use sreg_index::index::{Index, IndexChanges};
use sreg_index::map::{self, MapError};
use sreg_model::head::Head;
use sreg_model::layout::{Form, Place};
use sreg_model::node::{MapName, TagEntry};
use sreg_model::{Namespace, Reference, Repository, Tag};
use sreg_views::{Content, View, tag_views};

use crate::error::RegistryError;
use crate::registry::Registry;

/// All entries of an index, by namespace and key.
pub type Entries = IndexChanges;

/// Returns all entries of the index that `head` names.
///
/// # Errors
/// `Read` or `Store` if a file cannot be read; `Map` if the index is damaged.
pub fn entries(registry: &Registry, head: Option<&Head>) -> Result<Entries, RegistryError> {
    let mut entries = Entries::new();
    if let Some(head) = head {
        registry
            .index(head)
            .walk(&mut |namespace: &Namespace, entry: TagEntry| {
                let of_namespace = entries.entry(namespace.clone()).or_default();
                of_namespace
                    .entry(entry.key.as_str().to_owned())
                    .or_default()
                    .push(entry);
                Ok::<_, MapError>(())
            })
            .map_err(|error| registry.map_error(error))?;
    }
    Ok(entries)
}

impl Registry {
    /// Returns the entries of a reference, for all architectures. With a tag, reads only the nodes on the way
    /// to it; with only a digest, reads the whole namespace.
    ///
    /// # Errors
    /// `Read` or `Store` if a file cannot be read; `Map` if the index is damaged.
    pub fn entries(
        &self,
        head: &Head,
        reference: &Reference,
    ) -> Result<Vec<TagEntry>, RegistryError> {
        let (index, repository) = (self.index(head), reference.repository());
        let mut entries = match reference.tag_or_default() {
            Some(tag) => index
                .look_up(repository, &tag)
                .map_err(|error| self.map_error(error))?,
            None => entries_of_namespace(self, index, repository.namespace())?,
        };
        entries.retain(|line| {
            let digest = line.image.map(|image| image.digest);
            line.key.name() == *repository.name()
                && reference
                    .digest()
                    .is_none_or(|named| digest == Some(*named))
        });
        Ok(entries)
    }

    /// Returns the tags of a repository that have an image, in ascending order.
    ///
    /// # Errors
    /// `Read` or `Store` if a file cannot be read; `Map` if the index is damaged.
    pub fn tags(&self, head: &Head, repository: &Repository) -> Result<Vec<Tag>, RegistryError> {
        let mut tags = present_tags(self, self.index(head), repository.namespace())?;
        let mut tags = tags.remove(repository).unwrap_or_default();
        tags.sort();
        Ok(tags)
    }
}

/// Returns the content of a view in a folder: its bytes, or the text of its link.
pub fn stored(view: &View) -> Cow<'_, [u8]> {
    match &view.content {
        Content::Bytes(bytes) => Cow::Borrowed(bytes),
        Content::Link { to, .. } => Cow::Owned(view.place.link_to(to).into_bytes()),
    }
}

/// Reads the stored content of a view: at most `max_bytes + 1` of its bytes, or the text of a link for a view
/// that is a link. Returns no text if something else is stored there.
///
/// # Errors
/// `Missing` if nothing is stored there; `Read` or `Store` if it cannot be read.
pub fn read(
    registry: &Registry,
    place: &Place,
    max_bytes: usize,
) -> Result<Vec<u8>, RegistryError> {
    if place.kind().form != Form::Link {
        return registry.read(place, max_bytes);
    }
    let path = registry.path(place);
    match fs::read_link(&path) {
        Ok(target) => Ok(target.into_os_string().into_encoded_bytes()),
        Err(error) if is_absent(&error) => Err(registry.missing(place)),
        // Not a link: a file, which may be the image itself, or something else.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let read = read_capped(&path, 0).map_err(RegistryError::read(&path));
            read.map(|_| Vec::new())
        }
        Err(error) => Err(RegistryError::read(&path)(error)),
    }
}

/// Returns the views of one tag in an index.
///
/// # Errors
/// `Read` or `Store` if a file cannot be read; `Map` if the index is damaged; `Document` or `Mismatch` if a
/// statement is invalid.
pub fn views_of_tag(
    registry: &Registry,
    index: Index<'_>,
    repository: &Repository,
    tag: &Tag,
) -> Result<Vec<View>, RegistryError> {
    let entries = index
        .look_up(repository, tag)
        .map_err(|error| registry.map_error(error))?;
    let statements = entries
        .iter()
        .filter(|entry| entry.image.is_some())
        .map(|entry| registry.statement(&entry.statement))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(tag_views(registry.settings(), &statements))
}

/// Returns the repositories of a namespace, and their tags that have an image.
///
/// # Errors
/// `Read` or `Store` if a file cannot be read; `Map` if the index is damaged.
pub fn present_tags(
    registry: &Registry,
    index: Index<'_>,
    namespace: &Namespace,
) -> Result<BTreeMap<Repository, Vec<Tag>>, RegistryError> {
    let mut tags: BTreeMap<Repository, Vec<Tag>> = BTreeMap::new();
    for entry in entries_of_namespace(registry, index, namespace)? {
        if entry.image.is_some()
            && let Some(repository) = repository(namespace, &entry)
        {
            let tags = tags.entry(repository).or_default();
            let tag = entry.key.tag();
            // A key has one entry for each architecture, next to each other.
            if tags.last() != Some(&tag) {
                tags.push(tag);
            }
        }
    }
    Ok(tags)
}

/// Returns all entries of a namespace; none if the namespace does not exist.
///
/// # Errors
/// `Read` or `Store` if a file cannot be read; `Map` if the index is damaged.
pub fn entries_of_namespace(
    registry: &Registry,
    index: Index<'_>,
    namespace: &Namespace,
) -> Result<Vec<TagEntry>, RegistryError> {
    let Some(entry) = index
        .namespace(namespace)
        .map_err(|error| registry.map_error(error))?
    else {
        return Ok(Vec::new());
    };
    let root = map::MapRoot {
        id: entry.digest,
        count: entry.tags,
    };
    let mut entries = Vec::new();
    map::walk(
        registry,
        &MapName::Tags(namespace.clone()),
        root,
        &mut |entry: TagEntry| {
            entries.push(entry);
            Ok::<_, MapError>(())
        },
    )
    .map_err(|error| registry.map_error(error))?;
    Ok(entries)
}

/// Returns the repository of an entry; `None` for a reserved name, which only a broken registry has.
pub fn repository(namespace: &Namespace, entry: &TagEntry) -> Option<Repository> {
    Repository::new(namespace.clone(), entry.key.name()).ok()
}
