//! A cache of downloaded images: files by digest in a folder that users and machines can share, even without
//! locks.
//!
//! Nothing in a cache is trusted: an image is copied first, and the copy is verified. A file gets its name by
//! a rename, so races only cost work.

mod documents;
mod peers;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sreg_files::Modes;
use sreg_index::hasher::Observer;
use sreg_model::Digest;

use self::peers::{Others, Shape};
use crate::fetch::check::{self, Quiet};
use crate::fetch::part_file::{self, PartFile, Sharing};
use crate::fetch::{FetchError, Fetched, Identity, Options, Source, Wanted, Warning, disk};

/// The number of bytes copied between two checks for cancellation.
const COPY_STEP: u64 = 16 << 20;
/// The maximal length of one sleep, for the same reason.
const TICK: Duration = Duration::from_millis(100);

/// A folder of images by digest.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    waiting: Waiting,
}

/// How to wait for other runs that download the same image into a cache. Waiting only saves work: a run that
/// has waited long enough downloads the image, too. All times are measured here, none is read from a file.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// The interval of checks whether their files grow.
    pub look: Duration,
    /// A file that has not changed for this long is no longer waited for. Network file systems may show
    /// writes half a minute late.
    pub stall: Duration,
    /// The maximal total wait.
    pub most: Duration,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(1),
            stall: Duration::from_secs(60),
            most: Duration::from_secs(3600),
        }
    }
}

/// The identity of a file: device and inode.
type Id = (u64, u64);

impl Cache {
    /// Returns the cache in `folder`, which is created by the first download.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            waiting: Waiting::default(),
        }
    }

    /// Returns the cache with other waiting times.
    #[must_use]
    pub fn waiting(self, waiting: Waiting) -> Self {
        Self { waiting, ..self }
    }

    /// Returns the path of the image with a digest, if it is in the cache.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.folder.join("sha256").join(&hex[..2]).join(hex)
    }

    /// Puts an image at `target`, as [`crate::fetch::fetch`] does, from the cache or through it. The target
    /// is a separate file: changing it does not change the cache.
    ///
    /// If the cache cannot be written, downloads the image without it and adds a warning.
    ///
    /// # Errors
    /// As [`crate::fetch::fetch`].
    pub fn get(
        &self,
        wanted: &Wanted,
        sources: &[Source],
        target: &Path,
        options: &Options,
        watch: &dyn Observer,
    ) -> Result<Fetched, FetchError> {
        let blob = self.path(&wanted.digest);
        let (mut damaged, mut fetched) = (None, None);
        // Both the cached image and another run's download may be damaged.
        for fills in 0.. {
            let is_known = fetched.is_some();
            if let Some((file, id)) = open(&blob)
                && damaged != Some(id)
            {
                let progress: &dyn Observer = if is_known { &Quiet(watch) } else { watch };
                if let Some(size) = bring(&file, wanted, target, options, progress)? {
                    tracing::debug!(blob = %blob.display(), filled = is_known, "taken from the cache");
                    return Ok(fetched.unwrap_or(Fetched {
                        size,
                        resumed: size,
                        warnings: Vec::new(),
                    }));
                }
                tracing::info!(blob = %blob.display(), "damaged in the cache");
                damaged = Some(id);
            }
            if fills == 2 {
                break;
            }
            fetched = match self.fill(wanted, sources, &blob, damaged, options, watch) {
                Err(error) if self.is_unusable(&error) => {
                    return pass_by(error, wanted, sources, target, options, watch);
                }
                filled => filled?,
            };
        }
        let error = io::Error::new(
            io::ErrorKind::InvalidData,
            "files changed after they were written",
        );
        let error = FetchError::write(&blob)(error);
        pass_by(error, wanted, sources, target, options, watch)
    }

    /// Returns whether an error is about a file of the cache.
    fn is_unusable(&self, error: &FetchError) -> bool {
        match error {
            FetchError::Write { path, .. }
            | FetchError::NoRoom { path, .. }
            | FetchError::Full { path, .. } => path.starts_with(&self.folder),
            _ => false,
        }
    }

    /// Downloads an image into the cache; returns `None` if another run has done this meanwhile.
    fn fill(
        &self,
        wanted: &Wanted,
        sources: &[Source],
        blob: &Path,
        damaged: Option<Id>,
        options: &Options,
        watch: &dyn Observer,
    ) -> Result<Option<Fetched>, FetchError> {
        let folder = disk::folder_of(blob);
        // Users of the cache may use every file in it.
        let modes = || {
            fs::create_dir_all(&self.folder)?;
            let modes = Modes::of(&self.folder)?;
            modes.make_folders(folder).map(|()| modes)
        };
        let modes = modes().map_err(FetchError::write(folder))?;
        let has_come = || open(blob).is_some_and(|(_, id)| damaged != Some(id));
        let begun = Instant::now();
        let mut stalled = HashSet::new();
        loop {
            // The partial file announces this run, before this run looks for others.
            let part = PartFile::open(blob, Identity::of(wanted), Sharing::Take, watch)?;
            modes.apply(part.file());
            let others = Others::of(blob, &part, &stalled);
            // A run that has disappeared has finished or given up.
            if has_come() {
                return Ok(None);
            }
            if others.0.is_empty() || begun.elapsed() >= self.waiting.most {
                let plain = Options {
                    executable: false,
                    ..options.clone()
                };
                return match crate::fetch::fetch_into(part, wanted, sources, &plain, watch) {
                    Ok(fetched) => {
                        for name in stalled {
                            remove(&folder.join(name));
                        }
                        Ok(Some(fetched))
                    }
                    // Another run assumed this one dead and has downloaded the image.
                    Err(FetchError::Write { .. }) if has_come() => Ok(None),
                    Err(error) => Err(error),
                };
            }
            // The next run may use the partial file.
            drop(part);
            let left = self.waiting.most.saturating_sub(begun.elapsed());
            if self.wait(others, &has_come, &mut stalled, folder, left, watch)? {
                return Ok(None);
            }
        }
    }

    /// Waits while other runs download. Returns whether the image is complete.
    fn wait(
        &self,
        others: Others,
        has_come: &dyn Fn() -> bool,
        stalled: &mut HashSet<OsString>,
        folder: &Path,
        most: Duration,
        watch: &dyn Observer,
    ) -> Result<bool, FetchError> {
        let begun = Instant::now();
        // If many runs wait for a killed one, they must not all continue at once.
        let scatter = u32::from(u8::try_from(std::process::id() % 64).unwrap_or(0));
        let stall = self.waiting.stall + self.waiting.look * scatter / 8;
        let mut seen: Vec<(OsString, Option<Shape>, Instant)> = others
            .0
            .into_iter()
            .map(|name| (name, None, Instant::now()))
            .collect();
        loop {
            if has_come() {
                return Ok(true);
            }
            seen.retain_mut(|(name, shape, since)| {
                let now = Shape::of(&folder.join(&*name));
                if now.is_none() {
                    return false;
                }
                if *shape != now {
                    (*shape, *since) = (now, Instant::now());
                }
                let lives = since.elapsed() < stall;
                if !lives {
                    stalled.insert(name.clone());
                }
                lives
            });
            if seen.is_empty() || begun.elapsed() >= most {
                return Ok(has_come());
            }
            sleep(self.waiting.look, watch)?;
        }
    }
}

/// Downloads an image without the cache, and adds a warning.
fn pass_by(
    error: FetchError,
    wanted: &Wanted,
    sources: &[Source],
    target: &Path,
    options: &Options,
    watch: &dyn Observer,
) -> Result<Fetched, FetchError> {
    let mut fetched = crate::fetch::fetch(wanted, sources, target, options, watch)?;
    let warning = Warning::CacheUnusable(Box::new(error));
    fetched.warnings.insert(0, warning);
    Ok(fetched)
}

/// Opens a file of the cache, if it exists and is not a link.
fn open(blob: &Path) -> Option<(File, Id)> {
    let found = fs::symlink_metadata(blob).ok()?;
    if !found.is_file() {
        return None;
    }
    let file = sreg_files::open(blob).ok()?;
    let found = file.metadata().ok()?;
    Some((file, (found.dev(), found.ino())))
}

/// Copies a file to its target if the copy is the wanted image. Returns its size then.
fn bring(
    file: &File,
    wanted: &Wanted,
    target: &Path,
    options: &Options,
    watch: &dyn Observer,
) -> Result<Option<u64>, FetchError> {
    let failed = FetchError::write(target);
    disk::check_target(target)?;
    let size = file.metadata().map_err(&failed)?.len();
    if wanted.size.is_some_and(|wanted| wanted != size) {
        return Ok(None);
    }
    watch.expect(size);
    let copy = disk::beside(target).map_err(&failed)?;
    if rustix::fs::ioctl_ficlone(copy.as_file(), file).is_ok() {
        watch.advance(size);
    } else {
        disk::check_room(target, copy.as_file(), size)?;
        copy_all(file, copy.as_file(), watch).map_err(&failed)?;
    }
    let found = check::is_wanted(copy.as_file(), wanted, watch).map_err(&failed)?;
    if found.is_some() {
        disk::settle(copy.as_file(), copy.path(), target, options.executable)?;
        // It has another name now.
        let _ = copy.into_temp_path().keep();
    }
    Ok(found)
}

fn copy_all(mut from: &File, mut to: &File, watch: &dyn Observer) -> io::Result<()> {
    loop {
        if watch.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        // The standard library copies between files in the kernel.
        match io::copy(&mut io::Read::take(&mut from, COPY_STEP), &mut to)? {
            0 => return Ok(()),
            copied => watch.advance(copied),
        }
    }
}

fn sleep(time: Duration, watch: &dyn Observer) -> Result<(), FetchError> {
    let mut left = time;
    loop {
        if watch.is_cancelled() {
            return Err(FetchError::Interrupted);
        }
        if left.is_zero() {
            return Ok(());
        }
        let step = left.min(TICK);
        std::thread::sleep(step);
        left -= step;
    }
}

/// Removes the partial file of a dead run.
fn remove(part: &Path) {
    let _ = fs::remove_file(part);
    let _ = fs::remove_file(part_file::journal_of(part));
}
