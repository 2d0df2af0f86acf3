//! Publishers of one registry in a store, simulated: crashes, lost answers, stalled writers, stale
//! caches, keys that come and go, junk, in an order that a seed decides (`spec/commit.md`).
//!
//! Each publisher is a thread, of which one runs at a time, from one call of the store to the next:
//! a seed always gives the same run. `SREG_SEEDS=FIRST..END` chooses the seeds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checks;
mod keeper;
mod mender;
mod turns;
mod vandal;
mod world;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sreg_index::hasher::{IoMode, Observer};
use sreg_model::Host;
use sreg_model::statement::Subject;
use sreg_publish::PublishError;
use sreg_publish::changeset::Changeset;
use sreg_publish::push::{Push, Pushed, push};
use sreg_publish::{Destination, Keys, Progress, Session, publish_changeset};
use sreg_tests::seed::Seed;
use sreg_tests::{images, keys};

use self::keeper::{Kept, KeyRing};
use self::world::{Client, World};

/// The time that all of them state.
pub(crate) const NOW: u64 = 1_790_000_000;
/// How many images there are to push.
const IMAGES: u64 = 3;

/// Nobody watches.
pub(crate) struct Unwatched;

impl Observer for Unwatched {
    fn advance(&self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

impl Progress for Unwatched {}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("SREG_SEEDS") else {
        return 0..150;
    };
    let (first, end) = text.split_once("..").expect("SREG_SEEDS is FIRST..END");
    first.parse().unwrap()..end.parse().unwrap()
}

// spec: COM-14
// spec: COM-15
// spec: COM-16
// spec: COM-17
// spec: COM-18
// spec: COM-19
// spec: COM-23
// spec: COM-24
// spec: COM-25
#[test]
fn no_commit_is_lost_whatever_breaks() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..IMAGES {
        let image = images::simg(&format!("image {number}"), 10);
        std::fs::write(folder.path().join(format!("{number}.simg")), image).unwrap();
    }
    keys::write(folder.path(), 1);
    keys::write(folder.path(), 2);
    let seeds = seeds();
    assert!(!seeds.is_empty());
    let next = AtomicU64::new(seeds.start);
    let (counted, changed) = (AtomicU64::new(0), AtomicU64::new(0));
    let overwritten = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let (published, changes, is_overwritten) = run(seed, folder.path());
                    overwritten.fetch_add(u64::from(is_overwritten), Ordering::Relaxed);
                    counted.fetch_add(published, Ordering::Relaxed);
                    changed.fetch_add(changes, Ordering::Relaxed);
                }
            });
        }
    });
    let published = counted.into_inner();
    let runs = seeds.end - seeds.start;
    assert!(
        published > runs,
        "{runs} seeds, but only {published} pushes published"
    );
    let overwritten = overwritten.into_inner();
    assert!(
        overwritten <= 1 + runs / 500,
        "{runs} seeds, and in {overwritten} a view is old"
    );
    let changed = changed.into_inner();
    assert!(
        changed > runs / 5,
        "{runs} seeds, but only {changed} changes of trust"
    );
}

/// Runs a seed: how many pushes, and how many changes of trust, said that they were published; and whether
/// a view is old for the one reason that there may be.
fn run(seed: u64, folder: &Path) -> (u64, u64, bool) {
    let mut random = Seed::of_number(seed);
    let publishers = 2 + random.below(3);
    // Every third registry has keys.
    let ring = seed.is_multiple_of(3).then(|| KeyRing::open(folder));
    // Nobody, one, or two who do not know of each other change its trust.
    let keepers = match ring {
        Some(_) => [0, 1, 1, 2][usize::try_from(random.below(4)).unwrap()],
        None => 0,
    };
    let is_spoiled = random.happens(300);
    let is_mended = random.happens(50);
    let world = Arc::new(World::new(seed));
    match &ring {
        Some(ring) => keeper::make(&world.calm(), ring),
        None => {
            // Every other one of those without has copies in the place of links.
            world.prepare(seed.is_multiple_of(2).then_some(Host::S3));
            let store = destination(world.calm());
            publish_changeset(&store, &Session::new(NOW, &Unwatched), Changeset::default())
                .unwrap();
        }
    }
    let jobs: Vec<Vec<Job>> = (0..publishers).map(|_| jobs(&mut random)).collect();
    world.begin(publishers + keepers + u64::from(is_spoiled) + u64::from(is_mended));
    let (ends, kept) = std::thread::scope(|scope| {
        let publishers: Vec<_> = jobs
            .into_iter()
            .enumerate()
            .map(|(number, jobs)| {
                let (world, ring) = (world.clone(), ring.as_ref());
                scope.spawn(move || publish_all(&world, number as u64, jobs, folder, ring))
            })
            .collect();
        let first = publishers.len() as u64;
        let keepers: Vec<_> = (first..first + keepers)
            .filter_map(|number| Some((number, ring.as_ref()?)))
            .map(|(number, ring)| {
                let world = world.clone();
                scope.spawn(move || keeper::keep(&world, number, seed, ring))
            })
            .collect();
        let last = first + keepers.len() as u64;
        let vandal = is_spoiled.then(|| {
            let world = world.clone();
            scope.spawn(move || vandal::spoil(&world, last, seed))
        });
        let mender = is_mended.then(|| {
            let world = world.clone();
            scope.spawn(move || mender::mend(&world, last + u64::from(is_spoiled)))
        });
        let ends: Vec<Vec<(Job, Result<Pushed, PublishError>)>> = publishers
            .into_iter()
            .map(|publisher| publisher.join().unwrap_or_else(|_| panic!("seed {seed}")))
            .collect();
        let kept = keepers.into_iter().fold(Kept::default(), |kept, keeper| {
            kept.and(keeper.join().unwrap_or_else(|_| panic!("seed {seed}")))
        });
        for other in vandal.into_iter().chain(mender) {
            other.join().unwrap_or_else(|_| panic!("seed {seed}"));
        }
        (ends, kept)
    });
    world.end();
    let said: Vec<(Job, Pushed)> = ends
        .into_iter()
        .flatten()
        .filter_map(|(job, end)| Some((job, end.ok()?)))
        .collect();
    let subjects: Vec<(Subject, &Pushed)> = said
        .iter()
        .map(|(_, pushed)| (pushed.subject.clone(), pushed))
        .collect();
    // Whoever comes next finishes what was left.
    let last = Job {
        image: 0,
        name: keeper::NAMESPACES[0],
        tag: "last".to_owned(),
    };
    let keys = ring.as_ref().map(|ring| ring.of(0));
    last.push(&world.calm(), folder, keys.as_ref())
        .unwrap_or_else(|error| panic!("seed {seed}: {}", sreg_registry::explain(&error)));
    checks::nothing_is_lost(&world, &subjects, &kept);
    let is_overwritten = checks::all_is_whole(&world);
    (said.len() as u64, kept.changes, is_overwritten)
}

/// What runs in parallel runs in this thread, in order.
pub(crate) fn alone() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()
        .unwrap()
}

fn destination(store: Arc<dyn sreg_store::Store>) -> Destination {
    Destination::in_store(store)
}

/// One push.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    image: u64,
    name: &'static str,
    tag: String,
}

/// Some pushes, of which those of several publishers often meet.
fn jobs(random: &mut Seed) -> Vec<Job> {
    (0..1 + random.below(3))
        .map(|_| Job {
            image: random.below(IMAGES),
            name: keeper::NAMESPACES[usize::try_from(random.below(2)).unwrap()],
            tag: format!("1.{}", random.below(4)),
        })
        .collect()
}

fn publish_all(
    world: &Arc<World>,
    number: u64,
    jobs: Vec<Job>,
    folder: &Path,
    ring: Option<&KeyRing>,
) -> Vec<(Job, Result<Pushed, PublishError>)> {
    let keys = ring.map(|ring| ring.of(number));
    let _pool = alone();
    let _leaving = world.leave_at_the_end(number);
    let mut ends = Vec::new();
    for job in jobs {
        // After a crash the same is tried once more, by a new process.
        for _ in 0..2 {
            let client = Arc::new(Client::new(world.clone(), number));
            let end = job.push(&(client.clone() as _), folder, keys.as_ref());
            let crashed = client.has_crashed();
            assert!(!(crashed && end.is_ok()), "a dead publisher says nothing");
            ends.push((job.clone(), end));
            if !crashed {
                break;
            }
        }
    }
    ends
}

impl Job {
    fn push(
        &self,
        store: &Arc<dyn sreg_store::Store>,
        folder: &Path,
        keys: Option<&Keys<'_>>,
    ) -> Result<Pushed, PublishError> {
        push(
            &destination(store.clone()),
            &Session {
                keys,
                ..Session::new(NOW, &Unwatched)
            },
            &Push {
                image: &folder.join(format!("{}.simg", self.image)),
                repository: format!("{}/tool", self.name).parse().unwrap(),
                tag: self.tag.parse().unwrap(),
                arch: None,
                frozen: false,
                statement: None,
                io: IoMode::Read,
            },
        )
    }
}
