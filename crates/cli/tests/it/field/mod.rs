//! Situations that people reported elsewhere, each as it was met: secrets, names, odd file systems,
//! accounts, mistakes, and what becomes of images while they are published.

mod accounts;
mod file_systems;
mod inspected;
mod links;
mod names;
mod pipes;
mod removals;
mod said;
mod secrets;
