//! An image at a URL of its own, by its digest.

use sreg_client::fetch::{Source, Wanted};
use sreg_model::Digest;
use sreg_store::Http;

use super::target::Output as Target;
use super::{Answer, bring, say};
use crate::args;
use crate::exit;
use crate::output::Output;
use crate::place;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::target::split;

/// A URL of a file and its digest: `https://host/file.sif@sha256:…`.
pub(super) fn parse(text: &str) -> Option<(&str, Digest)> {
    let (url, digest) = text.rsplit_once('@')?;
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !is_web || split(text).is_some() {
        return None;
    }
    Some((url, digest.parse().ok()?))
}

pub(super) fn run(
    url: &str,
    digest: Digest,
    args: &args::Pull,
    output: &Output,
) -> Result<u8, Problem> {
    let name = url.split(['?', '#']).next().unwrap_or(url);
    let name = name.rsplit('/').next().unwrap_or_default();
    let is_plain = !name.is_empty()
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte));
    let name = match is_plain {
        true => name.to_owned(),
        false => format!("{}.sif", &digest.hex()[..12]),
    };
    let target = Target::of(args, &name)?;
    let mut sources = vec![source(url, url)?];
    for mirror in &args.mirrors {
        sources.push(source(url, mirror)?);
    }
    let wanted = Wanted {
        digest,
        size: None,
        chain: None,
    };
    let progress = ProgressBar::new(output, "pulled");
    let fetched = bring(args, &wanted, &sources, &target, &progress)?;
    let seconds = progress.seconds();
    drop(progress);
    fetched.warn(output);
    let answer = Answer {
        reference: sreg_store::shown(url),
        arch: None,
        digest,
        size: fetched.size,
        file: target.shown(),
        resumed: fetched.resumed,
        signers: Vec::new(),
        version: None,
        seconds,
    };
    say(&answer, &target, output)?;
    Ok(exit::OK)
}

/// A place of the file that the user names first by `first`.
fn source(first: &str, url: &str) -> Result<Source, Problem> {
    Ok(Source {
        store: std::sync::Arc::new(Http::file(url, &place::config_beside(first, url))?),
        key: String::new(),
    })
}
