//! From the name of a store to the store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use crate::{Http, Local, Patience, S3, Store, StoreError};

/// With what a store is read and written.
#[derive(Clone, Default)]
pub struct Access {
    /// How long servers are waited for.
    pub patience: Patience,
    /// What a web server wants to be shown.
    pub token: Option<String>,
    /// What is set for a cloud besides the environment, and goes first: names as the environment's
    /// variables have them, such as `AWS_ENDPOINT_URL`.
    pub options: Vec<(String, String)>,
}

impl fmt::Debug for Access {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// Whether a name is a URL, and not that of a folder.
#[must_use]
pub fn is_url(name: &str) -> bool {
    ["http://", "https://", "s3://", "file://"]
        .iter()
        .any(|scheme| name.starts_with(scheme))
}

/// The path in a `file://` URL (RFC 8089), percent-decoded.
fn file_path(name: &str) -> Result<PathBuf, StoreError> {
    let wrong = |what: &str| StoreError::Name {
        name: crate::shown(name),
        what: what.to_owned(),
    };
    let expected = "after file:// stands the full path of a folder";
    let url = Url::parse(name).map_err(|_| wrong(expected))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("'?' and '#' in a path are written as %3F and %23"));
    }
    url.to_file_path().map_err(|()| wrong(expected))
}

/// Opens the store that a name names: `http://`, `https://`, `s3://bucket/prefix`, `file:///folder`,
/// or a folder.
///
/// # Errors
/// When the name is malformed, or what it needs cannot be set up.
pub fn open(name: &str, access: &Access) -> Result<Arc<dyn Store>, StoreError> {
    if name.starts_with("http://") || name.starts_with("https://") {
        return Ok(Arc::new(Http::open(name, access)?));
    }
    if name.starts_with("s3://") {
        return Ok(Arc::new(S3::open(name, access)?));
    }
    if let Some((scheme, _)) = name.split_once("://")
        && scheme != "file"
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return Err(StoreError::Name {
            name: crate::shown(name),
            what: format!(
                "{scheme}:// is none of https://, http://, s3:// and file://, and no folder"
            ),
        });
    }
    if name.starts_with("file://") {
        return Ok(Arc::new(Local::new(&file_path(name)?)));
    }
    Ok(Arc::new(Local::new(Path::new(name))))
}
