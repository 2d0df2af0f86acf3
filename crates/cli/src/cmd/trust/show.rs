//! `sreg trust show`

use comfy_table::{Table, presets};
use serde::Serialize;
use sreg_model::trust::{Delegation, KeyState, Role, Trust};
use sreg_model::{Digest, Document, Fingerprint};
use sreg_sign::{Purpose, policy};

use super::source::{self, Found};
use crate::args::trust::Show;
use crate::error::CommandError;
use crate::exit;
use crate::output::{Output, counted, moment};

#[derive(Serialize)]
struct Answer<'a> {
    registry: Digest,
    version: u64,
    known: bool,
    expires: Option<String>,
    head_epoch: u64,
    keys: Vec<Row>,
    roles: Roles<'a>,
    delegations: &'a [Delegation],
}

#[derive(Serialize)]
struct Roles<'a> {
    head: &'a Role,
    root: &'a Role,
}

#[derive(Serialize)]
struct Row {
    fingerprint: Fingerprint,
    algorithm: &'static str,
    comment: Option<String>,
    state: KeyState,
    /// The roles, then the scopes of the key.
    may: Vec<String>,
}

pub(super) fn run(args: &Show, output: &Output) -> Result<u8, CommandError> {
    let (found, expected) = source::read_held(&args.target, &args.knowing)?;
    let (trust, registry) = (found.trust()?, found.registry()?);
    let known = expected.pins().iter().any(|known| known.id == registry);
    let answer = answer(trust, registry, known);
    if output.is_json() {
        output.json(&answer)?;
    } else {
        output.text(&text(&answer));
    }
    if let Found::Alone(draft) = &found {
        let signers = policy::signers(draft, Purpose::Trust)?;
        let signers: Vec<String> = signers.iter().map(ToString::to_string).collect();
        output.note(&match signers.is_empty() {
            true => "this trust document is in no registry and has no signatures".to_owned(),
            false => format!(
                "this trust document is in no registry; it is signed by {}",
                signers.join(", ")
            ),
        });
    }
    if trust.body().expires <= crate::clock::now() {
        output.note(
            "trust has expired: a holder of the root keys can run `sreg refresh` to renew it",
        );
    }
    if !known {
        output.note(&format!(
            "this registry is not known yet: compare its id with the owner's, then run `sreg trust add {}`",
            args.target
        ));
    }
    Ok(exit::OK)
}

fn answer(trust: &Document<Trust>, registry: Digest, known: bool) -> Answer<'_> {
    let body = trust.body();
    Answer {
        registry,
        version: body.version,
        known,
        expires: moment(body.expires),
        head_epoch: body.head_base.epoch,
        keys: rows(body),
        roles: Roles {
            head: &body.roles.head,
            root: &body.roles.root,
        },
        delegations: &body.delegations,
    }
}

fn rows(trust: &Trust) -> Vec<Row> {
    trust
        .keys
        .iter()
        .map(|listed| {
            let fingerprint = listed.key.fingerprint();
            let mut may = Vec::new();
            if trust.roles.root.keys.contains(&fingerprint) {
                may.push("root".to_owned());
            }
            if trust.roles.head.keys.contains(&fingerprint) {
                may.push("head".to_owned());
            }
            let scopes = trust.delegations.iter();
            let scopes = scopes.filter(|delegation| delegation.keys.contains(&fingerprint));
            may.extend(scopes.map(|delegation| delegation.scope.to_string()));
            Row {
                fingerprint,
                algorithm: listed.key.algorithm().name(),
                comment: listed.comment.clone(),
                state: listed.state,
                may,
            }
        })
        .collect()
}

/// Returns which keys may sign what, as text.
pub(super) fn summary(trust: &Document<Trust>, registry: Digest) -> String {
    text(&answer(trust, registry, true))
}

fn text(answer: &Answer<'_>) -> String {
    let mut text = format!(
        "registry {}\ntrust    version {}, expires {}\n",
        answer.registry,
        answer.version,
        answer.expires.as_deref().unwrap_or("never")
    );
    let roles = [("root", answer.roles.root), ("head", answer.roles.head)];
    let thresholds = roles.map(|(name, role)| (name.to_owned(), role.threshold, &role.keys));
    let scopes = answer.delegations.iter().map(|delegation| {
        let scope = delegation.scope.to_string();
        (scope, delegation.threshold, &delegation.keys)
    });
    // Retired and revoked keys sign nothing new.
    let is_active = |key: &&Fingerprint| {
        let mut rows = answer.keys.iter();
        rows.any(|row| row.fingerprint == **key && row.state == KeyState::Active)
    };
    for (name, threshold, keys) in thresholds.into_iter().chain(scopes) {
        let active = keys.iter().filter(is_active).count();
        let others = match keys.len() - active {
            0 => String::new(),
            others => format!(", and {others} retired or revoked"),
        };
        if keys.len() > 1 {
            let active = counted(active as u64, "key");
            text.push_str(&format!("{name:8} {threshold} of {active}{others}\n"));
        }
    }
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_header(["KEY", "STATE", "COMMENT", "MAY SIGN"]);
    for row in &answer.keys {
        table.add_row([
            row.fingerprint.to_string(),
            format!("{:?}", row.state).to_lowercase(),
            row.comment.clone().unwrap_or_else(|| "-".to_owned()),
            row.may.join(", "),
        ]);
    }
    let lines = table.lines().map(|line| line.trim().to_owned() + "\n");
    text.extend(lines);
    text
}
