//! Reads the content of an image in another process, which may fail in any way.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Content, Limits};

/// The maximal size of the answer, in bytes: a text of the limit's size in JSON, which may encode a byte
/// as six, and space for names and notes.
const MAX_ANSWER: u64 = 8 << 20;
/// The interval at which sreg checks whether a process that has answered has ended.
const PAUSE: Duration = Duration::from_millis(2);

/// Why the process gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the reader of the image cannot start: {0}")]
    Start(#[from] io::Error),
    #[error("reading the image takes longer than {0:?}")]
    Time(Duration),
    #[error("reading the image takes more than {0} seconds of processor time")]
    Processor(u64),
    #[error(
        "reading the image takes more than {0} MiB of memory, or its folders are nested too deeply"
    )]
    Memory(u64),
    #[error("signal {0} ended the reader of the image")]
    Signal(i32),
    #[error("the reader of the image failed with exit code {0}")]
    Exit(i32),
    #[error("the reader of the image wrote more than {MAX_ANSWER} bytes")]
    TooLong,
    #[error("the reader of the image wrote malformed JSON: {0}")]
    Answer(#[from] serde_json::Error),
}

/// Runs `command` with the image on its standard input, and parses the content that it writes as JSON.
/// The process has ended when this returns.
pub(super) fn ask(
    command: &mut Command,
    image: &File,
    limits: &Limits,
) -> Result<Content, Failure> {
    let deadline = Instant::now() + limits.time;
    let late = || Failure::Time(limits.time);
    command
        .stdin(image.try_clone()?)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut reader = Reader(command.spawn()?);
    let answer = reader.answer()?;
    let answer = answer.recv_timeout(limits.time).map_err(|_| late())??;
    if answer.len() as u64 > MAX_ANSWER {
        return Err(Failure::TooLong);
    }
    let status = reader.ended(deadline)?.ok_or_else(late)?;
    if status.success() {
        Ok(serde_json::from_slice(&answer)?)
    } else {
        Err(failure(status, limits))
    }
}

/// A process that is killed on drop, and leaves no zombie.
struct Reader(Child);

impl Reader {
    /// Reads the output of the process in a thread. Nobody waits for the thread, because a child of the
    /// process may hold the pipe open.
    fn answer(&mut self) -> io::Result<mpsc::Receiver<io::Result<Vec<u8>>>> {
        let pipe = self.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            let mut answer = Vec::new();
            let read = pipe.take(MAX_ANSWER + 1).read_to_end(&mut answer);
            // Nobody receives an answer that comes too late.
            let _ = sender.send(read.map(|_| answer));
        })?;
        Ok(receiver)
    }

    /// Returns the exit status, if the process ended before `deadline`.
    fn ended(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            let status = self.0.try_wait()?;
            if status.is_some() || Instant::now() > deadline {
                return Ok(status);
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn failure(status: ExitStatus, limits: &Limits) -> Failure {
    tracing::debug!(%status, "the process that reads the content of an image has failed");
    let signal = status.signal();
    let is = |named: Signal| signal == Some(named.as_raw());
    if is(Signal::XCPU) {
        Failure::Processor(limits.processor)
    } else if is(Signal::ABORT) || is(Signal::SEGV) {
        // What an allocation that fails, or a stack that overflows, ends with.
        Failure::Memory(limits.memory >> 20)
    } else if let Some(signal) = signal {
        Failure::Signal(signal)
    } else {
        Failure::Exit(status.code().unwrap_or_default())
    }
}
