//! The report of `sreg index` about the host of the registry.

use serde::Serialize;
use sreg_ingest::Outcome;
use sreg_model::Host;
use sreg_model::fault::Code;
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

/// Returns the report for the JSON output.
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

/// Returns the table of the clients that can pull from the host.
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
    let mut text = format!("clients that can pull from {host}:\n");
    for (client, answer) in rows {
        text.push_str(&format!("  {client:width$}  {answer}\n"));
    }
    text
}

/// Warns about images that are too large for the host.
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
            code: Code::TooLargeForHost,
            path: None,
            message: format!(
                "{subject} is {}, more than {host} allows for a file, {}",
                human_bytes(*size),
                human_bytes(most)
            ),
        });
    }
    if !outcome.too_large.is_empty() {
        output.note("to store all images on another server, add --blob-url 'https://…/{hex}.{ext}'; sreg pull, shub:// and curl can pull them there");
    }
}
