//! The commands.

mod attach;
mod change;
mod diff;
mod doctor;
mod image_content;
mod index;
mod init;
mod inspect;
mod log;
mod ls;
mod mirror;
mod pull;
mod push;
mod refresh;
mod repair;
mod rm;
mod serve;
mod shell;
mod sign;
mod trust;
mod verify;

use crate::args::{Args, Command};
use crate::config::Config;
use crate::output::Output;
use crate::problem::Problem;

/// More cores than a machine has; each costs a thread.
const MOST_JOBS: usize = 512;

/// Runs a command: its exit code, or why it failed.
pub(crate) fn run(args: Args, output: &Output) -> Result<u8, Problem> {
    let (config, unread) = Config::load()?;
    if let Some(unread) = unread {
        output.note(&format!("no configuration of yours: {unread}"));
    }
    if let Some(jobs) = args.global.jobs.or(config.jobs) {
        if jobs == 0 || jobs > MOST_JOBS {
            return Err(Problem::new(
                "usage",
                format!("--jobs {jobs} is not from 1 to {MOST_JOBS}"),
            ));
        }
        // Fails only where a pool exists already, and none does.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(jobs)
            .build_global();
    }
    crate::place::configure(&args.global)?;
    crate::stop::listen();
    match args.command {
        Command::Init(args) => init::run(&args, output),
        Command::Sign(args) => sign::run(&args, output),
        Command::Trust(args) => trust::run(args, output),
        Command::Refresh(args) => refresh::run(&args, output),
        Command::Log(args) => log::run(&args, output),
        Command::Index(args) => index::run(args, config.index, output),
        Command::Mirror(args) => mirror::run(&args, output),
        Command::Doctor(args) => doctor::run(&args, output),
        Command::Serve(args) => serve::run(&args, output),
        Command::Pull(args) => pull::run(&args, &config, output),
        Command::Attach(args) => attach::run(&args, &config, output),
        Command::Push(args) => push::run(&args, &config, output),
        Command::Rm(args) => rm::run(&args, &config, output),
        Command::Verify(args) => verify::run(args, &config, output),
        Command::Inspect(args) => inspect::run(args, &config, output),
        Command::ImageContent => image_content::run(output),
        Command::Ls(args) => ls::run(&args, output),
        Command::Diff(args) => diff::run(&args, output),
        Command::Repair(args) => repair::run(&args, output),
        Command::Completion { shell } => shell::completion(shell, output),
        Command::Man { out } => shell::man(out, output),
    }
}
