//! `sreg trust add`

use sreg_model::Document;
use sreg_model::head::Head;
use sreg_sign::policy::check_fresh;
use sreg_sign::{Purpose, Series, check_known_head};
use sreg_tree::verify::Seen;

use super::show;
use super::source::{self, Found};
use crate::args::Knowing;
use crate::args::trust::Add;
use crate::cmd::change::{self, Answer};
use crate::exit;
use crate::knowledge;
use crate::output::Output;
use crate::problem::Problem;

pub(super) fn run(args: &Add, output: &Output) -> Result<u8, Problem> {
    let found = source::read(&args.target)?;
    let Found::Registry { series, head } = &found else {
        // Says why it is none.
        found.trust()?;
        return Err(Problem::new(
            "usage",
            format!("{} is a document, not a registry", args.target),
        ));
    };
    let place = knowledge::place(&args.target);
    let registry = series.registry();
    let knowing = Knowing {
        trust: args.trust,
        lock: None,
    };
    let expected = knowledge::expected(&knowing, &place, Some(registry))?;
    let was_known = expected.is_remembered;
    check(series, head, &expected)?;
    if !output.is_json() {
        output.text(&show::summary(series.newest(), registry));
    }
    if args.trust.is_none() && !was_known {
        output.note("compare the registry's id with the one that its owner tells you, by another way than this one");
        change::confirm(&format!("Trust {registry} from now on?"), args.yes)?;
    }
    let seen = Seen {
        registry,
        trust: series.newest().clone(),
        head: (**head).clone(),
        statements: Vec::new(),
    };
    knowledge::remember(&place, &seen)?;
    if let Some(path) = &args.lock {
        let mut record = sreg_client::Record::new(registry);
        record.see_trust(series.newest());
        record.see_head(head);
        knowledge::write_lock(path, record.known())?;
    }
    if output.is_json() {
        output.json(&Answer::published(registry, series.newest().body().version))?;
    }
    output.note(&match was_known {
        true => format!("{registry} was known already"),
        false => format!("{registry} is known from now on, wherever it is served"),
    });
    Ok(exit::OK)
}

/// Holds a registry to what is known of it, and to the clock.
fn check(
    series: &Series,
    head: &Document<Head>,
    expected: &knowledge::Expected,
) -> Result<(), Problem> {
    let now = crate::clock::now();
    let trust = series.newest().body();
    check_fresh(Purpose::Trust, Some(trust.expires), now)?;
    check_fresh(Purpose::Head, head.body().expires, now)?;
    for known in &expected.known {
        series.check_known(known)?;
        check_known_head(known, head)?;
    }
    Ok(())
}
