//! The registries in a command's arguments, for its hints.

use std::path::Path;

use sreg_client::location::split;

use crate::args::trust::Trust;
use crate::args::{Command, Within};
use crate::config::Config;

/// Returns the registries that the arguments name. Leaves out arguments that may be another kind of path,
/// such as an image file.
pub(super) fn of(command: &Command, config: &Config) -> Vec<String> {
    let path = |path: &Path| vec![path.display().to_string()];
    let within = |text: &str, within: &Within| match registry(text) {
        Some(place) => vec![place],
        None => within
            .registry(config)
            .map(str::to_owned)
            .into_iter()
            .collect(),
    };
    match command {
        Command::Init(args) => path(&args.dir),
        Command::Index(args) => {
            let out = args.out.as_ref().or(config.index.out.as_ref());
            out.map_or(Vec::new(), |out| path(out))
        }
        Command::Sign(args) => args
            .targets
            .iter()
            .filter_map(|text| registry(text))
            .collect(),
        Command::Trust(command) => of_trust(command),
        Command::Refresh(args) => path(&args.registry),
        Command::Log(args) => path(&args.registry),
        Command::Repair(args) => path(&args.registry),
        Command::Mirror(args) => [path(&args.to), path(&args.from)].concat(),
        Command::Diff(args) => [path(&args.left), path(&args.right)].concat(),
        Command::Doctor(args) => vec![args.place.clone()],
        Command::Serve(args) => path(&args.dir),
        Command::Ls(args) => {
            let registry = split(&args.target).map_or(&*args.target, |(registry, _)| registry);
            vec![registry.to_owned()]
        }
        Command::Pull(args) => {
            let mut places = within(&args.reference, &args.within);
            places.extend(args.mirrors.iter().cloned());
            places
        }
        Command::Push(args) => within(&args.reference, &args.within),
        Command::Rm(args) => within(&args.reference, &args.within),
        Command::Attach(args) => within(&args.reference, &args.within),
        Command::Verify(args) => within(&args.target, &args.within),
        Command::Inspect(args) => within(&args.target, &args.within),
        Command::Completion { .. } | Command::Man { .. } => Vec::new(),
    }
}

fn of_trust(command: &Trust) -> Vec<String> {
    let change = match command {
        Trust::Show(args) | Trust::Export(args) => {
            return registry(&args.target).into_iter().collect();
        }
        Trust::Add(args) => return vec![args.target.clone()],
        Trust::Forget(_) => return Vec::new(),
        Trust::Sign(args) => {
            let registry = args.registry.iter();
            return registry
                .map(|registry| registry.display().to_string())
                .collect();
        }
        Trust::AddKey(args) => &args.change,
        Trust::RemoveKey(args) => &args.change,
        Trust::Delegate(args) => &args.change,
        Trust::Retire(args) | Trust::Revoke(args) => &args.change,
        Trust::Rotate(args) => &args.change,
    };
    vec![change.registry.display().to_string()]
}

/// Returns the registry in an argument that may also be another kind of path.
fn registry(text: &str) -> Option<String> {
    match split(text) {
        Some((registry, _)) => Some(registry.to_owned()),
        None if sreg_store::is_url(text) || Path::new(text).is_dir() => Some(text.to_owned()),
        None => None,
    }
}
