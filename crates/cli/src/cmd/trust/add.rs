//! `sreg trust add`

use sreg_client::known::{KnownRegistry, Question, record_in_lock_file};
use sreg_client::location::Location;
use sreg_model::fault::Code;
use sreg_registry::verify::Seen;
use sreg_sign::Purpose;
use sreg_sign::policy::check_fresh;

use super::show;
use super::source::{self, Found};
use crate::args::Knowing;
use crate::args::trust::{Add, Forget};
use crate::cmd::change::{self, Answer};
use crate::error::CommandError;
use crate::output::Output;
use crate::{exit, known};

pub(super) fn run(args: &Add, output: &Output) -> Result<u8, CommandError> {
    let knowing = Knowing {
        trust: args.trust,
        // Registries in the lock file are known, too.
        lock: args.lock.clone().filter(|lock| lock.exists()),
    };
    let (found, expected) = source::read_held(&args.target, &knowing)?;
    let Found::Registry(signed) = &found else {
        // Reports why the target is not a registry with keys.
        found.trust()?;
        return Err(CommandError::new(
            Code::Usage,
            format!("{} is a trust document, not a registry", args.target),
        ));
    };
    let (trust_chain, head) = (&signed.trust_chain, &signed.head);
    let registry = trust_chain.registry();
    let was_known = expected.known().is_some();
    let now = crate::clock::now();
    check_fresh(
        Purpose::Trust,
        Some(trust_chain.newest().body().expires),
        now,
    )?;
    check_fresh(Purpose::Head, head.body().expires, now)?;
    if !output.is_json() {
        output.text(&show::summary(trust_chain.newest(), registry));
    }
    if args.trust.is_none() && !was_known {
        let question = Question::new(registry, args.target.clone().into());
        change::confirm(&question.to_string(), args.yes).map_err(|error| match error.hint {
            // Nobody could be asked.
            Some(_) => error.with_hint("add --trust ID to state which registry you expect"),
            None => error,
        })?;
    }
    let seen = Seen {
        registry,
        trust: trust_chain.newest().clone(),
        head: head.clone(),
        statements: Vec::new(),
    };
    known::own_pins().record(&Location::new(&args.target), &seen)?;
    if let Some(path) = &args.lock {
        let mut listed = KnownRegistry::new(registry);
        listed.record_trust(trust_chain.newest());
        listed.record_head(head);
        record_in_lock_file(path, &listed, &known::registries()?)?;
    }
    if output.is_json() {
        output.json(&Answer::published(
            registry,
            trust_chain.newest().body().version,
        ))?;
    }
    output.note(&match was_known {
        true => format!("{registry} is already known"),
        false => format!("{registry} is now known, at every place that serves it"),
    });
    Ok(exit::OK)
}

/// `sreg trust forget`
pub(super) fn forget(args: &Forget, output: &Output) -> Result<u8, CommandError> {
    if !known::registries()?.forget(&args.registry)? {
        return Err(CommandError::new(
            Code::NotInTrust,
            format!("{} is not a known registry", args.registry),
        ));
    }
    if output.is_json() {
        output.json(&Answer::published(args.registry, 1))?;
    }
    output.note(&format!("{} is forgotten", args.registry));
    Ok(exit::OK)
}
