//! Writes the views that differ between two heads.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use sreg_index::diff::Difference;
use sreg_index::hasher::Observer;
use sreg_index::index::diff;
use sreg_index::map::MapError;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::{Arch, Document, Host, Namespace, Repository, Tag};
use sreg_registry::Registry;
use sreg_registry::derive::{present_tags, read, repository, stored, views_of_tag};
use sreg_registry::heads::{self, HeadCursor};
use sreg_registry::journal::Version;
use sreg_views::{
    View, host, nothing_beside, registry_views, repository_places, repository_views, tag_places,
};

use crate::error::PublishError;
use crate::writer::Writer;
use sreg_registry::RegistryError;

/// The tags and repositories that a change of the index affects.
#[derive(Debug, Default)]
struct Touched {
    repositories: BTreeSet<Repository>,
    tags: BTreeMap<(Repository, Tag), TouchedTag>,
}

/// A tag that a change of the index affects.
#[derive(Debug, Default)]
struct TouchedTag {
    /// The architectures that it has or had an image for, because removed entries remain.
    archs: BTreeSet<Arch>,
    /// Whether it had an entry before the change.
    was_there: bool,
}

/// The version that views show before an update.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ViewsAt<'a> {
    /// Unknown.
    Nothing,
    /// This head.
    Of(&'a Head),
    /// This head or an earlier one: a new epoch has dropped it, or the settings changed.
    AtMost(&'a Head),
}

/// The lists of tags of a repository.
struct Lists {
    views: Vec<View>,
    /// Whether no version that the views show so far has them.
    are_new: bool,
}

impl<'a> ViewsAt<'a> {
    pub(crate) fn of(head: Option<&'a Document<Head>>) -> Self {
        head.map_or(Self::Nothing, |head| Self::Of(head.body()))
    }

    fn head(self) -> Option<&'a Head> {
        match self {
            Self::Nothing => None,
            Self::Of(head) | Self::AtMost(head) => Some(head),
        }
    }

    pub(crate) fn at_most(head: Option<&'a Document<Head>>) -> Self {
        head.map_or(Self::Nothing, |head| Self::AtMost(head.body()))
    }
}

/// Updates all views to the head of `cursor`.
pub(crate) fn update_views(
    writer: &dyn Writer,
    views_at: ViewsAt<'_>,
    cursor: HeadCursor<'_>,
    observer: &dyn Observer,
) -> Result<(), PublishError> {
    let registry = writer.registry();
    let head = cursor.head.body();
    let mut touched = Touched::default();
    let before = match views_at {
        ViewsAt::Of(from) => since(registry, cursor, from)?,
        ViewsAt::Nothing | ViewsAt::AtMost(_) => None,
    };
    let mut all = before.is_none();
    // Only for one version it is known which views it lacks.
    let only_before = match views_at {
        ViewsAt::Of(from) if before.as_ref().is_some_and(Vec::is_empty) => Some(from),
        _ => None,
    };
    // From the newest back, each compared with the one before it.
    let mut to = head;
    for from in before
        .iter()
        .flatten()
        .map(Document::body)
        .chain(views_at.head())
    {
        match touched.add(registry, Some(from), to) {
            // Their version cannot be read, such as a thief's head that a new epoch drops.
            Err(RegistryError::Map { .. }) => all = true,
            added => added?,
        }
        to = from;
    }
    if all {
        touched.add(registry, None, head)?;
        writer.put_views(cursor, &registry_views(registry.settings()), false)?;
    }
    let index = registry.index(head);
    let only_before = only_before.filter(|_| !all);
    let (lists, mut gone) = lists_of(writer, cursor, &touched.repositories, only_before)?;
    if all {
        gone.extend(files_of_other_hosts(registry)?);
    }
    let gone_tags = touched
        .tags
        .par_iter()
        .map(|((repository, tag), touched)| {
            // The journal remains, and the next run continues.
            if observer.is_cancelled() {
                return Err(PublishError::from(RegistryError::Cancelled));
            }
            let views = views_of_tag(registry, index, repository, tag)?;
            let is_new = only_before.is_some() && !touched.was_there;
            writer.put_views(cursor, &views, is_new)?;
            let mut gone = without(tag_places(repository, tag, &touched.archs), &views);
            gone.extend(beside(registry, cursor, &views)?);
            Ok(gone)
        })
        .collect::<Result<Vec<_>, _>>()?;
    // Files named in lists are written before the lists, and removed after them.
    for lists in &lists {
        writer.put_views(cursor, &lists.views, lists.are_new)?;
    }
    gone.extend(gone_tags.into_iter().flatten());
    gone.iter()
        .try_for_each(|place| writer.remove(cursor, place))
}

/// The maximal number of versions for an update by differences; beyond it, all views are checked.
const MOST_VERSIONS: usize = 1024;

/// Returns the heads after `views_at` and before that of `cursor`, newest first; `None` if unknown. A run that was
/// overtaken or killed may have left some of their views, also if a later version returned to the content of
/// `views_at`.
fn since(
    registry: &Registry,
    cursor: HeadCursor<'_>,
    views_at: &Head,
) -> Result<Option<Vec<Document<Head>>>, RegistryError> {
    let mut heads: Vec<Document<Head>> = Vec::new();
    while heads.len() < MOST_VERSIONS {
        let newest = heads.last().unwrap_or(cursor.head).body();
        let before = match heads::before(registry, newest, cursor.trust_chain) {
            Ok(Some(before)) => before,
            Err(error @ RegistryError::Store(_)) => return Err(error),
            // A fault of the registry, or its first version.
            Ok(None) | Err(_) => return Ok(None),
        };
        if Version::of(before.body()) <= Version::of(views_at) {
            return Ok(Some(heads));
        }
        heads.push(before);
    }
    Ok(None)
}

/// Returns the files for hosts that the settings do not name. A file with other bytes is foreign.
fn files_of_other_hosts(registry: &Registry) -> Result<Vec<Place>, RegistryError> {
    let own = registry.settings().host.and_then(host::file);
    let mut gone = Vec::new();
    for view in Host::ALL.into_iter().filter_map(host::file) {
        let is_own = own.as_ref().is_some_and(|own| own.place == view.place);
        if is_own || gone.contains(&view.place) {
            continue;
        }
        match read(registry, &view.place, stored(&view).len()) {
            Ok(found) if found == *stored(&view) => gone.push(view.place),
            Err(error @ RegistryError::Store(_)) => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(gone)
}

/// Returns the places that must be empty beside `views`. In a registry with keys each image has signatures,
/// so its list was never emptied.
fn beside(
    registry: &Registry,
    cursor: HeadCursor<'_>,
    views: &[View],
) -> Result<Vec<Place>, RegistryError> {
    let mut found = Vec::new();
    if cursor.trust_chain.is_some() {
        return Ok(found);
    }
    for place in views
        .iter()
        .filter_map(|view| nothing_beside(registry.settings(), view))
    {
        match registry.size(&place) {
            Ok(_) => found.push(place),
            Err(RegistryError::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Returns the `places` without `views`.
fn without(mut places: Vec<Place>, views: &[View]) -> Vec<Place> {
    places.retain(|place| views.iter().all(|view| view.place != *place));
    places
}

/// Returns the tag lists of each repository, with whether `only_before`, the one version that views show, has
/// none of them, and the places of removed lists. Writes configs, which the manifests of tags name.
fn lists_of(
    writer: &dyn Writer,
    cursor: HeadCursor<'_>,
    repositories: &BTreeSet<Repository>,
    only_before: Option<&Head>,
) -> Result<(Vec<Lists>, Vec<Place>), PublishError> {
    let (mut lists, mut gone) = (Vec::new(), Vec::new());
    let registry = writer.registry();
    let index = registry.index(cursor.head.body());
    let namespaces: BTreeSet<&Namespace> = repositories.iter().map(Repository::namespace).collect();
    for namespace in namespaces {
        let tags = present_tags(registry, index, namespace)?;
        let before = match only_before {
            Some(before) => Some(present_tags(registry, registry.index(before), namespace)?),
            None => None,
        };
        let of_namespace = repositories
            .iter()
            .filter(|repository| repository.namespace() == namespace);
        for repository in of_namespace {
            let tags = tags.get(repository).map_or(&[][..], Vec::as_slice);
            let views = repository_views(repository, tags);
            gone.extend(without(repository_places(repository), &views));
            let (list, config): (Vec<_>, Vec<_>) = views
                .into_iter()
                .partition(|view| view.place.kind().is_view());
            let is_new = before
                .as_ref()
                .is_some_and(|tags| !tags.contains_key(repository));
            // The repository's first tag wrote them.
            if is_new || before.is_none() {
                writer.put_views(cursor, &config, is_new)?;
            }
            lists.push(Lists {
                views: list,
                are_new: is_new,
            });
        }
    }
    Ok((lists, gone))
}

impl Touched {
    /// Adds the differences between two heads; without the first, everything of the second.
    fn add(
        &mut self,
        registry: &Registry,
        from: Option<&Head>,
        to: &Head,
    ) -> Result<(), RegistryError> {
        let from = from.map(|from| registry.index(from));
        diff(
            from,
            Some(registry.index(to)),
            &mut |namespace: &Namespace, difference: Difference<TagEntry>| {
                if let Some(entry) = difference.left.first().or(difference.right.first())
                    && let Some(repository) = repository(namespace, entry)
                {
                    let entries = difference.left.iter().chain(&difference.right);
                    let tag = (repository.clone(), entry.key.tag());
                    let touched = self.tags.entry(tag).or_default();
                    touched.archs.extend(entries.map(|entry| entry.arch));
                    touched.was_there |= !difference.left.is_empty();
                    self.repositories.insert(repository);
                }
                Ok::<_, MapError>(())
            },
        )
        .map_err(|error| registry.map_error(error))
    }
}
