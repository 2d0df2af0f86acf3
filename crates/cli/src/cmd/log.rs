//! `sreg log`

use comfy_table::{Table, presets};
use serde::Serialize;
use sreg_model::head::Head;
use sreg_model::{Digest, Document};
use sreg_registry::{Registry, RegistryError, heads};
use sreg_sign::{Purpose, policy};

use crate::error::CommandError;
use crate::output::{Output, moment};
use crate::{args, exit, location};

#[derive(Serialize)]
struct Row {
    epoch: u64,
    version: u64,
    id: Digest,
    issued: Option<String>,
    expires: Option<String>,
    tags: u64,
    trust: Option<u64>,
    signers: Vec<String>,
}

pub(super) fn run(args: &args::Log, output: &Output) -> Result<u8, CommandError> {
    let registry = location::registry(&args.registry)?;
    let trust_chain = registry.trust_chain()?;
    let newest = heads::newest(&registry, trust_chain.as_ref())?;
    let mut next = Some(newest.ok_or_else(|| RegistryError::NoHead(args.registry.clone()))?);
    let mut rows = Vec::new();
    while let Some(head) = next {
        rows.push(row(&registry, &head)?);
        next = heads::before(&registry, head.body(), trust_chain.as_ref())?;
    }
    if output.is_json() {
        output.json(&rows)?;
    } else {
        output.text(&table(&rows));
    }
    Ok(exit::OK)
}

fn row(registry: &Registry, head: &Document<Head>) -> Result<Row, CommandError> {
    let body = head.body();
    let slot = sreg_model::layout::Place::HeadSlot {
        epoch: body.epoch,
        version: body.version,
    };
    let signers = policy::signers(head, Purpose::Head).map_err(|source| RegistryError::Policy {
        path: registry.path(&slot),
        source,
    })?;
    Ok(Row {
        epoch: body.epoch,
        version: body.version,
        id: head.id(),
        issued: moment(body.issued),
        expires: body.expires.and_then(moment),
        tags: body.index.tags,
        trust: body.trust.map(|trust| trust.version),
        signers: signers.iter().map(ToString::to_string).collect(),
    })
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "VERSION",
        "ISSUED",
        "EXPIRES",
        "ENTRIES",
        "ID",
        "SIGNED BY",
    ]);
    for row in rows {
        table.add_row([
            format!("{}/{}", row.epoch, row.version),
            row.issued.clone().unwrap_or_default(),
            row.expires.clone().unwrap_or_else(|| "-".to_owned()),
            row.tags.to_string(),
            format!("sha256:{}", &row.id.hex()[..12]),
            match row.signers.is_empty() {
                true => "-".to_owned(),
                false => row.signers.join(", "),
            },
        ]);
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim().to_owned() + "\n")
        .collect();
    lines.concat()
}
