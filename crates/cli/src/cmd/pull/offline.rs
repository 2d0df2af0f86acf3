//! Images of a cache, without a server: what vouches for them is kept there too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sreg_client::Record;
use sreg_client::cache::Cache;
use sreg_files::{Access, Modes, write_atomic};
use sreg_model::statement::{Image, Statement};
use sreg_model::trust::HeadBase;
use sreg_model::{Digest, Document, Reference, document};
use sreg_registry::verify::Seen;
use sreg_sign::{Purpose, policy};

use super::chosen::{Chosen, of_arch};
use crate::output::Output;
use crate::problem::Problem;
use crate::{args, knowledge};

/// The image that a reference named when the registry was seen last.
pub(super) fn choose(
    args: &args::Pull,
    root: &Path,
    reference: &Reference,
    output: &Output,
) -> Result<Chosen, Problem> {
    let places = knowledge::places(&root.display().to_string());
    let expected = knowledge::expected(&args.judging.knowing, &places, None)?;
    let unknown = || {
        Problem::new(
            "untrusted-registry",
            format!("{} is not known, and is not asked", root.display()),
        )
        .with_hint("know it first: sreg trust add, then pull once with --cache; or pull a digest")
    };
    let record = expected.record().ok_or_else(unknown)?;
    let (Some(trust), Some(head)) = (record.trust(), record.head()) else {
        return Err(unknown());
    };
    let statements = seen(args, record, reference, &trust.body().head_base)?;
    let locked = expected.locked.as_ref().and_then(|known| known.trust);
    if locked.is_some_and(|locked| locked.version > trust.body().version) {
        let what = "the lock file lists a version of trust that was not seen yet";
        return Err(Problem::new("rolled-back", what).with_hint("pull once without --offline"));
    }
    let now = args.judging.now();
    let counting = statements.into_iter().filter(|statement| {
        policy::check_statement(trust, statement).is_ok()
            && policy::check_fresh(Purpose::Image, statement.body().expires, now).is_ok()
    });
    let statements: Vec<_> = counting.collect();
    if statements.is_empty() {
        return Err(Problem::new(
            "missing-reference",
            format!("{reference} was not pulled through this cache before"),
        )
        .with_hint("pull it once without --offline"));
    }
    let statement = of_arch(args.arch, statements, reference, output)?;
    let image: Option<Image> = statement.body().image().cloned();
    let image = image.ok_or_else(|| {
        Problem::new(
            "missing-reference",
            format!("{reference} is there no longer"),
        )
    })?;
    Ok(Chosen {
        statement,
        image,
        version: head.body().version,
        trees: Vec::new(),
        seen: Some(Seen {
            registry: record.registry(),
            trust: trust.clone(),
            head: head.clone(),
            statements: Vec::new(),
        }),
        places: BTreeSet::new(),
    })
}

/// The newest statements about a reference that were seen, as far as the cache has them.
fn seen(
    args: &args::Pull,
    record: &Record,
    reference: &Reference,
    newest: &HeadBase,
) -> Result<Vec<Document<Statement>>, Problem> {
    let mut found = Vec::new();
    let Some(cache) = &args.cache else {
        return Ok(found);
    };
    for (subject, version) in record.statements() {
        let is_named = subject.repository == *reference.repository()
            && reference
                .tag_or_default()
                .is_none_or(|tag| tag == subject.tag);
        if !is_named || is_left_behind(version.head, newest) {
            continue;
        }
        let path = statement_path(cache, &version.id);
        // Others may write there: what is no statement is none.
        let Ok(bytes) = sreg_files::read_capped(&path, document::MAX_BYTES) else {
            continue;
        };
        let Ok(statement) = Document::<Statement>::parse(bytes) else {
            continue;
        };
        let digest = statement.body().image().map(|image| image.digest);
        let is_wanted = reference
            .digest()
            .is_none_or(|wanted| digest == Some(*wanted));
        if statement.id() == version.id && is_wanted {
            found.push(statement);
        }
    }
    Ok(found)
}

/// Whether an epoch of heads has left behind the head under which something was seen. Of the epochs
/// before the last one it is not known here: they may have.
fn is_left_behind((epoch, version): (u64, u64), newest: &HeadBase) -> bool {
    let is_kept = newest.version.is_some_and(|last| version <= last);
    epoch < newest.epoch && !(epoch + 1 == newest.epoch && is_kept)
}

fn statement_path(cache: &Path, id: &Digest) -> PathBuf {
    cache.join("statements").join(id.hex())
}

/// Keeps in the cache what vouches for an image. What cannot be kept is asked for again.
pub(super) fn keep(cache: &Path, chosen: &Chosen, sidecar: Option<&[u8]>) {
    let path = statement_path(cache, &chosen.statement.id());
    let mut files = vec![(path, chosen.statement.bytes())];
    if let Some(sidecar) = sidecar {
        let path = Cache::new(cache.to_owned()).path(&chosen.image.chain);
        files.push((path, sidecar));
    }
    let _ = keep_all(cache, &files);
}

/// Writes the files that are not there, for all who may use the cache.
fn keep_all(cache: &Path, files: &[(PathBuf, &[u8])]) -> io::Result<()> {
    fs::create_dir_all(cache)?;
    let modes = Modes::of(cache)?;
    for (path, bytes) in files {
        if !path.exists() {
            modes.make_folders(path.parent().unwrap_or(cache))?;
            write_atomic(path, bytes, Access::Umask)?;
            modes.apply(&sreg_files::open(path)?);
        }
    }
    Ok(())
}

/// The sidecar of a chain that the cache has, of at most so many bytes. Others may write there.
pub(super) fn sidecar(cache: &Path, chain: &Digest, most: usize) -> Option<Vec<u8>> {
    sreg_files::read_capped(&Cache::new(cache.to_owned()).path(chain), most).ok()
}
