//! What `sreg index` says of the host that is to serve the registry.

use serde::Serialize;
use sreg_ingest::Outcome;
use sreg_model::Host;
use sreg_views::host::{clients_of, largest_file};

use crate::error::Line;
use crate::output::{Output, human_bytes};

#[derive(Serialize)]
pub(super) struct Said {
    name: Host,
    clients: Vec<Client>,
    too_large: Vec<TooLarge>,
}

#[derive(Serialize)]
struct Client {
    client: &'static str,
    pulls: bool,
    note: &'static str,
}

#[derive(Serialize)]
struct TooLarge {
    reference: String,
    arch: &'static str,
    size: u64,
}

/// As part of the JSON.
pub(super) fn said(outcome: &Outcome) -> Option<Said> {
    let name = outcome.settings.host?;
    let clients = clients_of(&outcome.settings).map(|(client, answer)| Client {
        client,
        pulls: answer.pulls,
        note: answer.note,
    });
    let too_large = outcome.too_large.iter().map(|(subject, size)| TooLarge {
        reference: format!("{}:{}", subject.repository, subject.tag),
        arch: subject.arch.as_str(),
        size: *size,
    });
    Some(Said {
        name,
        clients: clients.collect(),
        too_large: too_large.collect(),
    })
}

/// As a table: who can pull from there.
pub(super) fn table(outcome: &Outcome) -> String {
    let Some(host) = outcome.settings.host else {
        return String::new();
    };
    let plain = |text: &str| text.replace('`', "");
    let rows: Vec<(String, String)> = clients_of(&outcome.settings)
        .map(|(client, answer)| (plain(client), plain(&answer.to_string())))
        .collect();
    let width = rows.iter().map(|(client, _)| client.len()).max();
    let width = width.unwrap_or(0);
    let mut text = format!("who can pull from {host}:\n");
    for (client, answer) in rows {
        text.push_str(&format!("  {client:width$}  {answer}\n"));
    }
    text
}

/// Images that the host does not take.
pub(super) fn warn(outcome: &Outcome, output: &Output) {
    let Some((host, most)) = outcome
        .settings
        .host
        .and_then(|host| Some((host, largest_file(host)?)))
    else {
        return;
    };
    for (subject, size) in &outcome.too_large {
        output.warning(&Line {
            code: "too-large-for-host",
            path: None,
            message: format!(
                "{subject} has {}, and a file on {host} up to {}",
                human_bytes(*size),
                human_bytes(most)
            ),
        });
    }
    if !outcome.too_large.is_empty() {
        output.note("keep images where larger files may be, and say where: --blob-url 'https://…/{hex}.{ext}'; all of them then, and for clients that follow: sreg pull, shub:// and curl");
    }
}
