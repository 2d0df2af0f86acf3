//! Maps a file for reading. This file holds the only unsafe code of the workspace.
//!
//! # Contract
//! A mapped file can be changed or truncated by another process at any time.
//! - *Changed:* the bytes of a slice may differ between two reads of them. Callers hash bytes
//!   and never branch on two reads of the same one, and compare the file's stamp afterwards.
//! - *Truncated:* a read past the new end raises SIGBUS. The handler here puts zero pages in
//!   place of the missing range and marks the mapping. The read then ends, and [`Mapping::read`]
//!   reports it. A SIGBUS outside of these mappings is passed to the former handler.
//!
//! Mapped memory is accessible only inside [`Mapping::read`], which checks the mark.
#![allow(unsafe_code, reason = "mmap and its signal have no safe interface")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use memmap2::{Advice, Mmap, MmapOptions};

/// A file mapped read-only.
#[derive(Debug)]
pub(crate) struct Mapping {
    map: Mmap,
    slot: &'static Slot,
}

/// The file lost bytes while it was being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truncated;

impl Mapping {
    /// Maps the first `length` bytes of `file`.
    ///
    /// # Errors
    /// If the file system cannot map files, or [`SLOTS`] mappings exist already. Callers then read the
    /// file.
    pub(crate) fn new(file: &File, length: u64) -> io::Result<Self> {
        install_handler();
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        // SAFETY: the contract above: slices leave this module only through `read`, whose
        // callers bear changing bytes, and the handler bears truncation.
        let map = unsafe { MmapOptions::new().len(length).map(file)? };
        // Advice only: a kernel that does not take it reads as well.
        let _ = map.advise(Advice::Sequential);
        let start = map.as_ptr() as usize;
        let slot = SLOTS
            .iter()
            .find(|slot| slot.claim(start, start + length))
            .ok_or(io::ErrorKind::ResourceBusy)?;
        Ok(Self { map, slot })
    }

    /// Calls `f` with the bytes of `range`.
    ///
    /// # Errors
    /// [`Truncated`] if bytes of the mapping were missing. The result of `f` is then dropped.
    pub(crate) fn read<R>(
        &self,
        range: Range<usize>,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Truncated> {
        let result = f(&self.map[range]);
        if self.slot.truncated.load(Ordering::Acquire) {
            Err(Truncated)
        } else {
            Ok(result)
        }
    }

    /// Prefetches the bytes of `range`.
    pub(crate) fn prefetch(&self, range: Range<usize>) {
        // Populating maps many pages with one call, where the kernel knows it (Linux 5.14);
        // elsewhere the pages fault in one by one.
        let _ = self
            .map
            .advise_range(Advice::PopulateRead, range.start, range.len());
    }

    /// Releases the pages of `range`. The page cache keeps them.
    pub(crate) fn release(&self, range: Range<usize>) {
        // SAFETY: a shared, read-only mapping of a file: dropped pages come back as they are in
        // the file, or as zeros where the handler put zeros.
        let _ = unsafe {
            self.map.unchecked_advise_range(
                memmap2::UncheckedAdvice::DontNeed,
                range.start,
                range.len(),
            )
        };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.slot.release();
    }
}

/// The maximal number of mappings, far more than hashing threads.
const SLOTS_LEN: usize = 256;

/// The address ranges of all mappings, readable by the signal handler.
static SLOTS: [Slot; SLOTS_LEN] = [const { Slot::free() }; SLOTS_LEN];

/// One mapping's addresses. `start` is 0 while the slot is free and 1 while it is being filled.
#[derive(Debug)]
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    truncated: AtomicBool,
}

impl Slot {
    const fn free() -> Self {
        Self {
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            truncated: AtomicBool::new(false),
        }
    }

    fn claim(&self, start: usize, end: usize) -> bool {
        if self
            .start
            .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            return false;
        }
        self.truncated.store(false, Ordering::Release);
        self.end.store(end, Ordering::Release);
        self.start.store(start, Ordering::Release);
        true
    }

    fn release(&self) {
        self.end.store(0, Ordering::Release);
        self.start.store(0, Ordering::Release);
    }
}

/// The former handler of SIGBUS, as the address of a `sigaction`.
static PREVIOUS: AtomicUsize = AtomicUsize::new(0);

fn install_handler() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: a zeroed sigaction is a valid one; the handler is async-signal-safe: it reads
        // atomics and calls only `mmap`, `sigaction` and `sysconf`. The previous action is
        // leaked on purpose, so that the handler can always read it.
        unsafe {
            let previous: &'static mut libc::sigaction = Box::leak(Box::new(std::mem::zeroed()));
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_sigbus as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            if libc::sigaction(libc::SIGBUS, &raw const action, previous) == 0 {
                PREVIOUS.store(std::ptr::from_mut(previous) as usize, Ordering::Release);
            }
        }
    });
}

extern "C" fn on_sigbus(
    _signal: libc::c_int,
    details: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands a valid siginfo to a SA_SIGINFO handler. The pages that are
    // replaced belong to a mapping of ours: it is alive, since a thread is reading it.
    unsafe {
        let address = (*details).si_addr() as usize;
        let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096);
        for slot in &SLOTS {
            let (start, end) = (
                slot.start.load(Ordering::Acquire),
                slot.end.load(Ordering::Acquire),
            );
            if start <= 1 || address < start || address >= end {
                continue;
            }
            slot.truncated.store(true, Ordering::Release);
            let from = address / page * page;
            let errno = *libc::__errno_location();
            // Everything from the fault to the end, so that one signal serves the rest.
            let zeros = libc::mmap(
                from as *mut libc::c_void,
                end - from,
                libc::PROT_READ,
                libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            );
            *libc::__errno_location() = errno;
            if zeros != libc::MAP_FAILED {
                return;
            }
        }
        // Not ours: the read is repeated under the action that was there before.
        let previous = PREVIOUS.load(Ordering::Acquire) as *const libc::sigaction;
        if previous.is_null() {
            libc::signal(libc::SIGBUS, libc::SIG_DFL);
        } else {
            libc::sigaction(libc::SIGBUS, previous, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_is_an_error_and_no_crash() {
        let file = tempfile::tempfile().unwrap();
        let length = 1 << 20;
        file.set_len(length).unwrap();
        let mapping = Mapping::new(&file, length).unwrap();
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        assert_eq!(mapping.read(0..1 << 20, sum), Ok(0));
        file.set_len(4096).unwrap();
        mapping.prefetch(0..1 << 20);
        assert_eq!(mapping.read(0..1 << 20, sum), Err(Truncated));
        // Another mapping is not touched by it, and the slot serves again.
        let other = Mapping::new(&file, 4096).unwrap();
        assert_eq!(other.read(0..4096, sum), Ok(0));
        drop(mapping);
        let again = Mapping::new(&file, 4096).unwrap();
        assert_eq!(again.read(0..4096, sum), Ok(0));
    }
}
