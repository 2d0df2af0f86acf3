//! `sreg pull`

mod error;

use sreg_model::fault::Code;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sreg_client::destination::Destination;
use sreg_client::direct_url::DirectUrl;
use sreg_client::known::{Confirm, Question};
use sreg_client::location::Location;
use sreg_client::pull::{PullError, Pulled, pull, pull_url};
use sreg_client::resolve::{arch_of_target, resolve};
use sreg_client::{PullOptions, Version, Warning};
use sreg_ingest::source::misread;
use sreg_model::{Arch, Digest};

use super::change;
use crate::config::Config;
use crate::error::CommandError;
use crate::output::{Output, human_bytes};
use crate::progress::ProgressBar;
use crate::{args, exit, known, location, target};

#[derive(Serialize)]
struct Answer {
    reference: String,
    arch: Option<Arch>,
    digest: Digest,
    size: u64,
    file: Option<String>,
    resumed: u64,
    signers: Vec<String>,
    version: Option<u64>,
    seconds: f64,
}

pub(super) fn run(args: &args::Pull, config: &Config, output: &Output) -> Result<u8, CommandError> {
    let confirm = |question: &Question| change::confirm(&question.to_string(), false).is_ok();
    if args.offline && args.cache.is_none() {
        let what = "--offline pulls from a cache, and none is set";
        let hint = "add --cache DIR with the folder of an earlier pull, or set SREG_IMAGE_CACHE";
        return Err(CommandError::new(Code::Usage, what).with_hint(hint));
    }
    let warn = |warning: Warning| output.note(&text(warning));
    let options = options(args, &confirm, &warn);
    match DirectUrl::parse(&args.reference) {
        Some(url) => run_url(&url, args, &options, output),
        None => run_reference(args, config, &options, output),
    }
}

fn run_reference(
    args: &args::Pull,
    config: &Config,
    options: &PullOptions<'_>,
    output: &Output,
) -> Result<u8, CommandError> {
    let registry = args.within.registry(config);
    let (root, reference) = target::reference(&args.reference, registry)?;
    let resolved = resolve(&Location::new(root), &reference, options)
        .map_err(|error| error::of_resolve(error, args))?;
    let target = Target::of(args, &resolved.file_name())?;
    let is_named = args.out.as_deref().is_none_or(Path::is_dir);
    if let Some(read) =
        misread(resolved.repository(), resolved.tag()).filter(|_| is_named && !target.is_stdout())
    {
        output.note(&format!(
            "sreg index would read the name {} as {read}: choose another with -o",
            resolved.file_name()
        ));
    }
    let (pulled, seconds) = target.bring(args, output, |to, progress| {
        pull(&resolved, to, options, progress)
    })?;
    let answer = Answer {
        reference: resolved.reference(),
        arch: Some(resolved.arch()),
        digest: pulled.digest,
        size: pulled.size,
        file: target.shown(),
        resumed: pulled.resumed,
        signers: resolved.signers().iter().map(ToString::to_string).collect(),
        version: Some(resolved.version()),
        seconds,
    };
    say(&answer, &target, output)
}

fn run_url(
    url: &DirectUrl,
    args: &args::Pull,
    options: &PullOptions<'_>,
    output: &Output,
) -> Result<u8, CommandError> {
    let target = Target::of(args, &url.file_name())?;
    let (pulled, seconds) = target.bring(args, output, |to, progress| {
        pull_url(url, to, options, progress)
    })?;
    let answer = Answer {
        reference: sreg_store::shown(url.url()),
        arch: None,
        digest: pulled.digest,
        size: pulled.size,
        file: target.shown(),
        resumed: pulled.resumed,
        signers: Vec::new(),
        version: None,
        seconds,
    };
    say(&answer, &target, output)
}

fn options<'a>(
    args: &args::Pull,
    confirm: &'a dyn Confirm,
    warn: &'a dyn Fn(Warning),
) -> PullOptions<'a> {
    let judging = &args.judging;
    PullOptions {
        store: location::config(),
        machine: arch_of_target(std::env::consts::ARCH),
        arch: args.arch,
        require_signed: judging.require_signed,
        version: match (args.offline, args.locked) {
            (true, _) => Version::Offline,
            (_, true) => Version::Locked,
            _ => Version::Newest,
        },
        mirrors: args.mirrors.clone(),
        connections: args.connections,
        cache: args.cache.clone(),
        bypass_cache: args.no_cache,
        confirm,
        warn,
        ..PullOptions::new(known::pins(&judging.knowing), judging.now())
    }
}

/// Returns the text of a warning.
fn text(warning: Warning) -> String {
    match warning {
        Warning::NotRecorded(error) => {
            format!(
                "the registry's state was not recorded: {}",
                known::reason(error)
            )
        }
        warning => warning.to_string(),
    }
}

/// The destination of the image.
enum Target {
    /// A file.
    File(PathBuf),
    /// Standard output; `early` before all of the image is verified.
    Stdout { early: bool },
}

impl Target {
    /// Returns the target of the arguments; uses `name` if they name no file.
    fn of(args: &args::Pull, name: &str) -> Result<Self, CommandError> {
        let is_stdout = args.out.as_deref() == Some(Path::new("-"));
        if args.stream || is_stdout {
            if args.out.is_some() && !is_stdout {
                return Err(
                    CommandError::new(Code::Usage, "--stream writes to standard output")
                        .with_hint("remove -o or --stream"),
                );
            }
            return Ok(Self::Stdout { early: args.stream });
        }
        let path = Destination::file_for(args.out.as_deref(), name);
        Ok(Self::File(path))
    }

    /// Runs a pull to this target, and prints its warnings. Also returns the seconds that it took.
    fn bring(
        &self,
        args: &args::Pull,
        output: &Output,
        run: impl FnOnce(Destination<'_>, &ProgressBar<'_>) -> Result<Pulled, PullError>,
    ) -> Result<(Pulled, f64), CommandError> {
        let progress = ProgressBar::new(output, "pulled");
        let mut stdout = io::stdout().lock();
        let to = match self {
            Self::File(path) => Destination::File {
                path: path.clone(),
                replace: args.force,
            },
            Self::Stdout { early: true } => Destination::Stream { to: &mut stdout },
            Self::Stdout { early: false } => Destination::Spool {
                folder: std::env::temp_dir(),
                to: &mut stdout,
            },
        };
        let mut pulled = run(to, &progress).map_err(|error| error::of_pull(error, self))?;
        let seconds = progress.seconds();
        drop(progress);
        for warning in pulled.warnings.drain(..) {
            output.note(&text(warning));
        }
        Ok((pulled, seconds))
    }

    /// Returns whether the target is standard output.
    fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout { .. })
    }

    /// Returns the file's name, for output.
    fn shown(&self) -> Option<String> {
        match self {
            Self::File(path) => Some(path.display().to_string()),
            Self::Stdout { .. } => None,
        }
    }
}

fn say(answer: &Answer, target: &Target, output: &Output) -> Result<u8, CommandError> {
    if target.is_stdout() {
        return Ok(exit::OK);
    }
    if output.is_json() {
        output.json(answer)?;
        return Ok(exit::OK);
    }
    let by = match answer.signers.is_empty() {
        true => "not signed".to_owned(),
        false => format!("signed by {}", answer.signers.join(", ")),
    };
    let rate = match answer.resumed < answer.size && answer.seconds > 0.1 {
        true => format!(", {:.1} s", answer.seconds),
        false => String::new(),
    };
    output.text(&format!(
        "{}\n{}, {}{rate}\n{by}\n",
        answer.file.as_deref().unwrap_or("-"),
        answer.digest,
        human_bytes(answer.size),
    ));
    Ok(exit::OK)
}
