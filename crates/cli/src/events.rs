//! Events of the libraries on standard error: retries, fallbacks, quarantine and caches with `-v`, and the
//! access log of `sreg serve`.

use std::fmt::Write as _;

use sreg_model::redact::redact;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::output::{log_lines, printable};

/// The maximal length of a line in characters, because a server's answer may be long.
const LONGEST: usize = 1024;

/// Starts printing events, with details if `is_verbose`.
pub(crate) fn show(is_verbose: bool, is_quiet: bool) {
    let lines = Lines {
        is_verbose,
        is_quiet,
    };
    // Set by an earlier call only in tests.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines));
}

/// Writes each event as a line.
struct Lines {
    is_verbose: bool,
    is_quiet: bool,
}

impl Lines {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        match metadata.target() {
            sreg_serve::ACCESS_LOG => !self.is_quiet,
            // Other libraries may log URLs and request fields, which can contain secrets.
            target => {
                self.is_verbose && target.starts_with("sreg") && *metadata.level() <= Level::DEBUG
            }
        }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        if event.metadata().target() == sreg_serve::ACCESS_LOG {
            return log_lines(text.message.split('\n'));
        }
        let line = redact(&format!("{}{}", text.message, text.fields)).into_owned();
        let level = match *event.metadata().level() {
            Level::DEBUG => "debug",
            Level::INFO => "info",
            Level::WARN => "warn",
            _ => "error",
        };
        let line: String = printable(&line, true).chars().take(LONGEST).collect();
        log_lines([&*format!("{level}: {line}")]);
    }
}

/// Collects an event's message, then its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name => {
                // Writing to a string never fails.
                let _ = write!(self.fields, " {name}={value}");
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => {
                let _ = write!(self.message, "{value:?}");
            }
            name => {
                let _ = write!(self.fields, " {name}={value:?}");
            }
        }
    }
}
