//! The commands that make the next trust version.

use sreg_model::fault::Code;
use std::path::{Path, PathBuf};

use sreg_model::head::Head;
use sreg_model::statement::Subject;
use sreg_model::trust::Trust;
use sreg_model::{Document, Fingerprint};
use sreg_publish::{PublishError, change as publish_change};
use sreg_registry::{Registry, RegistryError, heads};
use sreg_sign::amend::{Amendment, Grant, Term};
use sreg_sign::policy::PolicyError;
use sreg_sign::{Purpose, TrustChain, sign};

use crate::args::trust::{AddKey, Change, Delegate, OfKey, Place, RemoveKey, Role, Rotate};
use crate::cmd::change::{self, Answer};
use crate::error::CommandError;
use crate::keys::{self, Opened};
use crate::output::{Output, counted};
use crate::progress::ProgressBar;
use crate::{exit, files, location};

/// The registry that changes.
struct Current {
    registry: Registry,
    trust_chain: TrustChain,
    head: Document<Head>,
}

pub(super) fn add_key(args: &AddKey, output: &Output) -> Result<u8, CommandError> {
    let grant = grant(&args.place).ok_or_else(|| {
        CommandError::new(Code::Usage, "no role or scope for the key")
            .with_hint("add --role root, --role head, or --scope NAMESPACE")
    })?;
    amend(&args.change, output, |amendment, registry| {
        let key = keys::public(&args.key, registry.trust_chain.newest().body())?;
        Ok(amendment.add_key(key, &grant, args.threshold)?)
    })
}

pub(super) fn remove_key(args: &RemoveKey, output: &Output) -> Result<u8, CommandError> {
    amend(&args.change, output, |amendment, _| {
        let key = keys::fingerprint(&args.key)?;
        Ok(amendment.remove_key(&key, grant(&args.place).as_ref())?)
    })
}

pub(super) fn delegate(args: &Delegate, output: &Output) -> Result<u8, CommandError> {
    amend(&args.change, output, |amendment, registry| {
        let trust = registry.trust_chain.newest().body();
        let keys = args.to.iter().map(|key| keys::public(key, trust));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        Ok(amendment.delegate(&args.scope, keys, args.threshold)?)
    })
}

pub(super) fn retire(args: &OfKey, output: &Output) -> Result<u8, CommandError> {
    amend(&args.change, output, |amendment, _| {
        Ok(amendment.retire(&keys::fingerprint(&args.of)?)?)
    })
}

pub(super) fn revoke(args: &OfKey, output: &Output) -> Result<u8, CommandError> {
    amend(&args.change, output, |amendment, _| {
        Ok(amendment.revoke(&keys::fingerprint(&args.of)?)?)
    })
}

pub(super) fn rotate(args: &Rotate, output: &Output) -> Result<u8, CommandError> {
    if args.from.is_none() && !args.new_epoch {
        return Err(CommandError::new(Code::Usage, "no change requested")
            .with_hint("add --from KEY --to NEW.pub, --new-epoch, or both"));
    }
    amend(&args.change, output, |amendment, registry| {
        if let (Some(from), Some(to)) = (&args.from, &args.to) {
            let to = keys::public(to, registry.trust_chain.newest().body())?;
            amendment.rotate(&keys::fingerprint(from)?, to)?;
        }
        if args.new_epoch {
            let base = last_head(registry, args.after)?;
            amendment.begin_epoch(base.id(), base.body().version);
        }
        Ok(())
    })
}

/// Returns the last valid head of the current epoch.
fn last_head(registry: &Current, after: Option<u64>) -> Result<Document<Head>, CommandError> {
    let epoch = registry.trust_chain.newest().body().head_base.epoch;
    let newest = registry.head.body();
    let version = after.unwrap_or(newest.version);
    let head = match newest.epoch == epoch && version <= newest.version {
        true => registry.registry.head_slot(epoch, version)?,
        false => None,
    };
    head.ok_or_else(|| {
        CommandError::new(
            Code::MissingHead,
            format!("head {version} of epoch {epoch} not found"),
        )
        .with_hint(format!(
            "run `sreg log {}` to list the heads",
            registry.registry.root().display()
        ))
    })
}

fn grant(place: &Place) -> Option<Grant> {
    match (place.role, &place.scope) {
        (Some(Role::Root), _) => Some(Grant::Root),
        (Some(Role::Head), _) => Some(Grant::Head),
        (None, Some(scope)) => Some(Grant::Scope(scope.clone())),
        (None, None) => None,
    }
}

/// Makes the next trust version, signs it with the available keys, and publishes it if its signatures
/// suffice.
fn amend(
    args: &Change,
    output: &Output,
    change: impl FnOnce(&mut Amendment, &Current) -> Result<(), CommandError>,
) -> Result<u8, CommandError> {
    let registry = open(&args.registry)?;
    let newest = registry.trust_chain.newest();
    let now = crate::clock::stated()?;
    let lasts = newest.body().expires.saturating_sub(newest.body().issued);
    let lasts = args.trust_expires.map_or(lasts, sreg_publish::days);
    let term = Term {
        issued: now,
        expires: now.saturating_add(lasts),
    };
    let mut amendment = Amendment::of(&registry.trust_chain, term);
    change(&mut amendment, &registry)?;
    if amendment.is_idle() {
        return Err(
            CommandError::new(Code::Usage, "no change: trust already has it").with_hint(format!(
                "run `sreg refresh {} --key KEY` to renew its expiry",
                args.registry.display()
            )),
        );
    }
    let trust = Document::new(amendment.finish()?)
        .map_err(|error| CommandError::new(error.code(), sreg_registry::explain(&error)))?;
    let opened = Opened::open(&args.signing, output)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("trust-{}", trust.body().version)));
    finish(&registry, trust, &opened, &out, true, args.yes, output)
}

/// Signs a trust version with the available keys, then publishes it or writes it to `out`. A version that
/// `is_new` never replaces a file.
fn finish(
    registry: &Current,
    trust: Document<Trust>,
    opened: &Opened,
    out: &Path,
    is_new: bool,
    yes: bool,
    output: &Output,
) -> Result<u8, CommandError> {
    let root = registry.registry.root();
    let judged = publish_change::invalidated(
        &registry.registry,
        &registry.trust_chain,
        &trust,
        &registry.head,
    )?;
    let invalid = change::references(&judged);
    let trust = sign_roots(&registry.trust_chain, trust, opened)?;
    let version = trust.body().version;
    if !invalid.is_empty() && !output.is_json() {
        for reference in &invalid {
            output.text(&format!("invalid  {reference}\n"));
        }
    }
    if !invalid.is_empty() {
        output.note(&format!(
            "this change invalidates {}: check them, then run `sreg sign {} --key KEY` to re-sign the right ones",
            counted(invalid.len() as u64, "reference"),
            root.display()
        ));
    }
    let mut missing = missing(&registry.trust_chain, &trust)?;
    missing.extend(missing_head(registry, &trust, opened));
    if !missing.is_empty() {
        // A second change must not overwrite an unfinished version.
        if is_new && out.exists() {
            let (file, registry) = (out.display(), root.display());
            return Err(CommandError::new(Code::Usage, format!("{file} already exists")).with_hint(format!(
                "run `sreg trust sign {file} {registry} --key KEY` to continue, delete the file, or add --out to name another"
            )));
        }
        files::write_whole(out, trust.bytes())?;
        let text = format!(
            "{}: trust version {version}, not published yet\nmissing  {}\n",
            out.display(),
            missing.join("\nmissing  ")
        );
        let answer = Answer {
            file: Some(out.display().to_string()),
            id: trust.id(),
            invalid,
            missing,
            published: false,
            version,
        };
        change::say(&answer, &text, output)?;
        output.note(&format!(
            "a holder of a missing key can run `sreg trust sign {} {} --key KEY` to continue",
            out.display(),
            root.display()
        ));
        return Ok(exit::OK);
    }
    if !invalid.is_empty() {
        change::confirm("Publish this trust version?", yes)?;
    }
    let id = trust.id();
    let left = publish(registry, &trust, &judged, opened, output)?;
    for reference in left.iter().filter(|_| !output.is_json()) {
        output.text(&format!("invalid  {reference}\n"));
    }
    if !left.is_empty() {
        output.note(&format!(
            "{} published at the same time and dropped: ask the publisher to publish again",
            counted(left.len() as u64, "reference")
        ));
    }
    let text = format!("{}: trust version {version}\n", root.display());
    let invalid = invalid.into_iter().chain(left).collect();
    let answer = Answer {
        invalid,
        ..Answer::published(id, version)
    };
    change::say(&answer, &text, output)?;
    Ok(exit::OK)
}

/// Publishes a trust version. Returns the references that were published meanwhile and dropped.
fn publish(
    registry: &Current,
    trust: &Document<Trust>,
    judged: &[Subject],
    opened: &Opened,
    output: &Output,
) -> Result<Vec<String>, CommandError> {
    let root = registry.registry.root();
    let keys = opened.keys(false, false);
    let expected = change::expected_of(root)?;
    let begun = trust.body().head_base.epoch;
    let pins = match begun > registry.trust_chain.newest().body().head_base.epoch {
        // A new epoch drops the newest head, which may be lost or a thief's.
        true => expected.pins_without_heads(),
        false => expected.pins().to_vec(),
    };
    let progress = ProgressBar::new(output, "hashed");
    let (published, left) = change::session(&keys, &pins, &progress)?.publish_trust(
        &location::destination(root)?,
        trust,
        (registry.head.id(), judged),
    )?;
    drop(progress);
    change::remember(root, &published, output);
    Ok(change::references(&left))
}

/// Prints the trust version that awaits signatures.
fn show(trust: &Document<Trust>, output: &Output) -> Result<(), CommandError> {
    let signers = sreg_sign::policy::signers(trust, Purpose::Trust)?;
    let signers: Vec<String> = signers.iter().map(ToString::to_string).collect();
    if !output.is_json() {
        let registry = sreg_sign::policy::registry(trust);
        output.text(&super::show::summary(trust, registry));
        output.text(&format!(
            "signed   by {}\n",
            match signers.is_empty() {
                true => "nobody yet".to_owned(),
                false => signers.join(", "),
            }
        ));
    }
    Ok(())
}

/// Signs and publishes an unfinished trust version.
pub(super) fn resume(
    file: &Path,
    registry: Option<&Path>,
    opened: &Opened,
    yes: bool,
    output: &Output,
) -> Result<u8, CommandError> {
    let trust = super::source::document(file)?;
    show(&trust, output)?;
    change::confirm("Sign this trust version?", yes)?;
    let Some(registry) = registry else {
        let trust = sign(
            trust,
            Purpose::Trust,
            opened.signers().iter().map(AsRef::as_ref),
        )?;
        files::write_whole(file, trust.bytes())?;
        let answer = Answer {
            file: Some(file.display().to_string()),
            published: false,
            ..Answer::published(trust.id(), trust.body().version)
        };
        let text = format!("{}: signed\n", file.display());
        change::say(&answer, &text, output)?;
        return Ok(exit::OK);
    };
    let root = registry;
    let registry = open(root)?;
    if sreg_sign::policy::registry(&trust) != registry.trust_chain.registry() {
        let of = sreg_sign::policy::registry(&trust);
        let message = format!(
            "{} belongs to the registry {of}, {} is another registry",
            file.display(),
            root.display()
        );
        return Err(CommandError::new(Code::OtherRegistry, message));
    }
    finish(&registry, trust, opened, file, false, yes, output)
}

fn open(root: &Path) -> Result<Current, CommandError> {
    let registry = location::registry(root)?;
    let trust_chain = registry
        .trust_chain()?
        .ok_or_else(|| PublishError::NoKeys(root.to_owned()))?;
    let head = heads::newest(&registry, Some(&trust_chain))?;
    let head = head.ok_or_else(|| RegistryError::NoHead(root.to_owned()))?;
    Ok(Current {
        registry,
        trust_chain,
        head,
    })
}

/// Signs with the available keys that have the role `root`, before or after the change.
fn sign_roots(
    trust_chain: &TrustChain,
    trust: Document<Trust>,
    opened: &Opened,
) -> Result<Document<Trust>, CommandError> {
    let mut roots = trust.body().roles.root.keys.clone();
    roots.extend(&trust_chain.newest().body().roles.root.keys);
    let signers = opened.signers().iter().map(AsRef::as_ref);
    let signers = signers
        .filter(|signer: &&dyn sreg_sign::Signer| roots.contains(&signer.key().fingerprint()));
    Ok(sign(trust, Purpose::Trust, signers)?)
}

/// Describes the signatures of a head that the available keys cannot make, if the change needs a head.
fn missing_head(registry: &Current, trust: &Document<Trust>, opened: &Opened) -> Option<String> {
    let mut trust_chain = registry.trust_chain.clone();
    trust_chain.extend(trust.clone()).ok()?;
    let takes =
        publish_change::takes_from_heads(registry.trust_chain.newest().body(), trust.body());
    if !takes && trust_chain.check_newest_head(&registry.head).is_ok() {
        return None;
    }
    let role = &trust.body().roles.head;
    let at_hand = opened
        .signers()
        .iter()
        .map(|signer| signer.key().fingerprint());
    let at_hand = at_hand.filter(|key| role.keys.contains(key)).count() as u64;
    let keys: Vec<String> = role.keys.iter().map(ToString::to_string).collect();
    (at_hand < role.threshold).then(|| {
        format!(
            "{} of {} (role head, for the head of the same version)",
            role.threshold,
            keys.join(", ")
        )
    })
}

/// Describes the signatures that a version lacks.
///
/// # Errors
/// `version-conflict` if another version was published meanwhile; otherwise the reason why the version cannot
/// follow the newest one.
fn missing(trust_chain: &TrustChain, trust: &Document<Trust>) -> Result<Vec<String>, CommandError> {
    match trust_chain.clone().extend(trust.clone()) {
        Ok(()) => return Ok(Vec::new()),
        Err(PolicyError::Threshold { .. }) => {}
        Err(PolicyError::Version { found, expected }) if found < expected => {
            return Err(CommandError::new(
                Code::VersionConflict,
                format!("trust version {found} was published meanwhile"),
            )
            .with_hint("run `sreg trust show REGISTRY` to see it, then make the change again"));
        }
        Err(error) => return Err(error.into()),
    }
    let signed = sreg_sign::policy::signers(trust, Purpose::Trust)?;
    let lacking = |trust: &Trust, when: &str| {
        let role = &trust.roles.root;
        let open: Vec<&Fingerprint> = role
            .keys
            .iter()
            .filter(|key| !signed.contains(key))
            .collect();
        let there = role.keys.len() - open.len();
        let needed = role.threshold.saturating_sub(there as u64);
        let keys: Vec<String> = open.iter().map(ToString::to_string).collect();
        (needed > 0).then(|| format!("{needed} of {} (role root {when})", keys.join(", ")))
    };
    let mut missing = Vec::new();
    missing.extend(lacking(
        trust_chain.newest().body(),
        "in the current version",
    ));
    missing.extend(lacking(trust.body(), "in the new version"));
    missing.dedup_by(|left, right| left.split(" (").next() == right.split(" (").next());
    Ok(missing)
}
