//! `sreg refresh`

use super::change::{self, Answer};
use crate::error::CommandError;
use crate::keys::Opened;
use crate::output::{Output, moment};
use crate::progress::ProgressBar;
use crate::{args, exit, location};

pub(super) fn run(args: &args::Refresh, output: &Output) -> Result<u8, CommandError> {
    let opened = Opened::need(&args.signing, output)?;
    let keys = opened.keys(false, true);
    let expected = change::expected_of(&args.registry)?;
    let progress = ProgressBar::new(output, "hashed");
    let published = change::session(&keys, expected.pins(), &progress)?
        .renew(&location::destination(&args.registry)?)?;
    drop(progress);
    change::remember(&args.registry, &published, output);
    let head = &published.head;
    let body = head.body();
    let until = body.expires.and_then(moment).unwrap_or_default();
    let text = format!(
        "{}: version {} expires {until}\n",
        args.registry.display(),
        body.version
    );
    change::say(&Answer::published(head.id(), body.version), &text, output)?;
    Ok(exit::OK)
}
