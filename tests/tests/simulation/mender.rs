//! Who repairs the registry while others publish to it.

use std::sync::Arc;

use sreg_publish::Session;
use sreg_publish::repair::repair;

use super::world::{Client, World};
use super::{NOW, Unwatched, alone, destination};

/// Repairs some times; what comes of that the end tells.
pub(crate) fn mend(world: &Arc<World>, number: u64) {
    let _pool = alone();
    let _leaving = world.leave_at_the_end(number);
    for _ in 0..2 {
        let client = Arc::new(Client::new(world.clone(), number));
        let _ = repair(&destination(client), &Session::new(NOW, &Unwatched));
    }
}
