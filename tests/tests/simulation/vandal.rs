//! Who may write into the store and holds no key: junk where heads are to stand, in `head`, and in the
//! journal.

use std::sync::Arc;

use sreg_model::Digest;
use sreg_model::layout::Place;
use sreg_registry::{Registry, heads};
use sreg_store::Precondition;

use sreg_tests::seed::Seed;

use super::world::World;

/// Puts junk into the store some times.
pub(crate) fn spoil(world: &Arc<World>, number: u64, seed: u64) {
    let _leaving = world.leave_at_the_end(number);
    let mut random = Seed::of_number(seed ^ 0x7661_6e64);
    for act in 0..1 + random.below(4) {
        let waits = random.below(30);
        for _ in 0..waits {
            world.wait(number);
        }
        spoil_once(world, &mut random, act);
    }
}

fn spoil_once(world: &Arc<World>, random: &mut Seed, act: u64) {
    let tree = Registry::in_store(world.calm()).unwrap();
    // Within a turn, nobody else writes.
    let trust_chain = tree.trust_chain().unwrap();
    let Ok(Some(newest)) = heads::newest(&tree, trust_chain.as_ref()) else {
        return;
    };
    let (epoch, version) = (newest.body().epoch, newest.body().version);
    let junk = match random.below(3) {
        0 => format!("junk {act}\n").into_bytes(),
        // Documents that stand elsewhere, by those who might.
        1 => newest.bytes().to_vec(),
        _ => match tree.head_slot(epoch, 1 + random.below(version)) {
            Ok(Some(old)) => old.bytes().to_vec(),
            _ => return,
        },
    };
    let slot = |epoch, version| Place::HeadSlot { epoch, version }.to_string();
    let (key, condition) = match random.below(5) {
        0 | 1 => (slot(epoch, version + 1), Precondition::Absent),
        2 => (slot(epoch + 1, 1), Precondition::Absent),
        3 => ("head".to_owned(), Precondition::Any),
        // One who takes away what is noted of trust that is about to be published can part it from its
        // head: then it takes a new epoch.
        _ if world.has_begun_trust() => return,
        _ => ("staging/journal".to_owned(), Precondition::Any),
    };
    let junk = match key.as_str() {
        "staging/journal" if random.below(2) == 0 => format!(
            r#"{{"views_at":{{"epoch":{epoch},"id":"{}","version":{}}},"type":"sreg-journal-v1"}}"#,
            Digest::of(&junk),
            version + 1 + random.below(7)
        )
        .into_bytes(),
        _ => junk,
    };
    world.spoil(&key, &junk, &condition);
}
