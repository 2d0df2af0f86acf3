//! `sreg pull`

mod bare;
mod chosen;
mod locked;
mod offline;
mod target;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use sreg_client::cache::Cache;
use sreg_client::fetch::{self, FetchError, Options, Source, Wanted};
use sreg_index::Chain;
use sreg_index::chain::sidecar_len;
use sreg_model::layout::Place;
use sreg_model::{Arch, Digest};

use self::chosen::Chosen;
use self::target::Output as Target;
use crate::config::Config;
use crate::output::{Output, human_bytes};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::{args, exit, place};

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

pub(super) fn run(args: &args::Pull, config: &Config, output: &Output) -> Result<u8, Problem> {
    if let Some((url, digest)) = bare::parse(&args.reference) {
        return bare::run(url, digest, args, output);
    }
    let chosen = chosen::choose(args, config, output)?;
    let target = Target::of(args, &chosen.file_name())?;
    let is_named = args.out.as_deref().is_none_or(Path::is_dir);
    if let Some(read) = chosen.misread().filter(|_| is_named && !target.is_stdout()) {
        output.note(&format!(
            "sreg index reads the name {} as {read}; choose another with -o",
            chosen.file_name()
        ));
    }
    let progress = ProgressBar::new(output, "pulled");
    let chain = chosen.chain(args, output);
    let wanted = Wanted {
        digest: chosen.image().digest,
        size: Some(chosen.image().size),
        chain,
    };
    let fetched = bring(args, &wanted, &chosen.sources()?, &target, &progress)?;
    let seconds = progress.seconds();
    drop(progress);
    chosen.remember(output)?;
    if let Some(cache) = args.cache.as_deref().filter(|_| !args.no_cache) {
        let sidecar = wanted.chain.as_deref().map(Chain::sidecar);
        offline::keep(cache, &chosen, sidecar);
    }
    fetched.warn(output);
    let answer = Answer {
        reference: chosen.reference(),
        arch: Some(chosen.arch()),
        digest: wanted.digest,
        size: fetched.size,
        file: target.shown(),
        resumed: fetched.resumed,
        signers: chosen.signers(),
        version: Some(chosen.version()),
        seconds,
    };
    say(&answer, &target, output)?;
    Ok(exit::OK)
}

/// Fetches an image to where it is to be.
fn bring(
    args: &args::Pull,
    wanted: &Wanted,
    sources: &[Source],
    target: &Target,
    progress: &ProgressBar<'_>,
) -> Result<Brought, Problem> {
    let config = place::config();
    let options = Options {
        connections: args.connections,
        retry: config.retry,
        min_bytes_per_window: config.timeouts.min_bytes_per_window,
        executable: true,
        ..Options::default()
    };
    let cache = args
        .cache
        .clone()
        .filter(|_| !args.no_cache)
        .map(Cache::new);
    let fetched = match target {
        Target::File(path) => {
            if target::check(path, wanted, args.force, progress)? {
                return Ok(Brought::there(
                    path.metadata().map_or(0, |found| found.len()),
                ));
            }
            match cache {
                Some(cache) => cache.get(wanted, sources, path, &options, progress)?,
                None => fetch::fetch(wanted, sources, path, &options, progress)?,
            }
        }
        Target::Stdout { early } => {
            let mut stdout = std::io::stdout().lock();
            let fetched = match early {
                true => fetch::stream(wanted, sources, &mut stdout, &options, progress)
                    .map_err(without_file)?,
                false => {
                    let folder = std::env::temp_dir();
                    fetch::spool(wanted, sources, &folder, &mut stdout, &options, progress)
                        .map_err(without_file)?
                }
            };
            stdout
                .flush()
                .map_err(|error| Problem::new("unwritable", format!("standard output: {error}")))?;
            fetched
        }
    };
    let mut warnings: Vec<String> = fetched.warnings.iter().map(ToString::to_string).collect();
    if let Target::File(path) = target
        && !is_executable(path)
    {
        warnings.push(format!(
            "{path} is not executable: this file system has modes of its own; run it with `apptainer run {path}`",
            path = path.display()
        ));
    }
    Ok(Brought {
        size: fetched.size,
        resumed: fetched.resumed,
        warnings,
    })
}

/// Whether a file may be run by its name.
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|found| found.permissions().mode() & 0o100 != 0)
}

/// A problem of what goes to standard output: no file of it stays.
fn without_file(error: FetchError) -> Problem {
    Problem {
        hint: None,
        ..Problem::from(error)
    }
}

/// What was brought.
struct Brought {
    size: u64,
    resumed: u64,
    warnings: Vec<String>,
}

impl Brought {
    /// All of it was there.
    fn there(size: u64) -> Self {
        Self {
            size,
            resumed: size,
            warnings: Vec::new(),
        }
    }

    fn warn(&self, output: &Output) {
        self.warnings
            .iter()
            .for_each(|warning| output.note(warning));
    }
}

fn say(answer: &Answer, target: &Target, output: &Output) -> Result<(), Problem> {
    if matches!(target, Target::Stdout { .. }) {
        return Ok(());
    }
    if output.is_json() {
        return output.json(answer);
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
    Ok(())
}

impl Chosen {
    /// The image's chain; nothing, where the registry has none that is right: then the image is read
    /// as a whole.
    fn chain(&self, args: &args::Pull, output: &Output) -> Option<Arc<Chain>> {
        let image = self.image();
        let place = Place::blob(self.repository(), image.chain);
        let most = usize::try_from(sidecar_len(image.size)).unwrap_or(usize::MAX - 1);
        let cached = args.cache.as_deref();
        let cached = cached.and_then(|cache| offline::sidecar(cache, &image.chain, most));
        let served = self.trees().iter().filter_map(|tree| {
            let found = tree.store().read(&place.to_string(), most).ok()??;
            Some(found.bytes)
        });
        let chain = cached.into_iter().chain(served).find_map(|bytes| {
            let is_stated = Digest::of(&bytes) == image.chain;
            let chain = Chain::parse(bytes, image.size, &image.digest).ok();
            chain.filter(|_| is_stated)
        });
        if chain.is_none() {
            output.note("the registry has no right chain of this image: it is read as a whole");
        }
        chain.map(Arc::new)
    }
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        let hint = match &error {
            FetchError::Interrupted | FetchError::Unreachable { .. } | FetchError::Full { .. } => {
                Some(
                    "what has come stays beside it in a .part file; the same command goes on from there",
                )
            }
            FetchError::Mismatch { .. } => {
                Some("nothing of it was kept; name another source with --mirror URL")
            }
            _ => None,
        };
        let problem = Self::new(error.code(), sreg_registry::explain(&error));
        match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}
