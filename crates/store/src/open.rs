//! Opens stores by name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use crate::{
    Addresses, Credentials, Http, Local, Proxies, RetryPolicy, S3, Scheme, Store, StoreError,
    Timeouts,
};

/// The configuration of a store.
#[derive(Clone, Default)]
pub struct StoreConfig {
    /// The time limits for servers.
    pub timeouts: Timeouts,
    /// The retry policy.
    pub retry: RetryPolicy,
    /// The bearer token for web servers.
    pub token: Option<String>,
    /// Settings of a bucket, named like the variables of the AWS tools, such as `AWS_ENDPOINT_URL`.
    pub options: Vec<(String, String)>,
    /// Where the credentials for a bucket come from.
    pub credentials: Credentials,
    /// The proxies that requests go through.
    pub proxies: Proxies,
    /// The permitted addresses of servers.
    pub addresses: Addresses,
}

impl fmt::Debug for StoreConfig {
    /// Formats the configuration without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("timeouts", &self.timeouts)
            .field("retry", &self.retry)
            .field("addresses", &self.addresses)
            .field("credentials", &self.credentials)
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}

/// Returns whether a name is a URL, and not that of a folder.
#[must_use]
pub fn is_url(name: &str) -> bool {
    Scheme::of(name) != Scheme::Folder || name.starts_with("file://")
}

/// Returns the path in a `file://` URL (RFC 8089), percent-decoded.
///
/// # Errors
/// `Name` if the URL has no full path, or a query or a fragment.
pub fn file_path(name: &str) -> Result<PathBuf, StoreError> {
    let wrong = |what: &str| StoreError::Name {
        name: crate::shown(name),
        what: what.to_owned(),
    };
    let expected = "file:// needs the full path of a folder after it";
    let url = Url::parse(name).map_err(|_| wrong(expected))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("'?' and '#' in a path are written as %3F and %23"));
    }
    url.to_file_path().map_err(|()| wrong(expected))
}

/// Opens a store by its name: `http://`, `https://`, `s3://bucket/prefix`, `file:///folder`, or a
/// folder.
///
/// # Errors
/// If the name is malformed, or the client cannot be set up.
pub fn open(name: &str, config: &StoreConfig) -> Result<Arc<dyn Store>, StoreError> {
    match Scheme::of(name) {
        Scheme::Web => return Ok(Arc::new(Http::open(name, config)?)),
        Scheme::S3 => return Ok(Arc::new(S3::open(name, config)?)),
        _ => {}
    }
    if let Some((scheme, _)) = name.split_once("://")
        && scheme != "file"
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return Err(StoreError::Name {
            name: crate::shown(name),
            what: format!(
                "{scheme}:// is not supported: use https://, http://, s3://, file:// or a folder"
            ),
        });
    }
    // A folder of that name would be made where a server was meant.
    let misspelled = ["http:", "https:", "s3:"]
        .into_iter()
        .find(|scheme| name.starts_with(scheme) && !Path::new(name).exists());
    if let Some(scheme) = misspelled {
        return Err(StoreError::Name {
            name: scheme.to_owned(),
            what: format!("expected {scheme}// and a host or a bucket"),
        });
    }
    if name.starts_with("file://") {
        return Ok(Arc::new(Local::new(&file_path(name)?)));
    }
    Ok(Arc::new(Local::new(Path::new(name))))
}
