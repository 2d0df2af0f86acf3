//! `sreg serve`

use serde::Serialize;
use sreg_client::location::is_remote;
use sreg_model::fault::Code;
use sreg_serve::{Options, Server, TlsFiles};

use crate::error::CommandError;
use crate::output::{Output, counted};
use crate::{args, exit, location, stop};

#[derive(Serialize)]
struct Answer {
    url: String,
}

pub(super) fn run(args: &args::Serve, output: &Output) -> Result<u8, CommandError> {
    let at = args.dir.display().to_string();
    let remote = || {
        CommandError::new(
            Code::NotSupported,
            format!("{at} is not a folder: sreg serve takes a folder"),
        )
        .with_hint(format!(
            "run `sreg mirror {at} FOLDER`, then serve that folder"
        ))
    };
    if is_remote(&at) {
        return Err(remote());
    }
    let registry = location::registry(&args.dir)?;
    let folder = registry.store().capabilities().folder.ok_or_else(remote)?;
    let mut options = Options::new(args.listen);
    // clap requires both or none.
    if let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) {
        options.tls = Some(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        });
    }
    options.workers = rayon::current_num_threads();
    if !output.is_quiet() {
        options.log = Some(sreg_serve::access_log());
    }
    let server = Server::bind(folder, options)?;
    let url = server.url();
    if !server.address().ip().is_loopback() {
        output.note("other machines can reach this address and read the whole registry");
    }
    if let Some(base) = &registry.settings().base_url {
        output.note(&format!("links in the views point to {base}"));
    }
    if output.is_json() {
        output.json(&Answer { url })?;
    } else {
        output.text(&format!("{url}\n"));
    }
    if output.is_lost() {
        // A script that waits for the URL would never continue.
        return Ok(exit::OK);
    }
    let ended = server.run(&stop::requested);
    if ended.cut > 0 {
        let connections = counted(ended.cut as u64, "connection");
        output.note(&format!("{connections} closed at the time limit"));
    }
    Ok(exit::OK)
}
