//! Images that a user, or a group, has fetched before: files by digest in a folder that many
//! machines may share, also without locks.
//!
//! Nothing here is trusted: what comes out of a cache is copied first, and verified in the copy. A
//! file is brought to its place whole, by a rename, so that runs which race do no more than too much.

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

/// The bytes copied between two looks at whether to stop.
const COPY_STEP: u64 = 16 << 20;
/// How long one sleep lasts at most, for the same reason.
const TICK: Duration = Duration::from_millis(100);

/// A folder of images by digest.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    waiting: Waiting,
}

/// How other runs are waited for that fetch the same image into a cache. That is advice only: who
/// has waited long enough fetches too. All times are measured here, none is read from a file.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// How often is looked whether their files grow.
    pub look: Duration,
    /// A file that does not change for so long is no longer waited for. Network file systems may
    /// show what others write half a minute late.
    pub stall: Duration,
    /// How long is waited in all.
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

/// Which file stands somewhere, as device and inode.
type Id = (u64, u64);

impl Cache {
    /// The cache in `folder`, which is made when something is fetched.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            waiting: Waiting::default(),
        }
    }

    /// The same, waiting otherwise.
    #[must_use]
    pub fn waiting(self, waiting: Waiting) -> Self {
        Self { waiting, ..self }
    }

    /// Where the image of a digest stands, if it is there.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.folder.join("sha256").join(&hex[..2]).join(hex)
    }

    /// Brings an image to `target`, as [`crate::fetch::fetch`] does, from the cache where it is
    /// there, and otherwise through it. The target is a file of its own: changing it changes nothing
    /// in the cache.
    ///
    /// A cache that cannot be written is passed by: the image is fetched without it, with a warning.
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
        // It may be that what was found is damaged, and what another run brought then is too.
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

    /// Fetches an image into the cache; nothing, where another run has done so meanwhile.
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
        // Whoever may use the cache may use what is added to it.
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
            // It announces this run, before this looks for others.
            let part = PartFile::open(blob, Identity::of(wanted), Sharing::Take, watch)?;
            modes.apply(part.file());
            let others = Others::of(blob, &part, &stalled);
            // Whoever is no longer among them has brought it, or has given up.
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
                    // Another run took this one for dead, and has brought the image.
                    Err(FetchError::Write { .. }) if has_come() => Ok(None),
                    Err(error) => Err(error),
                };
            }
            // Whoever goes on may use what is there.
            drop(part);
            let left = self.waiting.most.saturating_sub(begun.elapsed());
            if self.wait(others, &has_come, &mut stalled, folder, left, watch)? {
                return Ok(None);
            }
        }
    }

    /// Waits while others fetch: whether the image has come.
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
        // Of many that wait for one that was killed, not all go on at one moment.
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

/// Fetches an image without the cache, and warns of what is wrong with that.
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

/// Opens a file of the cache, where there is one. A link is none.
fn open(blob: &Path) -> Option<(File, Id)> {
    let found = fs::symlink_metadata(blob).ok()?;
    if !found.is_file() {
        return None;
    }
    let file = sreg_files::open(blob).ok()?;
    let found = file.metadata().ok()?;
    Some((file, (found.dev(), found.ino())))
}

/// Copies a file to its target, if the copy is what is wanted: its size then.
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
        // Its name is another now.
        let _ = copy.into_temp_path().keep();
    }
    Ok(found)
}

fn copy_all(mut from: &File, mut to: &File, watch: &dyn Observer) -> io::Result<()> {
    loop {
        if watch.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        // The standard library copies between files inside the kernel.
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

/// Removes the partial file of a run that is no more.
fn remove(part: &Path) {
    let _ = fs::remove_file(part);
    let _ = fs::remove_file(part_file::journal_of(part));
}
