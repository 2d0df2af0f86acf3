//! What heads reach is all that a registry has.

use std::collections::HashSet;

use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::layout::{Form, Phase, Place};
use sreg_registry::reachable::reachable;
use sreg_registry::{Registry, heads};

use sreg_tests::bench::Bench;

/// What a head reaches, but for links, which are no files.
fn reached(registry: &Registry, head: &Document<Head>) -> HashSet<Place> {
    let mut reached = reachable(registry, head.body()).unwrap();
    reached.retain(|place| place.kind().form != Form::Link);
    reached
}

/// The files of a registry whose paths depend on a head's content.
fn content_and_views(bench: &Bench) -> HashSet<Place> {
    let files = bench.files();
    let files = files.keys().filter(|path| !path.starts_with("staging"));
    files
        .map(|path| Place::parse(path).unwrap())
        .filter(|place| matches!(place.kind().phase, Phase::Content | Phase::View))
        .collect()
}

#[test]
fn a_new_registry_has_what_its_head_reaches() {
    let bench = Bench::new();
    bench.image("lab/tool/1.sif", "one");
    bench.image("lab/tool/2.sif", "two");
    bench.image("other/tool/1.sif", "one");
    bench.index();
    let registry = bench.tree();
    let head = registry.head().unwrap();
    let all = reachable(&registry, head.body()).unwrap();
    let links = all.iter().filter(|place| place.kind().form == Form::Link);
    let links: Vec<_> = links.map(|link| registry.path(link)).collect();
    assert_eq!(links.len(), 3);
    assert!(links.iter().all(|link| link.is_symlink()));
    let (reached, found) = (reached(&registry, &head), content_and_views(&bench));
    let differences: Vec<_> = reached.symmetric_difference(&found).collect();
    assert!(differences.is_empty(), "{differences:?}");
}

#[test]
fn what_no_head_reaches_is_not_there() {
    let bench = Bench::new();
    bench.image("lab/tool/1.sif", "one");
    bench.image("lab/gone/1.sif", "gone");
    bench.index();
    bench.image("lab/tool/1.sif", "another one");
    bench.remove_image("lab/gone/1.sif");
    bench.index();

    let registry = bench.tree();
    let newest = registry.head().unwrap();
    let first = heads::before(&registry, newest.body(), None)
        .unwrap()
        .unwrap();
    let newest = reached(&registry, &newest);
    let first = reached(&registry, &first);
    let found = content_and_views(&bench);
    assert_eq!(
        newest.difference(&found).collect::<Vec<_>>(),
        Vec::<&Place>::new()
    );
    let of_first: HashSet<&Place> = found.difference(&newest).collect();
    assert!(of_first.iter().all(|place| first.contains(*place)));
    // The old bytes and the old index: a head that names them is still there.
    assert!(
        of_first
            .iter()
            .any(|place| matches!(place, Place::Blob(..)))
    );
    assert!(of_first.iter().any(|place| matches!(place, Place::Node(_))));
    // The statement of the image that is gone is the predecessor of its removal.
    let statements = |places: &HashSet<Place>| {
        let ids = places
            .iter()
            .filter(|place| matches!(place, Place::Statement(_)));
        ids.count()
    };
    assert_eq!((statements(&first), statements(&newest)), (2, 4));
}
