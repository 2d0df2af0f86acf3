//! What a run does to the files of a tree, in the order in which it does it, as the kernel
//! tells.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It came to stand there, by a link or a rename, or was created there.
    Appeared,
    /// It was written, or opened for that, where it stands.
    Written,
    /// It was removed, or renamed to elsewhere.
    Gone,
}

/// Watches folders of a tree, which must exist.
pub(crate) struct Trace {
    queue: OwnedFd,
    folders: BTreeMap<i32, String>,
}

impl Trace {
    pub(crate) fn new(root: &Path, folders: impl IntoIterator<Item = String>) -> Self {
        let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        let flags = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::ONLYDIR;
        let watch = |folder: String| {
            let number = inotify::add_watch(&queue, root.join(&folder), flags).unwrap();
            (number, folder)
        };
        let folders = folders.into_iter().map(watch).collect();
        Self { queue, folders }
    }

    /// What happened to which file, by its path in the tree.
    pub(crate) fn steps(self) -> Vec<(String, Happened)> {
        let mut buffer = [const { MaybeUninit::uninit() }; 64 << 10];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        let mut steps = Vec::new();
        loop {
            let event = match reader.next() {
                Err(Errno::AGAIN) => return steps,
                event => event.unwrap(),
            };
            let flags = event.events();
            assert!(!flags.contains(ReadFlags::QUEUE_OVERFLOW));
            let Some(name) = event.file_name() else {
                continue;
            };
            let folder = &self.folders[&event.wd()];
            let path = match (folder.as_str(), name.to_str().unwrap()) {
                ("", name) => name.to_owned(),
                (folder, name) => format!("{folder}/{name}"),
            };
            if flags.contains(ReadFlags::ISDIR) {
                let appeared = flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
                assert!(!appeared, "nobody watches the new folder {path}");
                continue;
            }
            let happened = if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
                Happened::Appeared
            } else if flags.intersects(ReadFlags::MODIFY | ReadFlags::CLOSE_WRITE) {
                Happened::Written
            } else {
                Happened::Gone
            };
            steps.push((path, happened));
        }
    }
}
