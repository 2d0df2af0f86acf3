//! The journal beside a partial file: the image that it is of, and the chunks that are complete. It is a
//! hint: everything is verified again.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use sreg_model::Digest;

use crate::fetch::Wanted;

/// The maximal size of a journal, in bytes. Chunks beyond it are downloaded again.
const MAX_BYTES: usize = 1 << 20;
const HEADER: &str = "sreg-part-v1";

/// The image that a partial file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(super) digest: Digest,
    pub(super) size: Option<u64>,
    /// The digest of the sidecar that chunks are checked with.
    pub(super) chain: Option<Digest>,
}

impl Identity {
    pub(crate) fn of(wanted: &Wanted) -> Self {
        Self {
            digest: wanted.digest,
            size: wanted.size,
            chain: wanted.chain.as_ref().map(|chain| chain.sidecar_digest()),
        }
    }
}

/// A parsed journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journal {
    pub(super) identity: Identity,
    /// Ranges of chunks, ascending, with gaps between them.
    pub(super) done: Vec<Range<u64>>,
}

impl Journal {
    /// Returns lines of a word and a value; ranges name the first and the last chunk.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Identity {
            digest,
            size,
            chain,
        } = self.identity;
        let size = size.map_or("unknown".to_owned(), |size| size.to_string());
        let chain = chain.map_or("none".to_owned(), |chain| chain.to_string());
        let mut text = format!("{HEADER}\nimage {digest}\nsize {size}\nchain {chain}\ndone");
        for range in &self.done {
            let run = format!(" {}-{}", range.start, range.end.saturating_sub(1));
            if text.len() + run.len() >= MAX_BYTES {
                break;
            }
            text.push_str(&run);
        }
        text.push('\n');
        text.into_bytes()
    }

    /// Parses the result of [`Journal::encode`]; `None` for anything else.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let mut lines = text.split('\n');
        if bytes.len() > MAX_BYTES || lines.next()? != HEADER {
            return None;
        }
        let mut value = |word: &str| lines.next()?.strip_prefix(word);
        let digest = value("image ")?.parse().ok()?;
        let size = match value("size ")? {
            "unknown" => None,
            size => Some(size.parse().ok()?),
        };
        let chain = match value("chain ")? {
            "none" => None,
            chain => Some(chain.parse().ok()?),
        };
        let mut done: Vec<Range<u64>> = Vec::new();
        for run in value("done")?.split_terminator(' ').skip(1) {
            let (first, last) = run.split_once('-')?;
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            let after = done.last().is_none_or(|before| before.end < first);
            if first > last || !after {
                return None;
            }
            done.push(first..last.checked_add(1)?);
        }
        let identity = Identity {
            digest,
            size,
            chain,
        };
        lines.next().is_none().then_some(Self { identity, done })
    }

    /// Reads the journal at a path, if it is readable.
    pub(super) fn read(path: &Path) -> Option<Self> {
        // Another user could place a link here: do not follow it.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = fs::OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        io::Read::take(file, MAX_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .ok()?;
        Self::parse(&bytes)
    }

    /// Replaces the journal at a path, atomically but not durably, because it is a hint.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = Path::new(&new);
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(new)?;
        file.write_all(&self.encode())
            .and_then(|()| fs::rename(new, path))
            .inspect_err(|_| {
                let _ = fs::remove_file(new);
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn journal() -> Journal {
        Journal {
            identity: Identity {
                digest: Digest::of(b"image"),
                size: Some(9_000_000),
                chain: Some(Digest::of(b"chain")),
            },
            done: vec![0..3, 5..6, 8..9],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut one = journal();
        assert_eq!(Journal::parse(&one.encode()), Some(one.clone()));
        one.identity.size = None;
        one.identity.chain = None;
        one.done.clear();
        assert_eq!(Journal::parse(&one.encode()), Some(one));
    }

    #[test]
    fn ranges_that_are_none() {
        let text = String::from_utf8(journal().encode()).unwrap();
        for runs in [
            "2-1",
            "0-3 2-5",
            "0-3 4-5",
            "5-6 0-1",
            "0-18446744073709551615",
            "x-1",
            "1",
            "",
        ] {
            let text = text.replace("0-2 5-5 8-8", runs);
            let expected = (runs.is_empty()).then_some(0);
            let found = Journal::parse(text.as_bytes()).map(|journal| journal.done.len());
            assert_eq!(found, expected, "{runs}");
        }
    }

    #[test]
    fn a_journal_is_never_too_long_to_be_read() {
        let mut one = journal();
        one.done = (0..200_000).map(|i| 2 * i..2 * i + 1).collect();
        let read = Journal::parse(&one.encode()).unwrap();
        assert!(read.done.len() > 10_000);
        assert!(one.done.starts_with(&read.done));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Journal::parse(&bytes);
        }

        #[test]
        fn what_parses_is_canonical(cut in 0usize..400, byte in any::<u8>()) {
            let mut bytes = journal().encode();
            if let Some(place) = bytes.get_mut(cut) {
                *place = byte;
            }
            if let Some(read) = Journal::parse(&bytes) {
                prop_assert_eq!(Journal::parse(&read.encode()), Some(read));
            }
        }
    }
}
