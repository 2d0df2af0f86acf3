//! Who runs next: one publisher at a time, chosen by a seed.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};

use sreg_tests::seed::Seed;

/// Hands the turn from publisher to publisher.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Vec<Condvar>,
}

#[derive(Debug)]
struct State {
    random: Seed,
    /// Who takes part and waits for a turn, and how many turns of others it is stalled for.
    waiting: BTreeMap<u64, u64>,
    live: u64,
    running: Option<u64>,
}

/// The most publishers.
const MOST: usize = 8;

impl Turns {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(State {
                random: Seed::of_number(seed ^ 0x7475_726e),
                waiting: BTreeMap::new(),
                live: 0,
                running: None,
            }),
            changed: (0..MOST).map(|_| Condvar::new()).collect(),
        }
    }

    /// So many take part from now on.
    pub(crate) fn begin(&self, live: u64) {
        self.state.lock().unwrap().live = live;
    }

    /// Waits for a turn, and gives what is decided in it by chance.
    pub(crate) fn wait<T>(&self, number: u64, decide: impl FnOnce(&mut Seed) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        // Often the same goes on: a change of threads costs more than a call.
        if state.running == Some(number) && state.random.happens(600) {
            return decide(&mut state.random);
        }
        // Now and then one is stalled at this call, while others go on; at its first call, to which all
        // come in any order, nothing is decided.
        let stalled = match state.running == Some(number) && state.random.happens(30) {
            true => state.random.below(300),
            false => 0,
        };
        state.waiting.insert(number, stalled);
        if state.running == Some(number) {
            state.running = None;
        }
        self.choose(&mut state);
        while state.running != Some(number) {
            state = self.changed[usize::try_from(number).unwrap()]
                .wait(state)
                .unwrap();
        }
        decide(&mut state.random)
    }

    /// Takes no part any longer.
    pub(crate) fn leave(&self, number: u64) {
        let mut state = self.state.lock().unwrap();
        state.live -= 1;
        if state.running == Some(number) {
            state.running = None;
        }
        self.choose(&mut state);
    }

    /// Once all wait, one of them gets the turn.
    fn choose(&self, state: &mut State) {
        if state.running.is_some() || state.waiting.is_empty() {
            return;
        }
        if (state.waiting.len() as u64) < state.live {
            return;
        }
        let awake: Vec<u64> = state
            .waiting
            .iter()
            .filter(|(_, stalled)| **stalled == 0)
            .map(|(number, _)| *number)
            .collect();
        for stalled in state.waiting.values_mut() {
            *stalled = stalled.saturating_sub(1);
        }
        let among = match awake.is_empty() {
            true => state.waiting.keys().copied().collect(),
            false => awake,
        };
        let chosen = usize::try_from(state.random.below(among.len() as u64)).unwrap();
        let chosen = among[chosen];
        state.waiting.remove(&chosen);
        state.running = Some(chosen);
        self.changed[usize::try_from(chosen).unwrap()].notify_one();
    }
}
