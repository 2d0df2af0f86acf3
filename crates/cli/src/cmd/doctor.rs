//! `sreg doctor`

use sreg_model::fault::Code;
use std::path::Path;

use comfy_table::{Table, presets};
use serde::Serialize;
use sreg_client::location::is_remote;
use sreg_files::Modes;
use sreg_model::layout::Place;
use sreg_registry::{Registry, RegistryError};
use sreg_store::{
    Scheme, Store, StoreError, probe_parts, supports_conditional_writes, supports_trailing_slash,
};

use crate::error::CommandError;
use crate::output::Output;
use crate::{args, environment, exit, location};

/// The result of one check.
#[derive(Serialize)]
struct Row {
    check: &'static str,
    ok: bool,
    /// The fault word, if the check failed.
    code: Option<Code>,
    found: String,
    hint: Option<String>,
}

pub(super) fn run(args: &args::Doctor, output: &Output) -> Result<u8, CommandError> {
    let at = Path::new(&args.place);
    let store = location::store(at)?;
    let mut rows = vec![credentials(&args.place)];
    rows.push(reach(&*store));
    let reached = rows.iter().all(|row| row.ok);
    let is_bucket = Scheme::of(&args.place).is_bucket();
    if reached && (is_bucket || (args.write && store.capabilities().folder.is_some())) {
        rows.extend(writing(&*store, is_bucket));
    }
    if let Some(folder) = store.capabilities().folder.filter(|folder| folder.is_dir()) {
        rows.push(readers(folder));
    }
    match Registry::in_store(store.clone()) {
        Ok(found) if reached => {
            rows.push(registry(&found));
            rows.extend(ranges(&found));
            rows.extend(headers(&found));
        }
        Err(error) if reached => rows.push(row(
            "registry",
            Err(Wrong::new(error.code(), sreg_registry::explain(&error))),
            (is_bucket && matches!(error, RegistryError::NotARegistry(_)))
                .then(|| format!("run `sreg init {}` to create a registry", args.place)),
        )),
        _ => {}
    }
    if output.is_json() {
        output.json(&rows)?;
    } else {
        output.text(&table(&rows));
        for hint in rows.iter().filter_map(|row| row.hint.as_ref()) {
            output.hint(hint);
        }
    }
    let wrong = rows.iter().filter_map(|row| row.code);
    Ok(exit::worst(wrong.map(Code::exit)))
}

/// A failed check.
struct Wrong {
    code: Code,
    found: String,
}

impl Wrong {
    fn new(code: Code, found: impl Into<String>) -> Self {
        Self {
            code,
            found: found.into(),
        }
    }
}

fn row(check: &'static str, result: Result<String, Wrong>, hint: Option<String>) -> Row {
    match result {
        Ok(found) => Row {
            check,
            ok: true,
            code: None,
            found,
            hint: None,
        },
        Err(Wrong { code, found }) => Row {
            check,
            ok: false,
            code: Some(code),
            found,
            hint,
        },
    }
}

/// Lists the sources of credentials in the order in which they are tried, without their values.
fn credentials(name: &str) -> Row {
    if !Scheme::of(name).is_bucket() {
        let token = match std::env::var_os("SREG_TOKEN") {
            Some(_) if is_remote(name) => "SREG_TOKEN is sent to the server",
            _ => "none set; SREG_TOKEN can contain a bearer token",
        };
        return row("credentials", Ok(token.to_owned()), None);
    }
    row(
        "credentials",
        Ok(environment::credential_sources().join("; ")),
        None,
    )
}

fn failed(error: &StoreError) -> Wrong {
    Wrong::new(error.code(), sreg_registry::explain(error))
}

fn reach(store: &dyn Store) -> Row {
    let key = Place::Settings.to_string();
    let hint = match Scheme::of(store.name()).is_bucket() {
        true => {
            "check AWS_ENDPOINT_URL, AWS_REGION and the credentials; set AWS_ALLOW_HTTP=true for an http:// endpoint"
        }
        false => "check the URL, and HTTPS_PROXY if it is set",
    };
    row(
        "answers",
        match store.read(&key, 64 << 10) {
            Ok(Some(_)) => Ok("reachable; sreg.json found".to_owned()),
            Ok(None) => Ok("reachable".to_owned()),
            Err(error) => Err(failed(&error)),
        },
        Some(hint.to_owned()),
    )
}

/// Checks what publishers need. Readers need none of it.
fn writing(store: &dyn Store, is_bucket: bool) -> Vec<Row> {
    let kept = supports_conditional_writes(store);
    if let Err(StoreError::Denied { what, .. }) = &kept {
        let found = format!("read-only credentials ({what}): checks for publishers skipped");
        return vec![row("writing", Ok(found), None)];
    }
    let mut rows = vec![conditions(kept)];
    if is_bucket {
        rows.push(parts(store));
        rows.push(folders(store));
    }
    rows
}

/// Checks multipart uploads, which large objects need.
fn parts(store: &dyn Store) -> Row {
    let result = match probe_parts(store) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Ok("written in one request".to_owned()),
        Err(error) => Err(failed(&error)),
    };
    let hint = "allow multipart uploads, which sreg uses for images over 16 MiB, or use a store that supports them";
    row("large objects", result, Some(hint.to_owned()))
}

/// Checks keys that end with a slash, which clients ask for at the bucket's plain endpoint.
fn folders(store: &dyn Store) -> Row {
    let result = match supports_trailing_slash(store) {
        Ok(true) => Ok("keys that end with / are supported".to_owned()),
        Ok(false) => Ok(
            "keys that end with / are not supported: serve the bucket through a website endpoint or a CDN that serves index.html".to_owned(),
        ),
        Err(error) => Err(failed(&error)),
    };
    row("folders", result, None)
}

fn conditions(kept: Result<bool, StoreError>) -> Row {
    let result = match kept {
        Ok(true) => Ok("If-None-Match and If-Match are supported".to_owned()),
        Ok(false) => Err(Wrong {
            code: Code::UnconditionalStore,
            found: "conditions are ignored: concurrent publishing would lose data".to_owned(),
        }),
        Err(error) => Err(failed(&error)),
    };
    let hint = "use a store that supports conditional writes, or publish from one machine only";
    row("conditional writes", result, Some(hint.to_owned()))
}

fn registry(registry: &Registry) -> Row {
    let result = match registry.head() {
        Ok(head) => {
            let body = head.body();
            Ok(format!(
                "version {} of epoch {}, {} entries{}",
                body.version,
                body.epoch,
                body.index.tags,
                match body.registry {
                    Some(id) => format!(", registry {id}"),
                    None => ", without keys".to_owned(),
                }
            ))
        }
        Err(RegistryError::NoHead(_)) => Ok("no version is published yet".to_owned()),
        Err(error) => Err(Wrong::new(error.code(), sreg_registry::explain(&error))),
    };
    row("registry", result, None)
}

/// Checks whether another user, such as a web server's, can read the folder.
fn readers(folder: &Path) -> Row {
    match Modes::of(folder) {
        Ok(modes) if modes.are_public() => {
            row("readers", Ok("readable by all users".to_owned()), None)
        }
        // May be meant so.
        Ok(_) => Row {
            hint: Some(format!(
                "run `chmod -R a+rX {}` if a web server of another user serves it",
                folder.display()
            )),
            ..row(
                "readers",
                Ok("not readable by other users".to_owned()),
                None,
            )
        },
        Err(error) => row(
            "readers",
            Err(Wrong::new(Code::Unreadable, error.to_string())),
            None,
        ),
    }
}

/// Checks range requests, which parallel and resumed downloads need.
fn ranges(registry: &Registry) -> Option<Row> {
    let head = registry.head().ok()?;
    let expected = &head.bytes()[1..9];
    let mut found = Vec::new();
    let read = registry.store().read_range("head", 1..9, &mut |part| {
        found.extend_from_slice(part);
        Ok(())
    });
    let result = match read {
        Ok(()) if found == expected => Ok("range requests are supported".to_owned()),
        Ok(()) => Err(Wrong {
            code: Code::NoRanges,
            found: "the response is not the requested range".to_owned(),
        }),
        Err(StoreError::NoRanges(_)) => Err(Wrong {
            code: Code::NoRanges,
            found: "range requests are ignored: pulls are slower and cannot resume".to_owned(),
        }),
        Err(error) => Err(failed(&error)),
    };
    Some(row("ranges", result, None))
}

/// Checks content types, and that caches do not keep files that change.
fn headers(registry: &Registry) -> Vec<Row> {
    let mut rows = Vec::new();
    let Ok(head) = registry.head() else {
        return rows;
    };
    let root = Place::Node(head.body().index.digest);
    for (check, place) in [
        ("headers of head", Place::Head),
        ("headers of nodes", root),
        ("headers of sreg.json", Place::Settings),
    ] {
        let Ok(Some(found)) = registry.store().serves(&place.to_string()) else {
            continue;
        };
        let wanted = place.kind().served;
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        let text = format!(
            "content-type {}, cache-control {}",
            shown(&found.content_type),
            shown(&found.cache_control)
        );
        // An old head is valid, but hides newer versions.
        let lasting = found.cache_control.as_deref().is_some_and(|control| {
            ["immutable", "max-age"]
                .iter()
                .any(|word| control.contains(word))
                && !control.contains("max-age=0")
        });
        let is_stale = wanted.cache_control == "no-cache" && lasting;
        let encoded = found.encoding.is_some();
        let result = match (is_stale, encoded) {
            (false, false) => Ok(text),
            (true, _) => Err(Wrong {
                code: Code::WrongHeaders,
                found: format!("{text}: caches would keep an old version"),
            }),
            (_, true) => Err(Wrong {
                code: Code::WrongHeaders,
                found: format!("{text}, with content-encoding"),
            }),
        };
        let hint = format!(
            "set cache-control: {}, content-type: {}, and no content-encoding",
            wanted.cache_control, wanted.content_type
        );
        rows.push(row(check, result, Some(hint)));
    }
    rows
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for row in rows {
        let verdict = row.code.map_or("ok", Code::word);
        table.add_row([row.check, verdict, &row.found]);
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}
