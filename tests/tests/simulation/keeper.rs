//! Who holds the root key, and changes who may publish while others do.

use std::path::Path;
use std::sync::Arc;

use sreg_model::head::Head;
use sreg_model::statement::Subject;
use sreg_model::trust::Trust;
use sreg_model::trust::scope::Scope;
use sreg_model::{Digest, Document, Key};
use sreg_publish::PublishError;
use sreg_publish::change::invalidated;
use sreg_publish::{Keys, Session};
use sreg_registry::{Registry, heads};
use sreg_sign::amend::{Amendment, Grant, Term, listed};
use sreg_sign::{Purpose, Signer, TrustChain, sign};
use sreg_store::Store;

use sreg_tests::seed::Seed;

use super::world::{Client, World};
use super::{NOW, Unwatched, alone, destination};

/// The namespaces that are published to.
pub(crate) const NAMESPACES: [&str; 2] = ["lab", "library"];

/// A change of trust.
#[derive(Debug, Clone, Copy)]
enum Amend {
    /// The second key may sign heads, or may no longer.
    Admit(bool),
    /// Something that heads do not depend on.
    Delegate(u64),
    /// What stands behind the newest head is left behind.
    BeginEpoch,
}

/// The keys of a simulation: of the keeper, and of a second publisher.
pub(crate) struct KeyRing {
    first: Vec<Box<dyn Signer>>,
    second: Vec<Box<dyn Signer>>,
}

impl KeyRing {
    pub(crate) fn open(folder: &Path) -> Self {
        let open = |number| {
            let path = folder.join(format!("key-{number}"));
            vec![sreg_sign::open(&path, &mut |_| unreachable!()).unwrap()]
        };
        Self {
            first: open(1),
            second: open(2),
        }
    }

    /// The keys of a publisher: those of the keeper, which always may, or the second ones.
    pub(crate) fn of(&self, number: u64) -> Keys<'_> {
        let signers = match number % 2 {
            0 => &self.first,
            _ => &self.second,
        };
        Keys {
            signers,
            comment: None,
            nonce: [7; 16],
            may_begin: true,
            head_term: None,
            renew: false,
        }
    }

    fn second(&self) -> Key {
        self.second[0].key().clone()
    }
}

/// Makes a registry in which both keys may publish.
pub(crate) fn make(store: &Arc<dyn Store>, ring: &KeyRing) {
    let keys = ring.of(0);
    let session = session(&keys);
    session.begin(&destination(store.clone()), None).unwrap();
    let tree = Registry::in_store(store.clone()).unwrap();
    let trust_chain = tree.trust_chain().unwrap().unwrap();
    let mut amendment = amendment(&trust_chain);
    for name in NAMESPACES {
        let scope = Scope::Namespace(name.parse().unwrap());
        let both = [ring.first[0].key().clone(), ring.second()];
        let both = both.map(|key| listed(key, None));
        amendment.delegate(&scope, both, 1).unwrap();
    }
    let second = listed(ring.second(), None);
    amendment.add_key(second, &Grant::Head, None).unwrap();
    let head = heads::newest(&tree, Some(&trust_chain)).unwrap().unwrap();
    publish(&tree, store, (&trust_chain, &head), &keys, amendment).unwrap();
}

/// Changes trust some times, one after the other: the references that are left behind, as it was told.
pub(crate) fn keep(world: &Arc<World>, number: u64, seed: u64, ring: &KeyRing) -> Kept {
    let _pool = alone();
    let _leaving = world.leave_at_the_end(number);
    let mut random = Seed::of_number(seed ^ 0x6b65_6570 ^ (number << 40));
    let mut kept = Kept::default();
    let mut admitted = true;
    for _ in 0..1 + random.below(4) {
        let amend = match random.below(10) {
            0 => Amend::BeginEpoch,
            1..4 => Amend::Delegate(random.below(100)),
            _ => {
                admitted = !admitted;
                Amend::Admit(admitted)
            }
        };
        let client = Arc::new(Client::new(world.clone(), number));
        let store: Arc<dyn Store> = client.clone();
        kept.began_epoch |= matches!(amend, Amend::BeginEpoch);
        match apply(&store, ring, amend) {
            Ok(left) if !client.has_crashed() => {
                kept.changes += 1;
                kept.left.extend(left);
            }
            // What was published nevertheless it does not know.
            _ => kept.died = true,
        }
    }
    kept
}

/// What the keeper did.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// How many changes were published, as far as it was told.
    pub(crate) changes: u64,
    /// Whether a new epoch of heads may have begun.
    pub(crate) began_epoch: bool,
    /// Whether it was not told what became of a change.
    pub(crate) died: bool,
    /// What it was told is left behind.
    pub(crate) left: Vec<Subject>,
}

impl Kept {
    /// What two have done.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.changes += other.changes;
        self.began_epoch |= other.began_epoch;
        self.died |= other.died;
        self.left.extend(other.left);
        self
    }
}

fn apply(
    store: &Arc<dyn Store>,
    ring: &KeyRing,
    amend: Amend,
) -> Result<Vec<Subject>, PublishError> {
    let tree = Registry::in_store(store.clone())?;
    let trust_chain = tree.trust_chain()?.unwrap();
    let head = heads::newest(&tree, Some(&trust_chain))?.unwrap();
    let mut amendment = amendment(&trust_chain);
    match amend {
        Amend::Admit(true) => {
            let key = listed(ring.second(), None);
            // It may have been, where it was not told.
            let _ = amendment.add_key(key, &Grant::Head, None);
        }
        Amend::Admit(false) => {
            let _ = amendment.remove_key(&ring.second().fingerprint(), Some(&Grant::Head));
        }
        Amend::Delegate(number) => {
            let scope = Scope::Namespace(format!("more-{number}").parse().unwrap());
            let key = listed(ring.second(), None);
            amendment.delegate(&scope, [key], 1).unwrap();
        }
        Amend::BeginEpoch => {
            amendment.begin_epoch(head.id(), head.body().version);
        }
    }
    if amendment.is_idle() {
        return Ok(Vec::new());
    }
    publish(&tree, store, (&trust_chain, &head), &ring.of(0), amendment)
}

fn amendment(trust_chain: &TrustChain) -> Amendment {
    let term = Term {
        issued: NOW,
        expires: NOW + 1_000_000,
    };
    Amendment::of(trust_chain, term)
}

fn publish(
    tree: &Registry,
    store: &Arc<dyn Store>,
    (trust_chain, head): (&TrustChain, &Document<Head>),
    keys: &Keys<'_>,
    amendment: Amendment,
) -> Result<Vec<Subject>, PublishError> {
    let trust: Document<Trust> = Document::new(amendment.finish().unwrap()).unwrap();
    let signers = keys.signers.iter().map(AsRef::as_ref);
    let trust = sign(trust, Purpose::Trust, signers).unwrap();
    let judged = invalidated(tree, trust_chain, &trust, head)?;
    let judged: (Digest, &[Subject]) = (head.id(), &judged);
    let (_, left) = session(keys).publish_trust(&destination(store.clone()), &trust, judged)?;
    Ok(left)
}

fn session<'a>(keys: &'a Keys<'a>) -> Session<'a> {
    Session {
        keys: Some(keys),
        ..Session::new(NOW, &Unwatched)
    }
}
