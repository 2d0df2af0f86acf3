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
mod places;
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
use crate::error::CommandError;
use crate::output::Output;
use sreg_model::fault::Code;

/// More than the cores of any machine; each job costs a thread.
const MOST_JOBS: usize = 512;

/// Returns whether this process is the image reader of `sreg inspect`. This is not a documented command.
pub(crate) fn is_image_reader() -> bool {
    let mut words = std::env::args_os().skip(1);
    words.next().is_some_and(|word| word == image_content::WORD) && words.next().is_none()
}

/// Reads an image for `sreg inspect`. Returns the exit code.
pub(crate) fn read_image(output: &Output) -> Result<u8, CommandError> {
    // Each thread takes address space, which the reader's limits restrict.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
    image_content::run(output)
}

/// Runs a command. Returns its exit code.
pub(crate) fn run(args: Args, output: &Output) -> Result<u8, CommandError> {
    let (config, unread) = Config::load()?;
    if let Some(unread) = unread {
        output.note(&format!("user configuration not used: {unread}"));
    }
    if let Some(jobs) = args.global.jobs.or(config.jobs) {
        if jobs == 0 || jobs > MOST_JOBS {
            return Err(CommandError::new(
                Code::Usage,
                format!("--jobs is {jobs}, expected 1 to {MOST_JOBS}"),
            ));
        }
        // Fails only if a pool already exists, and none does.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(jobs)
            .build_global();
    }
    crate::location::configure(&args.global)?;
    crate::stop::listen();
    crate::events::show(args.global.verbose, output.is_quiet());
    let places = places::of(&args.command, &config);
    dispatch(args.command, config, output).map_err(|problem| problem.at(&places))
}

fn dispatch(command: Command, config: Config, output: &Output) -> Result<u8, CommandError> {
    match command {
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
        Command::Ls(args) => ls::run(&args, output),
        Command::Diff(args) => diff::run(&args, output),
        Command::Repair(args) => repair::run(&args, output),
        Command::Completion { shell } => shell::completion(shell, output),
        Command::Man { out } => shell::man(out, output),
    }
}
