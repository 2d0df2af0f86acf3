//! Runs a command on a file system that lacks something: chosen system calls fail with an error of choice.
//!
//! The filter is installed in a thread of its own, which the command inherits it from.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// What a file system, or its mount, may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Hard links: BeeGFS, SMB, some FUSE file systems.
    HardLinks,
    /// Symbolic links: SMB.
    SymbolicLinks,
    /// Changing modes: SMB, FUSE.
    Modes,
    /// Making files and folders durable: several refuse it for folders.
    Syncs,
    /// `flock`: Lustre without `-o flock`.
    Locks,
    /// Renames that replace nothing: NFS, FUSE.
    ExclusiveRenames,
    /// Files without a name.
    NamelessFiles,
}

impl Lack {
    fn calls(self) -> &'static [i64] {
        match self {
            Self::HardLinks => &[libc::SYS_link, libc::SYS_linkat],
            Self::SymbolicLinks => &[libc::SYS_symlink, libc::SYS_symlinkat],
            Self::Modes => &[libc::SYS_chmod, libc::SYS_fchmod, libc::SYS_fchmodat],
            Self::Syncs => &[libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_syncfs],
            Self::Locks => &[libc::SYS_flock],
            Self::ExclusiveRenames => &[libc::SYS_renameat2],
            // Files without a name get one by a link.
            Self::NamelessFiles => &[libc::SYS_linkat],
        }
    }
}

/// Runs a command for which the system calls of each lack fail with an error number.
///
/// # Panics
/// When the filter cannot be installed, or the command not started.
#[must_use]
pub fn run_without(lacks: &[(Lack, i32)], command: &mut Command) -> Output {
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            for (lack, errno) in lacks {
                let errno = u32::try_from(*errno).expect("error numbers are positive");
                let rules: BTreeMap<i64, Vec<_>> = lack
                    .calls()
                    .iter()
                    .map(|call| (*call, Vec::new()))
                    .collect();
                let filter = SeccompFilter::new(
                    rules,
                    SeccompAction::Allow,
                    SeccompAction::Errno(errno),
                    std::env::consts::ARCH.try_into().expect("a known machine"),
                )
                .expect("a filter");
                let program: BpfProgram = filter.try_into().expect("a program");
                seccompiler::apply_filter(&program).expect("seccomp is allowed here");
            }
            command.output().expect("the command starts")
        });
        run.join().expect("the thread of the command")
    })
}
