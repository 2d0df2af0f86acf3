//! Writes an object in parts, several at once, and goes on where an earlier run was stopped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path as Key;
use object_store::{PutMultipartOptions, PutPayload};
use serde::{Deserialize, Serialize};

use super::{S3, attributes};
use crate::{Precondition, Served, Store as _, StoreError, Upload};

/// The least bytes of a part; a smaller object is written in one request.
const PART: u64 = 16 << 20;
/// The most parts of an object; S3 takes 10,000.
const PARTS: u64 = 9_000;
/// The parts that are sent at once.
const AT_ONCE: usize = 4;

/// What has arrived of an upload. A hint: what does not fit is begun anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    /// The object's URL.
    object: String,
    /// The file's size and time of change, in nanoseconds since 1970.
    file: (u64, i128),
    /// The bytes of every part but the last.
    part: u64,
    /// What the server calls the upload.
    upload: String,
    /// The parts that have arrived, by number, as the server calls them.
    arrived: BTreeMap<u64, String>,
    /// The entity tag of what stood there before.
    before: Option<String>,
}

pub(super) fn upload(store: &S3, key: &str, upload: &Upload<'_>) -> Result<(), StoreError> {
    if (upload.is_cancelled)() {
        return Err(StoreError::Cancelled);
    }
    let failed = |error| StoreError::Io {
        name: upload.file.display().to_string(),
        source: error,
    };
    if upload.size <= PART {
        let bytes = fs::read(upload.file).map_err(failed)?;
        store.write(key, &bytes, &Precondition::Any, upload.served)?;
        (upload.sent)(upload.size);
        return Ok(());
    }
    let file = sreg_files::open(upload.file).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let stamp = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
    let fresh = Journal {
        object: store.url(key),
        file: (upload.size, stamp),
        part: PART.max(upload.size.div_ceil(PARTS).next_multiple_of(1 << 20)),
        upload: String::new(),
        arrived: BTreeMap::new(),
        before: None,
    };
    let at = store.key(key)?;
    let resumed = upload.journal.and_then(|path| read(path, &fresh));
    let was_resumed = resumed.is_some();
    let sending = Sending {
        store,
        key,
        at,
        upload,
        file,
        journal: Mutex::new(match resumed {
            Some(journal) => journal,
            None => begin(store, key, upload.served, fresh.clone())?,
        }),
    };
    match sending.send() {
        // The server has forgotten it, or never knew it: once more from the start.
        Err(error) if was_resumed && is_forgotten(&error) => {
            tracing::debug!(key, "the server no longer knows the upload: starting again");
        }
        // Not all servers that take the first request know the checksum of parts.
        Err(error) if !store.has_no_checksums() && is_about_checksums(&error) => {
            store.give_up_checksums(&error);
        }
        sent => return sent,
    }
    sending.restart(fresh)?;
    sending.send()
}

impl S3 {
    fn has_no_checksums(&self) -> bool {
        self.no_checksums.load(Ordering::Relaxed)
    }

    fn give_up_checksums(&self, error: &StoreError) {
        tracing::info!(
            store = self.name,
            error = %error.explain(),
            "no CRC64NVME: parts are sent signed, without a checksum",
        );
        self.no_checksums.store(true, Ordering::Relaxed);
    }

    /// What parts are sent with: without checksums, their signature is over their bytes.
    fn for_parts(&self) -> &AmazonS3 {
        match self.has_no_checksums() {
            true => &self.bucket,
            false => &self.parts,
        }
    }
}

/// Writes a small object in one part.
pub(super) fn probe(store: &S3, key: &str) -> Result<String, StoreError> {
    match probe_once(store, key) {
        Err(error) if !store.has_no_checksums() && is_about_checksums(&error) => {
            store.give_up_checksums(&error);
            probe_once(store, key)?;
        }
        probed => probed?,
    }
    Ok(match store.has_no_checksums() {
        true => "large objects are sent in parts; the server knows no CRC64NVME, so that parts are verified by their signature",
        false => "large objects are sent in parts, each verified by CRC64NVME",
    }
    .to_owned())
}

fn probe_once(store: &S3, key: &str) -> Result<(), StoreError> {
    let at = store.key(key)?;
    let served = Served {
        content_type: "text/plain",
        cache_control: "no-store",
    };
    let failed = |error| store.failed(key, error);
    let id = create(store, key, served)?;
    let content = PutPayload::from_static(b"a part");
    let sent = store.retrying(key, async || {
        let part = store.for_parts().put_part(&at, &id, 0, content.clone());
        part.await.map_err(failed)
    });
    let done = sent.and_then(|part| {
        store.retrying(key, async || {
            let parts = vec![part.clone()];
            let done = store.for_parts().complete_multipart(&at, &id, parts);
            done.await.map(drop).map_err(failed)
        })
    });
    if done.is_err() {
        let aborted = store.for_parts().abort_multipart(&at, &id);
        // What is left of it is not what went wrong.
        let _ = store.request(async { aborted.await.map_err(failed) });
    }
    done
}

/// Whether the server knows an upload no longer, or not the parts that it should have.
fn is_forgotten(error: &StoreError) -> bool {
    match error {
        StoreError::Status {
            status: 404 | 400,
            detail,
            ..
        } => detail
            .as_ref()
            .is_none_or(|detail| detail.contains("NoSuchUpload") || detail.contains("InvalidPart")),
        _ => false,
    }
}

/// Whether an error may be that of a server that does not know the checksum of parts: what such servers say
/// differs.
fn is_about_checksums(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Status {
            status: 400 | 405 | 501,
            ..
        }
    )
}

fn create(store: &S3, key: &str, served: Served) -> Result<String, StoreError> {
    let at = store.key(key)?;
    let options = PutMultipartOptions {
        attributes: attributes(served),
        ..PutMultipartOptions::default()
    };
    let once = || {
        store.retrying(key, async || {
            let id = store
                .for_parts()
                .create_multipart_opts(&at, options.clone());
            id.await.map_err(|error| store.failed(key, error))
        })
    };
    match once() {
        Err(error) if !store.has_no_checksums() && is_about_checksums(&error) => {
            store.give_up_checksums(&error);
            once()
        }
        created => created,
    }
}

fn begin(store: &S3, key: &str, served: Served, fresh: Journal) -> Result<Journal, StoreError> {
    Ok(Journal {
        upload: create(store, key, served)?,
        before: store.head(key)?.and_then(|found| found.meta.e_tag),
        ..fresh
    })
}

/// The journal of an upload of the same file to the same place.
fn read(path: &Path, fresh: &Journal) -> Option<Journal> {
    let bytes = fs::read(path).ok()?;
    let journal: Journal = serde_json::from_slice(&bytes).ok()?;
    let same = |journal: &Journal| (journal.object.clone(), journal.file, journal.part);
    (same(&journal) == same(fresh)).then_some(journal)
}

struct Sending<'a> {
    store: &'a S3,
    key: &'a str,
    at: Key,
    upload: &'a Upload<'a>,
    file: File,
    journal: Mutex<Journal>,
}

impl Sending<'_> {
    fn journal(&self) -> std::sync::MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn restart(&self, fresh: Journal) -> Result<(), StoreError> {
        *self.journal() = begin(self.store, self.key, self.upload.served, fresh)?;
        Ok(())
    }

    /// Sends the parts that have not arrived, and puts them together.
    fn send(&self) -> Result<(), StoreError> {
        let (id, part, arrived) = {
            let journal = self.journal();
            self.note(&journal);
            (
                journal.upload.clone(),
                journal.part,
                journal.arrived.clone(),
            )
        };
        let count = self.upload.size.div_ceil(part);
        for number in arrived.keys() {
            (self.upload.sent)(self.length(*number, part));
        }
        let missing: Vec<u64> = (0..count)
            .filter(|number| !arrived.contains_key(number))
            .collect();
        let next = AtomicU64::new(0);
        let worker = || {
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                let Some(number) = usize::try_from(turn)
                    .ok()
                    .and_then(|turn| missing.get(turn))
                else {
                    return Ok(());
                };
                self.send_part(&id, *number, part).inspect_err(|_| {
                    // The others stop at their next part.
                    next.store(u64::MAX / 2, Ordering::Relaxed);
                })?;
            }
        };
        let ends: Vec<Result<(), StoreError>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
            let ends = workers.into_iter();
            ends.map(|worker| worker.join().unwrap_or(Err(StoreError::Cancelled)))
                .collect()
        });
        ends.into_iter().collect::<Result<(), _>>()?;
        let arrived = self.journal().arrived.clone().into_values();
        let parts: Vec<PartId> = arrived.map(|content_id| PartId { content_id }).collect();
        let done = self.store.retrying(self.key, async || {
            let done = self
                .store
                .for_parts()
                .complete_multipart(&self.at, &id, parts.clone());
            done.await
                .map(drop)
                .map_err(|error| self.store.failed(self.key, error))
        });
        match done {
            // The response to an earlier attempt, or of a killed run, may have been lost.
            Err(StoreError::Status { status: 404, .. }) if self.has_arrived()? => {
                tracing::debug!(key = self.key, "the upload was completed already");
            }
            done => done?,
        }
        if let Some(path) = self.upload.journal {
            // One that stays is of an upload that the server no longer knows.
            let _ = fs::remove_file(path);
        }
        Ok(())
    }

    /// Whether another object of the right size stands there than before.
    fn has_arrived(&self) -> Result<bool, StoreError> {
        let before = self.journal().before.clone();
        let found = self.store.head(self.key)?;
        Ok(found
            .is_some_and(|found| found.meta.size == self.upload.size && found.meta.e_tag != before))
    }

    fn length(&self, number: u64, part: u64) -> u64 {
        part.min(self.upload.size - number * part)
    }

    fn send_part(&self, id: &String, number: u64, part: u64) -> Result<(), StoreError> {
        if (self.upload.is_cancelled)() {
            return Err(StoreError::Cancelled);
        }
        let length = self.length(number, part);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut bytes, number * part)
            .map_err(StoreError::io(self.upload.file.display().to_string()))?;
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let payload = PutPayload::from(bytes);
        let arrived = self.store.retrying(self.key, async || {
            if (self.upload.is_cancelled)() {
                return Err(StoreError::Cancelled);
            }
            let sent = self
                .store
                .for_parts()
                .put_part(&self.at, id, index, payload.clone());
            sent.await
                .map_err(|error| self.store.failed(self.key, error))
        })?;
        let mut journal = self.journal();
        journal.arrived.insert(number, arrived.content_id);
        self.note(&journal);
        (self.upload.sent)(length);
        Ok(())
    }

    /// Notes what has arrived. A note that cannot be written costs a later run some parts.
    fn note(&self, journal: &Journal) {
        let Some(path) = self.upload.journal else {
            return;
        };
        let write = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let scratch = path.with_extension("new");
            fs::write(&scratch, serde_json::to_vec(journal)?)?;
            fs::rename(&scratch, path)
        };
        let _ = write();
    }
}
