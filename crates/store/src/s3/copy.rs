//! Copies on the server.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, Method};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::{Attribute, PutMultipartOptions};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sreg_model::Digest;

use super::signed::{self, Request, lost, refused};
use super::{S3, attributes};
use crate::{Served, Store as _, StoreError};

/// The metadata key for the digest of a copy, after `x-amz-meta-`.
pub(super) const NOTED: &str = "sreg-digest";
/// The maximal number of bytes of one copy request. S3 accepts 5 GiB, and answers faster for less.
pub(super) const MOST: u64 = 1 << 30;
/// The maximal number of parts of an object. S3 accepts 10,000.
const PARTS: u64 = 9_000;

pub(super) fn copy(
    store: &S3,
    from: &str,
    key: &str,
    digest: &Digest,
    served: Served,
) -> Result<(), StoreError> {
    let max_bytes = store.most_copied;
    let size = store
        .size(from)?
        .ok_or_else(|| StoreError::status(&store.url(from), 404))?;
    if size <= max_bytes {
        let headers = vec![
            header("x-amz-metadata-directive", "REPLACE".to_owned()),
            header("x-amz-meta-sreg-digest", digest.to_string()),
            (CONTENT_TYPE, served.content_type.to_owned()),
            (CACHE_CONTROL, served.cache_control.to_owned()),
        ];
        let copied = || ask(store, from, key, "", headers.clone());
        return store.retrying(key, copied).map(|_| ());
    }
    in_parts(
        store,
        from,
        key,
        digest,
        served,
        (size, max_bytes.max(size.div_ceil(PARTS))),
    )
}

fn header(name: &'static str, value: String) -> (HeaderName, String) {
    (HeaderName::from_static(name), value)
}

/// Copies an object in parts, each on the server.
fn in_parts(
    store: &S3,
    from: &str,
    key: &str,
    digest: &Digest,
    served: Served,
    (size, part): (u64, u64),
) -> Result<(), StoreError> {
    let at = store.key(key)?;
    let mut attributes = attributes(served);
    attributes.insert(Attribute::Metadata(NOTED.into()), digest.to_string().into());
    let options = PutMultipartOptions {
        attributes,
        ..PutMultipartOptions::default()
    };
    let failed = |error| store.failed(key, error);
    let id = store.retrying(key, async || {
        let begun = store.bucket.create_multipart_opts(&at, options.clone());
        begun.await.map_err(failed)
    })?;
    let copied = (0..size.div_ceil(part)).map(|number| {
        let (start, end) = (number * part, size.min((number + 1) * part));
        let range = header(
            "x-amz-copy-source-range",
            format!("bytes={start}-{}", end - 1),
        );
        let query = format!(
            "partNumber={}&uploadId={}",
            number + 1,
            utf8_percent_encode(&id, QUERY)
        );
        let copied = || ask(store, from, key, &query, vec![range.clone()]);
        let content_id = store.retrying(key, copied)?;
        Ok(PartId { content_id })
    });
    let done = copied.collect::<Result<Vec<_>, _>>().and_then(|parts| {
        store.retrying(key, async || {
            let done = store.bucket.complete_multipart(&at, &id, parts.clone());
            done.await.map(drop).map_err(failed)
        })
    });
    match done {
        // The response to an earlier attempt may have been lost.
        Err(StoreError::Status { status: 404, .. })
            if store
                .copied(key)?
                .is_some_and(|found| found.size == size && found.digest == Some(*digest)) =>
        {
            Ok(())
        }
        Err(error) => {
            // Parts that stay cost their owner money; that they cannot be removed is not what went wrong.
            let aborted = store.bucket.abort_multipart(&at, &id);
            let _ = store.request(async { aborted.await.map_err(failed) });
            Err(error)
        }
        Ok(()) => Ok(()),
    }
}

/// Requests a copy of an object, or of a part of it. Returns its entity tag, with its quotes. The answer
/// may be 200 before the copy fails.
async fn ask(
    store: &S3,
    from: &str,
    key: &str,
    query: &str,
    mut headers: Vec<(HeaderName, String)>,
) -> Result<String, StoreError> {
    let source = format!("/{}/{}", store.bucket_name(), store.key(from)?);
    headers.push(header(
        "x-amz-copy-source",
        utf8_percent_encode(&source, PATH).to_string(),
    ));
    let request = Request {
        method: Method::PUT,
        key,
        query: query.to_owned(),
        headers,
        bytes: &[],
        is_slow: true,
    };
    let mut answer = signed::send(store, request).await?;
    if !answer.status().is_success() {
        return Err(refused(store, key, answer).await);
    }
    let said = signed::text(&mut answer).await.map_err(lost(store, key))?;
    let tag = said
        .split_once("<ETag>")
        .and_then(|(_, rest)| rest.split_once("</ETag>"));
    let tag = tag
        .filter(|_| !said.contains("<Error>"))
        .map(|(tag, _)| tag);
    let tag = tag.ok_or_else(|| {
        StoreError::unreachable(
            &store.url(key),
            "the server began a copy and did not end it",
        )
    })?;
    let tag = tag.replace("&quot;", "\"").replace("&#34;", "\"");
    Ok(format!("\"{}\"", tag.trim_matches('"')))
}

/// The characters that are escaped in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// The characters that are escaped in a path.
const PATH: &AsciiSet = &QUERY.remove(b'/');
