//! Opens a bucket: its name, its settings, its clients.

use std::sync::atomic::AtomicBool;

use object_store::ClientOptions;
use object_store::RetryConfig;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use reqwest::Url;
use sreg_model::redact::redact;

use super::{S3, answer, copy, credentials, one_line, signed, slash};
use crate::runtime::block_on;
use crate::s3::credentials::Credentials;
use crate::{StoreConfig, StoreError, web};

impl S3 {
    /// Opens the objects below `s3://bucket/prefix`, with the credentials and the settings of `config`.
    ///
    /// # Errors
    /// [`StoreError::Name`] if the URL or a setting is malformed; [`StoreError::Denied`] if a setting is missing.
    pub fn open(url: &str, config: &StoreConfig) -> Result<Self, StoreError> {
        let url = url.trim_end_matches('/');
        let wrong = |what: String| StoreError::Name {
            name: redact(url).into_owned(),
            what,
        };
        let rest = url.strip_prefix("s3://").unwrap_or(url);
        if rest.contains('@') {
            return Err(wrong(
                "credentials are not part of a URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                    .to_owned(),
            ));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong("s3:// is followed by a bucket's name".to_owned()));
        }
        let plain = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !prefix.is_empty() && !prefix.split('/').all(plain) {
            return Err(wrong(
                "the prefix is made of letters, digits, '.', '_' and '-', with '/' between"
                    .to_owned(),
            ));
        }
        // Retries are this crate's.
        let retry = RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        };
        let mut builder = AmazonS3Builder::new();
        for (name, value) in &config.options {
            let key = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>();
            let key = key.map_err(|_| wrong(format!("{name} is no setting of S3")))?;
            builder = builder.with_config(key, value);
        }
        let mut builder = builder
            .with_bucket_name(bucket)
            .with_client_options(ClientOptions::new())
            // Objects are removed one by one; not all servers know more.
            .with_disable_bulk_delete(true)
            .with_retry(retry);
        let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .iter()
            .find_map(|key| builder.get_config_value(key));
        if let Some(endpoint) = &endpoint {
            check_endpoint(endpoint, allows_http(&config.options)).map_err(&wrong)?;
            builder = builder.with_allow_http(endpoint.starts_with("http://"));
        }
        if let Credentials::Profile(profile) = &config.credentials {
            let client = web::client(config).map_err(|error| wrong(error.to_string()))?;
            let client = run(async { client.build() }).map_err(&wrong)?;
            let client = client.map_err(|error| wrong(error.to_string()))?;
            let provider = credentials::ProfileProvider::new(profile, client);
            builder = builder.with_credentials(std::sync::Arc::new(provider));
        }
        let region = builder.get_config_value(&AmazonS3ConfigKey::Region);
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let unsigned = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature);
        let is_signed = unsigned.is_none_or(|unsigned| unsigned != "true");
        let at = match &endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("https://s3.{region}.amazonaws.com"),
        };
        let endpoint: Url = at
            .parse()
            .map_err(|_| wrong(format!("its endpoint {at} is no URL")))?;
        let connected = run(async { answer::Connector::new(&endpoint, config) });
        let (connector, client, guard) = connected.flatten().map_err(&wrong)?;
        let builder = builder.with_http_connector(connector);
        let sender = signed::Sender { client, region };
        let parts = builder.clone();
        let build = |builder: AmazonS3Builder| {
            let built = run(async { builder.build() }).map_err(&wrong)?;
            built.map_err(|error| match one_line(&error) {
                what if what.contains("Missing") => StoreError::Denied {
                    name: url.to_owned(),
                    what,
                },
                what => wrong(what),
            })
        };
        // A part is verified by a checksum that costs next to nothing, not by a second SHA-256.
        let parts = parts
            .with_unsigned_payload(true)
            .with_checksum_algorithm(Checksum::CRC64NVME);
        Ok(Self {
            name: url.to_owned(),
            prefix: prefix.to_owned(),
            bucket: build(builder)?,
            parts: build(parts)?,
            no_checksums: AtomicBool::new(false),
            sender,
            slashes: slash::Slashes::new(is_signed),
            endpoint,
            guard,
            timeouts: config.timeouts,
            retry: config.retry.clone(),
            most_copied: copy::MOST,
            may_read: AtomicBool::new(false),
        })
    }
}

/// Runs what needs the runtime to be there.
fn run<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, String> {
    block_on(future).map_err(|error| error.to_string())
}

/// Refuses a malformed endpoint, and plain HTTP without permission.
fn check_endpoint(endpoint: &str, allows_http: bool) -> Result<(), String> {
    let shown = redact(endpoint);
    if shown != endpoint {
        return Err(format!(
            "its endpoint, {shown}, has credentials in it: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ));
    }
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        // It may be `user:password@host`, and is not shown.
        return Err("its endpoint must begin with https:// or http://".to_owned());
    }
    let is_plain = endpoint.starts_with("http://");
    if is_plain && !is_loopback(endpoint) && !allows_http {
        return Err(format!(
            "its endpoint is {endpoint}: plain HTTP to another machine needs AWS_ALLOW_HTTP=true"
        ));
    }
    Ok(())
}

/// Returns whether an endpoint is on this machine, which plain HTTP may reach.
fn is_loopback(endpoint: &str) -> bool {
    let Some(rest) = endpoint.strip_prefix("http://") else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or(rest);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn allows_http(options: &[(String, String)]) -> bool {
    let is_named = |name: &str| name.eq_ignore_ascii_case("AWS_ALLOW_HTTP");
    let value = options.iter().rev().find(|(name, _)| is_named(name));
    value.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true") || value == "1")
}
