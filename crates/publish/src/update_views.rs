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
use sreg_registry::derive::{present_tags, read, repository, stored, views_of_tag};
use sreg_registry::heads::{self, HeadCursor};
use sreg_registry::journal::Version;
use sreg_registry::{Registry, RegistryError};
use sreg_views::{
    View, host, nothing_beside, registry_views, repository_places, repository_views, tag_places,
};

use crate::writer::Writer;

/// What a change of the index touches.
#[derive(Debug, Default)]
struct Touched {
    repositories: BTreeSet<Repository>,
    /// With the architectures that each has had an image for: the line of one that is gone stays.
    tags: BTreeMap<(Repository, Tag), BTreeSet<Arch>>,
}

/// What views show before they are brought to another head.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ViewsAt<'a> {
    /// Nothing known.
    Nothing,
    /// This head.
    Of(&'a Head),
    /// At best this head, and perhaps others: a new epoch has left it behind, or the settings are others.
    AtMost(&'a Head),
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

/// Brings all views to the head of `line`.
pub(crate) fn update_views(
    writer: &dyn Writer,
    shown: ViewsAt<'_>,
    line: HeadCursor<'_>,
    observer: &dyn Observer,
) -> Result<(), RegistryError> {
    let registry = writer.registry();
    let head = line.head.body();
    let mut touched = Touched::default();
    let before = match shown {
        ViewsAt::Of(from) => since(registry, line, from)?,
        ViewsAt::Nothing | ViewsAt::AtMost(_) => None,
    };
    let mut all = before.is_none();
    // From the newest back, each with the one before it.
    let mut to = head;
    for from in before
        .iter()
        .flatten()
        .map(Document::body)
        .chain(shown.head())
    {
        match touched.add(registry, Some(from), to) {
            // What they show cannot be read: a thief's head that a new epoch leaves behind, say.
            Err(RegistryError::Map { .. }) => all = true,
            added => added?,
        }
        to = from;
    }
    if all {
        touched.add(registry, None, head)?;
        writer.put_views(line, &registry_views(registry.settings()))?;
    }
    let index = registry.index(head);
    let (lists, mut gone) = lists_of(writer, line, &touched.repositories)?;
    if all {
        gone.extend(files_of_other_hosts(registry)?);
    }
    let gone_tags = touched
        .tags
        .par_iter()
        .map(|((repository, tag), archs)| {
            // The journal stays, and the next run goes on.
            if observer.is_cancelled() {
                return Err(RegistryError::Cancelled);
            }
            let views = views_of_tag(registry, index, repository, tag)?;
            writer.put_views(line, &views)?;
            let mut gone = without(tag_places(repository, tag, archs), &views);
            gone.extend(beside(registry, line, &views)?);
            Ok(gone)
        })
        .collect::<Result<Vec<_>, _>>()?;
    // What lists name is there before them, and goes after them.
    writer.put_views(line, &lists)?;
    gone.extend(gone_tags.into_iter().flatten());
    gone.iter().try_for_each(|place| writer.remove(line, place))
}

/// How far views are brought forward by what differs, in versions; after more, all are looked at.
const MOST_VERSIONS: usize = 1024;

/// The heads after `shown` and before that of `line`, the newest first: who began to show one of them and
/// was overtaken, or died, has left some of its views, also where a later version went back to what `shown`
/// has. Nothing where that is not known.
fn since(
    registry: &Registry,
    line: HeadCursor<'_>,
    shown: &Head,
) -> Result<Option<Vec<Document<Head>>>, RegistryError> {
    let mut heads: Vec<Document<Head>> = Vec::new();
    while heads.len() < MOST_VERSIONS {
        let newest = heads.last().unwrap_or(line.head).body();
        let before = match heads::before(registry, newest, line.trust_chain) {
            Ok(Some(before)) => before,
            Err(error @ RegistryError::Store(_)) => return Err(error),
            // A fault of the registry, or the first version.
            Ok(None) | Err(_) => return Ok(None),
        };
        if Version::of(before.body()) <= Version::of(shown) {
            return Ok(Some(heads));
        }
        heads.push(before);
    }
    Ok(None)
}

/// The files for hosts that the settings do not name. A file of that name with other bytes is somebody
/// else's.
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

/// What still stands where nothing may beside `views`. In a registry with keys each image has signatures, so
/// that no list of it was ever emptied.
fn beside(
    registry: &Registry,
    line: HeadCursor<'_>,
    views: &[View],
) -> Result<Vec<Place>, RegistryError> {
    let mut found = Vec::new();
    if line.trust_chain.is_some() {
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

/// Those of `places` at which none of `views` stands.
fn without(mut places: Vec<Place>, views: &[View]) -> Vec<Place> {
    places.retain(|place| views.iter().all(|view| view.place != *place));
    places
}

/// The lists of tags of repositories, and those that are gone. Configs, which the manifests of
/// tags name, are written.
fn lists_of(
    writer: &dyn Writer,
    line: HeadCursor<'_>,
    repositories: &BTreeSet<Repository>,
) -> Result<(Vec<View>, Vec<Place>), RegistryError> {
    let (mut lists, mut gone) = (Vec::new(), Vec::new());
    let index = writer.registry().index(line.head.body());
    let namespaces: BTreeSet<&Namespace> = repositories.iter().map(Repository::namespace).collect();
    for namespace in namespaces {
        let tags = present_tags(writer.registry(), index, namespace)?;
        let of_namespace = repositories
            .iter()
            .filter(|repository| repository.namespace() == namespace);
        for repository in of_namespace {
            let tags = tags.get(repository).map_or(&[][..], Vec::as_slice);
            let views = repository_views(repository, tags);
            gone.extend(without(repository_places(repository), &views));
            let (list, config): (Vec<_>, Vec<_>) =
                views.into_iter().partition(|view| view.place.is_view());
            writer.put_views(line, &config)?;
            lists.extend(list);
        }
    }
    Ok((lists, gone))
}

impl Touched {
    /// Adds where two heads differ; from nothing, all that the second has.
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
                    let lines = difference.left.iter().chain(&difference.right);
                    let tag = (repository.clone(), entry.key.tag());
                    self.tags
                        .entry(tag)
                        .or_default()
                        .extend(lines.map(|line| line.arch));
                    self.repositories.insert(repository);
                }
                Ok::<_, MapError>(())
            },
        )
        .map_err(|error| registry.map_error(error))
    }
}
