//! The target of a command: a registry, a reference in one, or an image file.

use sreg_model::fault::Code;
use std::path::{Path, PathBuf};

use sreg_client::location::split;
use sreg_model::Reference;

use crate::error::CommandError;

/// The target of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A folder or a URL, which should be a registry.
    Registry(PathBuf),
    /// A reference in a registry.
    Reference(PathBuf, Reference),
    /// A file.
    File(PathBuf),
}

impl Target {
    /// Parses a target. A bare `namespace/name:tag` is in `registry`, unless it is a path.
    pub(crate) fn parse(text: &str, registry: Option<&str>) -> Result<Self, CommandError> {
        check_scheme(text)?;
        if let Some((registry, reference)) = split(text) {
            return Ok(Self::Reference(
                PathBuf::from(registry),
                parse_reference(reference)?,
            ));
        }
        let path = Path::new(text);
        if sreg_store::is_url(text) || path.is_dir() {
            return Ok(Self::Registry(path.to_owned()));
        }
        if path.exists() {
            return Ok(Self::File(path.to_owned()));
        }
        match (text.parse::<Reference>(), registry) {
            (Ok(reference), Some(registry)) => {
                Ok(Self::Reference(PathBuf::from(registry), reference))
            }
            (Ok(_), None) => Err(CommandError::new(
                Code::MissingFile,
                format!("{text} not found"),
            )
            .with_hint(format!(
                "for a reference, put its registry in front: REGISTRY//{text}, or add --registry REGISTRY"
            ))),
            (Err(_), _) => Err(CommandError::new(
                Code::MissingFile,
                format!("{text} not found"),
            )),
        }
    }
}

/// Refuses URLs with an unsupported scheme.
pub(crate) fn check_scheme(text: &str) -> Result<(), CommandError> {
    let Some((scheme, _)) = text.split_once("://") else {
        return Ok(());
    };
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if sreg_store::is_url(text) || !is_scheme || Path::new(text).exists() {
        return Ok(());
    }
    Err(CommandError::new(
        Code::MalformedUrl,
        format!("unsupported scheme {scheme}://"),
    )
    .with_hint("use https://, http://, s3://, file:// or a folder"))
}

/// Parses `REGISTRY//namespace/name:tag`, or a bare reference in `registry`.
pub(crate) fn reference(
    text: &str,
    registry: Option<&str>,
) -> Result<(PathBuf, Reference), CommandError> {
    check_scheme(text)?;
    if let Some((registry, reference)) = split(text) {
        return Ok((PathBuf::from(registry), parse_reference(reference)?));
    }
    match registry {
        _ if sreg_store::is_url(text) => {
            let problem =
                CommandError::new(Code::Usage, format!("{text} is a URL without a reference"));
            Err(problem.with_hint(
                "use https://host/registry//namespace/name:tag for a reference, or https://host/file.sif@sha256:… for a file",
            ))
        }
        Some(registry) => Ok((PathBuf::from(registry), parse_reference(text)?)),
        None => {
            let problem = CommandError::new(Code::Usage, format!("{text} has no registry"));
            Err(problem.with_hint(format!(
                "put the registry in front, such as s3://bucket/registry//{text}, or add --registry"
            )))
        }
    }
}

pub(crate) fn parse_reference(text: &str) -> Result<Reference, CommandError> {
    text.parse()
        .map_err(|error: sreg_model::reference::ReferenceError| {
            CommandError::new(
                Code::Usage,
                format!(
                    "{text:?} is not a reference: {}",
                    sreg_registry::explain(&error)
                ),
            )
        })
}
