//! Where words go: the answer to standard output, everything else to standard error.
#![allow(
    clippy::print_stderr,
    reason = "this is the one place that writes to standard error"
)]

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::{ColorMode, Format, Global, ProgressMode};
use crate::problem::{Line, Problem};

/// How to speak.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    progress: ProgressMode,
    color: bool,
    quiet: bool,
    verbose: bool,
    annotations: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let config = crate::config::Config::load_quietly();
        let color = match global.color.or(config.color).unwrap_or_default() {
            ColorMode::Always => true,
            ColorMode::Never => false,
            ColorMode::Auto => io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        Self {
            format: global.format.or(config.format).unwrap_or_default(),
            progress: global.progress.or(config.progress).unwrap_or_default(),
            color,
            quiet: global.quiet,
            verbose: global.verbose,
            annotations: std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true"),
        }
    }

    /// Whether the answer is to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    pub(crate) fn wants_bar(&self) -> bool {
        match self.progress {
            ProgressMode::Bar => true,
            ProgressMode::Auto => !self.quiet && io::stderr().is_terminal(),
            ProgressMode::Plain | ProgressMode::None => false,
        }
    }

    pub(crate) fn wants_lines(&self) -> bool {
        match self.progress {
            ProgressMode::Plain => true,
            ProgressMode::Auto => !self.quiet,
            ProgressMode::Bar | ProgressMode::None => false,
        }
    }

    /// The answer as text.
    pub(crate) fn text(&self, text: &str) {
        answer(text.as_bytes());
    }

    /// The answer as JSON.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), Problem> {
        let mut bytes =
            serde_json::to_vec(value).map_err(|error| Problem::new("bug", error.to_string()))?;
        bytes.push(b'\n');
        answer(&bytes);
        Ok(())
    }

    /// Something worth knowing.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            eprintln!("{} {text}", self.paint("note:", "36"));
        }
    }

    /// Something that only the curious want to know.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose {
            eprintln!("{text}");
        }
    }

    /// Something odd.
    pub(crate) fn warning(&self, line: &Line) {
        if !self.quiet {
            eprintln!(
                "{} {}",
                self.paint(&format!("warning[{}]:", line.code), "33"),
                line.message
            );
        }
        self.annotate("warning", line);
    }

    /// How far the work is.
    pub(crate) fn progress(&self, text: &str) {
        eprintln!("{text}");
    }

    /// One thing that is wrong.
    pub(crate) fn error(&self, line: &Line) {
        eprintln!(
            "{} {}",
            self.paint(&format!("error[{}]:", line.code), "31"),
            line.message
        );
        self.annotate("error", line);
    }

    /// A failed command.
    pub(crate) fn problem(&self, problem: &Problem) {
        for line in &problem.lines {
            self.error(line);
        }
        if let Some(hint) = &problem.hint {
            eprintln!("{} {hint}", self.paint("hint:", "36"));
        }
    }

    /// In GitHub Actions a line of this form becomes an annotation.
    fn annotate(&self, level: &str, line: &Line) {
        if self.annotations {
            let escape = |text: &str| {
                text.replace('%', "%25")
                    .replace('\r', "%0D")
                    .replace('\n', "%0A")
            };
            let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
            let file = line
                .path
                .as_ref()
                .map_or(String::new(), |path| format!("file={},", property(path)));
            eprintln!(
                "::{level} {file}title={}::{}",
                line.code,
                escape(&line.message)
            );
        }
    }

    fn paint(&self, text: &str, color: &str) -> String {
        if self.color {
            format!("\x1b[1;{color}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

fn answer(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    // A reader that has gone away, as `head` does, has all that it wants.
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// A size for people: `1.5 GiB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// A moment for people and in JSON: RFC 3339 in UTC; nothing for a moment out of range.
pub(crate) fn moment(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds).ok()?;
    Some(jiff::Timestamp::from_second(seconds).ok()?.to_string())
}

/// `1 image`, `2 images`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}
