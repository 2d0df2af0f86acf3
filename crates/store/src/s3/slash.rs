//! Keys that end with a slash, as web servers use them for folders. `object_store` does not support
//! them.

use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderName, Method};
use reqwest::{Response, StatusCode};

use super::S3;
use super::signed::{self, Request, lost, refusal, refused};
use crate::{Object, Precondition, PutOutcome, Served, StoreError, Version};

/// Whether the server supports such keys.
#[derive(Debug)]
pub(super) struct Slashes {
    /// Whether the server refused such a key, or requests cannot be signed.
    refused: AtomicBool,
}

impl Slashes {
    /// Creates the state. Only signed requests can have such keys.
    pub(super) fn new(is_signed: bool) -> Self {
        Self {
            refused: AtomicBool::new(!is_signed),
        }
    }

    pub(super) fn are_kept(&self) -> bool {
        !self.refused.load(Ordering::Relaxed)
    }
}

pub(super) fn read(store: &S3, key: &str, max_bytes: usize) -> Result<Option<Object>, StoreError> {
    let read = async || {
        let mut answer = send(store, Method::GET, key, &[], Vec::new()).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            let refusal = refusal(answer).await;
            return match store.is_absent(&refusal) {
                true => Ok(None),
                false => Err(refusal.to_error(store.url(key), &store.name)),
            };
        }
        let version = answer.headers().get(ETAG).cloned();
        let version = version.and_then(|tag| tag.to_str().ok().map(str::to_owned));
        let mut bytes = Vec::new();
        while bytes.len() <= max_bytes
            && let Some(part) = answer.chunk().await.map_err(lost(store, key))?
        {
            bytes.extend_from_slice(&part);
        }
        bytes.truncate(max_bytes.saturating_add(1));
        let version = Version::of_tag(version.unwrap_or_default());
        Ok(Some(Object { bytes, version }))
    };
    store.retrying(key, read)
}

pub(super) fn write(
    store: &S3,
    key: &str,
    bytes: &[u8],
    condition: &Precondition,
    served: Served,
) -> Result<PutOutcome, StoreError> {
    let write = async || {
        let mut headers = vec![
            (CONTENT_TYPE, served.content_type.to_owned()),
            (CACHE_CONTROL, served.cache_control.to_owned()),
        ];
        match condition {
            Precondition::Any => {}
            Precondition::Absent => headers.push((IF_NONE_MATCH, "*".to_owned())),
            Precondition::Is(version) => headers.push((IF_MATCH, version.tag.clone())),
        }
        let answer = send(store, Method::PUT, key, bytes, headers).await?;
        match answer.status() {
            status if status.is_success() => Ok(PutOutcome::Stored),
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => {
                Ok(PutOutcome::PreconditionFailed)
            }
            StatusCode::BAD_REQUEST
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => match refused(store, key, answer).await {
                error @ StoreError::Denied { .. } => Err(error),
                _ => {
                    store.slashes.refused.store(true, Ordering::Relaxed);
                    Ok(PutOutcome::Stored)
                }
            },
            _ => Err(refused(store, key, answer).await),
        }
    };
    store.retrying(key, write)
}

pub(super) fn remove(store: &S3, key: &str) -> Result<(), StoreError> {
    let remove = async || {
        let answer = send(store, Method::DELETE, key, &[], Vec::new()).await?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => Ok(()),
            _ => Err(refused(store, key, answer).await),
        }
    };
    store.retrying(key, remove)
}

async fn send(
    store: &S3,
    method: Method,
    key: &str,
    bytes: &[u8],
    headers: Vec<(HeaderName, String)>,
) -> Result<Response, StoreError> {
    let request = Request {
        method,
        key,
        query: String::new(),
        headers,
        bytes,
        is_slow: false,
    };
    signed::send(store, request).await
}
