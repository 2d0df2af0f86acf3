//! Output: answers go to standard output, everything else to standard error.
#![allow(
    clippy::print_stderr,
    reason = "this is the one place that writes to standard error"
)]

mod invisible;

use sreg_model::fault::Code;
use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::Value;
use sreg_model::redact::redact;

use self::invisible::is_invisible;
use crate::args::{ColorMode, Format, Global, ProgressMode};
use crate::error::{CommandError, Line};

/// The output of a command.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    progress: ProgressMode,
    color: bool,
    quiet: bool,
    verbose: bool,
    annotations: bool,
    /// Set if standard output could not be written.
    lost: AtomicBool,
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
            lost: AtomicBool::new(false),
        }
    }

    /// Returns whether the answer must be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Returns whether to print only errors.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
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

    /// Prints the answer as text.
    pub(crate) fn text(&self, text: &str) {
        self.answer(printable(text, false).as_bytes());
    }

    /// Prints the answer as JSON.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), CommandError> {
        let failed = |error: serde_json::Error| CommandError::new(Code::Bug, error.to_string());
        let mut text = serde_json::to_string(value).map_err(failed)?;
        // Most answers contain no secrets, and keep the order of their fields.
        if matches!(redact(&text), Cow::Owned(_)) {
            let mut value: Value = serde_json::from_str(&text).map_err(failed)?;
            redact_strings(&mut value);
            text = serde_json::to_string(&value).map_err(failed)?;
        }
        text.push('\n');
        self.answer(text.as_bytes());
        Ok(())
    }

    /// Prints a note.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            say(&self.paint("note:", "36"), text);
        }
    }

    /// Prints a detail, with `--verbose`.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose {
            say("", text);
        }
    }

    /// Prints a warning.
    pub(crate) fn warning(&self, line: &Line) {
        if !self.quiet {
            say(
                &self.paint(&format!("warning[{}]:", line.code), "33"),
                &line.message,
            );
        }
        self.annotate("warning", line);
    }

    /// Prints a line of progress.
    pub(crate) fn progress(&self, text: &str) {
        say("", text);
    }

    /// Prints one message of an error.
    pub(crate) fn error(&self, line: &Line) {
        say(
            &self.paint(&format!("error[{}]:", line.code), "31"),
            &line.message,
        );
        self.annotate("error", line);
    }

    /// Prints the error of a failed command.
    pub(crate) fn problem(&self, problem: &CommandError) {
        for line in &problem.lines {
            self.error(line);
        }
        let _ = write!(io::stderr().lock(), "{}", printable(&problem.below, false));
        if let Some(hint) = &problem.hint {
            self.hint(hint);
        }
    }

    /// Prints a hint.
    pub(crate) fn hint(&self, text: &str) {
        say(&self.paint("hint:", "36"), text);
    }

    fn answer(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            // A reader that closes the pipe, as `head` does, has read enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.lost.store(true, Ordering::Relaxed)
            }
            _ => {}
        }
    }

    /// Returns whether an answer could not be written.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Prints a GitHub Actions annotation.
    fn annotate(&self, level: &str, line: &Line) {
        if self.annotations {
            let escape = |text: &str| {
                text.replace('%', "%25")
                    .replace('\r', "%0D")
                    .replace('\n', "%0A")
            };
            let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
            let path = line.path.as_deref().map(Path::new);
            let file = path
                .and_then(in_workspace)
                .map_or(String::new(), |path| format!("file={},", property(&path)));
            say(
                "",
                &format!(
                    "::{level} {file}title={}::{}",
                    line.code,
                    escape(&line.message)
                ),
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

/// Resolves links and `..` in a path, as far as it exists.
fn real(path: &Path) -> Option<PathBuf> {
    path.ancestors().find_map(|above| {
        let rest = path.strip_prefix(above).ok()?;
        Some(above.canonicalize().ok()?.join(rest))
    })
}

/// Returns a file's path for annotations: relative to the runner's workspace, otherwise the repository,
/// otherwise the current folder. `None` for a file outside of it.
fn in_workspace(path: &Path) -> Option<String> {
    let path = real(&std::path::absolute(path).ok()?)?;
    let current = std::env::current_dir().ok()?;
    let runner = std::env::var_os("GITHUB_WORKSPACE");
    let runner = runner.and_then(|folder| real(Path::new(&folder)));
    let repository = || {
        let mut above = current.ancestors();
        above
            .find(|folder| folder.join(".git").exists())
            .map(Path::to_owned)
    };
    let workspace = runner
        .filter(|folder| path.starts_with(folder))
        .or_else(repository)
        .unwrap_or_else(|| current.clone());
    let path = path.strip_prefix(workspace).ok()?;
    Some(path.display().to_string()).filter(|path| !path.is_empty())
}

/// Prints lines of a server's log in one write.
pub(crate) fn log_lines<'a>(lines: impl IntoIterator<Item = &'a str>) {
    let mut text = String::new();
    for line in lines {
        text.push_str(&printable(line, true));
        text.push('\n');
    }
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error: a trusted mark, and a text that may contain untrusted names. Ignores
/// failure, because the exit code is enough.
fn say(mark: &str, text: &str) {
    let space = if mark.is_empty() { "" } else { " " };
    let line = format!("{mark}{space}{}\n", printable(text, true));
    // One write, because other processes may share the terminal.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Removes secrets from every string of a JSON value.
fn redact_strings(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(shown) = redact(text) {
                *text = shown;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact_strings),
        Value::Object(fields) => fields.values_mut().for_each(redact_strings),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Escapes text for a terminal and removes secrets, because names come from untrusted folders and registries.
/// Escapes control characters, invisible ones and those that change the writing direction; also line ends if
/// `line`.
pub(crate) fn printable(text: &str, line: bool) -> String {
    let text = redact(text);
    let is_plain = |byte: u8| {
        byte == b' ' || byte.is_ascii_graphic() || (!line && matches!(byte, b'\n' | b'\t'))
    };
    if text.bytes().all(is_plain) {
        return text.into_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let layout = matches!(character, '\n' | '\t') && !line;
        if (character.is_control() && !layout) || is_invisible(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Formats a size: `1.5 GiB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// Formats a time as RFC 3339 in UTC; `None` if it is out of range.
pub(crate) fn moment(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds).ok()?;
    Some(jiff::Timestamp::from_second(seconds).ok()?.to_string())
}

/// Returns `one` if the count is 1, otherwise the plural.
pub(crate) fn verb(count: u64, one: &'static str, several: &'static str) -> &'static str {
    if count == 1 { one } else { several }
}

/// Formats a count: `1 image`, `2 images`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn names_of_others_cannot_steer_a_terminal() {
        let name = "a\u{1b}[31m\nb: ok\u{202e}\u{9b}é";
        let shown = printable(name, true);
        assert_eq!(shown, "a\\u{1b}[31m\\nb: ok\\u{202e}\\u{9b}é");
        assert_eq!(printable("line\n\ttab", false), "line\n\ttab");
        // Zero width, soft hyphen, byte order mark, tags, fillers of Hangul, isolates.
        for hidden in
            "\u{200b}\u{200d}\u{2060}\u{ad}\u{feff}\u{e0041}\u{3164}\u{2066}\u{61c}\u{180e}\u{2028}"
                .chars()
        {
            let shown = printable(&format!("lab{hidden}x"), false);
            assert_eq!(shown, format!("lab{}x", hidden.escape_default()));
        }
        for seen in ["Ünï 東京 🧬", "عربي", "ไทย"] {
            assert_eq!(printable(seen, true), seen);
        }
    }
}
