//! What must be so at every moment, and at the end.

use std::collections::BTreeSet;

use sreg_index::hasher::{IoMode, Unobserved};
use sreg_index::map::MapError;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::statement::Subject;
use sreg_model::{Digest, Document, Namespace};
use sreg_publish::push::Pushed;
use sreg_registry::verify::{BlobCheck, Fault, Options, verify_registry};
use sreg_registry::{Registry, heads};
use sreg_sign::TrustChain;
use sreg_store::Object;

use super::NOW;
use super::keeper::Kept;
use super::world::World;

/// The ids of all heads that are published, where one of their slots is about to be replaced, and what is
/// about to be published with trust.
pub(crate) fn line_before(world: &World, key: &str, before: Option<&Object>) -> Vec<Digest> {
    if before.is_none() || !matches!(Place::parse(key), Some(Place::HeadSlot { .. })) {
        return Vec::new();
    }
    let tree = Registry::in_store(world.calm()).unwrap();
    let trust_chain = tree.trust_chain().unwrap();
    let newest = heads::newest(&tree, trust_chain.as_ref()).unwrap();
    let mut line = Vec::new();
    let mut next = newest;
    while let Some(head) = next {
        line.push(head.id());
        next = heads::before(&tree, head.body(), trust_chain.as_ref()).unwrap();
    }
    line
}

/// What is immutable is never changed, but for junk in the slot of a head.
pub(crate) fn may_be_written(
    world: &World,
    key: &str,
    before: Option<&Object>,
    bytes: &[u8],
    line: &[Digest],
) {
    let seed = world.seed;
    let place = Place::parse(key);
    let is_mutable = match &place {
        None | Some(Place::Settings | Place::Head) => true,
        Some(Place::HeadSlot { .. }) => {
            let kept = before.and_then(|before| Document::<Head>::parse(before.bytes.clone()).ok());
            kept.is_none_or(|kept| {
                let (epoch, version) = (kept.body().epoch, kept.body().version);
                let own = Place::HeadSlot { epoch, version };
                place.as_ref() != Some(&own) || !line.contains(&kept.id())
            })
        }
        Some(place) => place.kind().is_view(),
    };
    if let Some(before) = before {
        assert!(
            is_mutable || before.bytes == bytes,
            "seed {seed}: {key} is changed from {} to {}",
            String::from_utf8_lossy(&before.bytes),
            String::from_utf8_lossy(bytes)
        );
    }
    if key == "head"
        && let Some(before) = before
        && !world.is_junk(&before.bytes)
    {
        let order = |bytes: &[u8]| {
            let head: Document<Head> = Document::parse(bytes.to_vec()).unwrap();
            (head.body().epoch, head.body().version)
        };
        assert!(
            order(&before.bytes) < order(bytes),
            "seed {seed}: head falls"
        );
    }
}

/// All that the newest head reaches is there.
pub(crate) fn head_is_whole(world: &World) {
    let seed = world.seed;
    let tree = Registry::in_store(world.calm()).unwrap();
    let Ok(head) = tree.head() else {
        return;
    };
    if world.is_junk(head.bytes()) {
        return;
    }
    let walked = tree
        .index(head.body())
        .walk(&mut |_: &Namespace, entry: TagEntry| {
            let statement = tree.statement(&entry.statement).unwrap();
            if let Some(image) = statement.body().image() {
                let repository = &statement.body().subject.repository;
                for digest in [image.digest, image.chain] {
                    let key = Place::blob(repository, digest).to_string();
                    let there = world.calm().size(&key).unwrap();
                    assert!(there.is_some(), "seed {seed}: {key} is missing");
                }
            }
            Ok::<_, MapError>(())
        });
    walked.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
}

/// Every push that said so was published, in a line of versions without a gap.
///
/// A new epoch of heads leaves behind what is published while it begins: whoever begins it is told, or
/// has died.
pub(crate) fn nothing_is_lost(world: &World, said: &[(Subject, &Pushed)], kept: &Kept) {
    let seed = world.seed;
    let tree = Registry::in_store(world.calm()).unwrap();
    let trust_chain = tree.trust_chain().unwrap();
    let newest = heads::newest(&tree, trust_chain.as_ref()).unwrap().unwrap();
    let mut heads = BTreeSet::new();
    let mut next = Some(newest.clone());
    while let Some(head) = next {
        heads.insert(head.id());
        next = heads::before(&tree, head.body(), trust_chain.as_ref())
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    for (subject, pushed) in said {
        let body = pushed.published.head.body();
        let stated = line(&tree, body, subject).unwrap().statement;
        let said = tree.statement(&stated).unwrap();
        let image = said.body().image().unwrap();
        assert_eq!(image.digest, pushed.digest, "seed {seed}: {subject}");
        let is_kept = leads_to(&tree, line(&tree, newest.body(), subject), stated);
        let is_abandoned =
            |trust_chain: &TrustChain| trust_chain.is_abandoned(body.epoch, body.version);
        if kept.began_epoch && trust_chain.as_ref().is_some_and(is_abandoned) {
            let told = kept.died || kept.left.contains(subject);
            assert!(
                is_kept || told,
                "seed {seed}: nobody was told that {subject} is left behind"
            );
            continue;
        }
        assert!(
            heads.contains(&pushed.published.head.id()),
            "seed {seed}: version {} is not in the line",
            body.version
        );
        assert!(is_kept, "seed {seed}: {subject} was lost");
    }
}

/// Whether the statements that end in that of a line have `earlier` among them.
fn leads_to(tree: &Registry, newest: Option<TagEntry>, earlier: Digest) -> bool {
    let mut next = newest.map(|line| line.statement);
    while let Some(id) = next {
        if id == earlier {
            return true;
        }
        next = tree.statement(&id).unwrap().body().previous;
    }
    false
}

fn line(tree: &Registry, head: &Head, subject: &Subject) -> Option<TagEntry> {
    let lines = tree
        .index(head)
        .look_up(&subject.repository, &subject.tag)
        .unwrap();
    let mut lines = lines.into_iter();
    lines.find(|line| line.arch == subject.arch)
}

/// Nothing is wrong with the registry, its views included; says whether one view is old for the one reason
/// that there may be (decision 0010): a writer stalled between its look and its write, while a later
/// version went back to what stood there, and then died. What it replaced is right.
pub(crate) fn all_is_whole(world: &World) -> bool {
    let overwritten: Vec<String> = faults(world)
        .into_iter()
        .filter(|fault| fault.code == "stale-view" || is_copy(fault))
        .map(|fault| fault.path)
        .collect();
    overwritten.iter().for_each(|path| world.put_back(path));
    assert_eq!(faults(world), [], "seed {}", world.seed);
    !overwritten.is_empty()
}

/// Whether a fault is of a copy in the place of a link, which is not made under a condition.
fn is_copy(fault: &Fault) -> bool {
    let place = Place::parse(&fault.path);
    fault.code == "view-mismatch" && matches!(place, Some(Place::LibraryFile(..)))
}

fn faults(world: &World) -> Vec<Fault> {
    let tree = Registry::in_store(world.calm()).unwrap();
    let options = Options {
        now: NOW,
        ..Options::new(BlobCheck::Full, IoMode::Read)
    };
    let report = verify_registry(&tree, &options, &Unobserved).unwrap();
    assert!(report.checked.views > 0);
    report.faults
}
