//! Progress on standard error: a bar on a terminal, otherwise a line every 30 seconds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressStyle;
use sreg_index::hasher::Observer;
use sreg_publish::Progress;

use crate::output::{Output, human_bytes};
use crate::stop;

/// The interval of lines without a bar.
const EVERY: Duration = Duration::from_secs(30);

/// Shows the progress of reading.
pub(crate) struct ProgressBar<'a> {
    output: &'a Output,
    verb: &'static str,
    bar: Option<indicatif::ProgressBar>,
    lines: bool,
    started: Instant,
    last: Mutex<Instant>,
    done: AtomicU64,
    total: AtomicU64,
}

impl<'a> ProgressBar<'a> {
    /// Starts the display. `verb` tells what happens to the bytes: `hashed`, `verified`.
    pub(crate) fn new(output: &'a Output, verb: &'static str) -> Self {
        let bar = output.wants_bar().then(|| {
            let style = ProgressStyle::with_template(
                "{bar:32} {bytes}/{total_bytes} {binary_bytes_per_sec} eta {eta}",
            );
            let bar = indicatif::ProgressBar::new(0);
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        let now = Instant::now();
        Self {
            output,
            verb,
            lines: bar.is_none() && output.wants_lines(),
            bar,
            started: now,
            last: Mutex::new(now),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
        }
    }

    /// Returns the seconds since the work began.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn line(&self, done: u64) {
        let total = self.total.load(Ordering::Relaxed);
        let rate = human_bytes(per_second(done, self.started.elapsed()));
        let of = if total > 0 {
            format!(" of {}", human_bytes(total))
        } else {
            String::new()
        };
        self.output.progress(&format!(
            "{} {}{of}, {rate}/s",
            self.verb,
            human_bytes(done)
        ));
    }
}

fn per_second(bytes: u64, time: Duration) -> u64 {
    let milliseconds = time.as_millis().max(1);
    u64::try_from(u128::from(bytes) * 1000 / milliseconds).unwrap_or(u64::MAX)
}

impl Observer for ProgressBar<'_> {
    fn expect(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
        }
    }

    fn advance(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.lines
            && let Ok(mut last) = self.last.try_lock()
            && last.elapsed() >= EVERY
        {
            *last = Instant::now();
            self.line(done);
        }
    }

    fn is_cancelled(&self) -> bool {
        stop::requested()
    }
}

impl Progress for ProgressBar<'_> {
    fn note(&self, text: &str) {
        self.output.note(text);
    }

    fn waiting(&self) {
        self.output
            .note("waiting for another sreg process that writes to this folder");
    }
}

impl Drop for ProgressBar<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
