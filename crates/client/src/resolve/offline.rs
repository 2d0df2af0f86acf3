//! Resolves references to cached images without a server, from the known registries and the cache.

use sreg_model::statement::Statement;
use sreg_model::trust::HeadBase;
use sreg_model::{Document, Reference};
use sreg_registry::verify::Seen;
use sreg_sign::{Purpose, policy};

use crate::cache::Cache;
use crate::known::KnownRegistry;
use crate::location::Location;
use crate::options::PullOptions;
use crate::resolve::arch;
use crate::resolve::error::ResolveError;
use crate::resolve::resolved::Resolved;

/// Resolves a reference to its image when the registry was last seen.
pub(super) fn resolve(
    location: &Location,
    reference: &Reference,
    options: &PullOptions<'_>,
) -> Result<Resolved, ResolveError> {
    let expected = options.pins.expect(location, None)?;
    let never_seen = || ResolveError::NeverSeen(location.root().to_owned());
    let known = expected.known().ok_or_else(never_seen)?;
    let (Some(trust), Some(head)) = (known.trust(), known.head()) else {
        return Err(never_seen());
    };
    let locked = expected.locked().and_then(|pin| pin.trust);
    if locked.is_some_and(|locked| locked.version > trust.body().version) {
        return Err(ResolveError::OlderThanLocked);
    }
    let statements = cached(known, reference, &trust.body().head_base, options);
    let valid = statements.into_iter().filter(|statement| {
        policy::check_statement(trust, statement).is_ok()
            && policy::check_fresh(Purpose::Image, statement.body().expires, options.now).is_ok()
    });
    let valid: Vec<_> = valid.collect();
    if valid.is_empty() {
        return Err(ResolveError::NotCached(Box::new(reference.clone())));
    }
    let statement = arch::select(valid, reference, options)?;
    let image = statement.body().image().cloned();
    let image = image.ok_or_else(|| ResolveError::RemovedBefore(Box::new(reference.clone())))?;
    Ok(Resolved {
        statement,
        image,
        version: head.body().version,
        registries: Vec::new(),
        seen: Some(Seen {
            registry: known.registry(),
            trust: trust.clone(),
            head: head.clone(),
            statements: Vec::new(),
        }),
        recorded_at: None,
    })
}

/// Returns the newest statements for a reference that were seen, as far as the cache has them.
fn cached(
    known: &KnownRegistry,
    reference: &Reference,
    newest: &HeadBase,
    options: &PullOptions<'_>,
) -> Vec<Document<Statement>> {
    let Some(cache) = options.cache.clone().map(Cache::new) else {
        return Vec::new();
    };
    let seen = known.statements().iter().filter(|(subject, version)| {
        subject.repository == *reference.repository()
            && reference
                .tag_or_default()
                .is_none_or(|tag| tag == subject.tag)
            && !is_left_behind(version.head, newest)
    });
    let statements = seen.filter_map(|(_, version)| cache.statement(&version.id));
    statements
        .filter(|statement| {
            let digest = statement.body().image().map(|image| image.digest);
            reference
                .digest()
                .is_none_or(|wanted| digest == Some(*wanted))
        })
        .collect()
}

/// Returns whether an epoch of heads may have dropped the head under which something was seen. For epochs
/// before the last one this is unknown, and the answer is yes.
fn is_left_behind((epoch, version): (u64, u64), newest: &HeadBase) -> bool {
    let is_kept = newest.version.is_some_and(|last| version <= last);
    epoch < newest.epoch && !(epoch + 1 == newest.epoch && is_kept)
}
