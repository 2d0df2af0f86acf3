//! What tests across crates share: images and trees, all made by code here, the servers that storage
//! is tested with, a proxy that breaks what goes through it, system calls that fail, and what test binaries
//! do alike: compare folders, choose by a seed, wait, run alone.

#[cfg(feature = "bench")]
pub mod bench;
pub mod examples;
pub mod files;
pub mod fuzz;
pub mod images;
pub mod keys;
pub mod mock;
pub mod process;
pub mod proxy;
pub mod seed;
pub mod servers;
pub mod sif;
pub mod squashfs;
pub mod syscalls;
