//! Error responses: JSON for OCI clients below `/v2/` (distribution-spec, "Error codes"), and otherwise
//! a line of text.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::body::Body;
use sreg_model::layout::ASK_AGAIN;

/// Returns whether a path belongs to the OCI API.
pub(crate) fn is_oci(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The file does not exist.
    Missing,
    /// The path cannot name a file.
    Malformed,
    /// The request does not name exactly one host (RFC 9112, section 3.2).
    Host,
    /// `n` of a list is not a number.
    PageSize,
    /// The method is neither GET nor HEAD.
    Method,
    /// The precondition of the request failed.
    Condition,
    /// The range is after the end of a file of this size.
    Range(u64),
    /// The server may not read the file.
    Denied,
    /// Too many files are open, or memory is short.
    Busy,
    /// The file cannot be read.
    Unreadable,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Malformed | Self::Host | Self::PageSize => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Condition => StatusCode::PRECONDITION_FAILED,
            Self::Range(_) => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreadable => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Missing => "not found",
            Self::Malformed => "no path of a registry",
            Self::Host => "a request needs exactly one Host field",
            Self::PageSize => "n is no number",
            Self::Method => "only GET and HEAD are answered",
            Self::Condition => "not the file that is asked for",
            Self::Range(_) => "the range lies behind the end",
            Self::Denied => "the server may not read it",
            Self::Busy => "server busy",
            Self::Unreadable => "it cannot be read",
        }
    }

    fn oci_code(self, path: &str) -> &'static str {
        match self {
            Self::Missing => unknown(path),
            Self::Malformed => "NAME_INVALID",
            Self::PageSize => "PAGINATION_NUMBER_INVALID",
            Self::Host | Self::Method | Self::Condition | Self::Range(_) => "UNSUPPORTED",
            Self::Denied => "DENIED",
            Self::Busy => "TOOMANYREQUESTS",
            Self::Unreadable => "UNKNOWN",
        }
    }

    /// Returns the response for a path, encoded.
    pub(crate) fn answer(self, path: &str) -> Response<Body> {
        let (content_type, body) = if is_oci(path) {
            let error = json!({"code": self.oci_code(path), "message": self.message()});
            let body = json!({"errors": [error]}).to_string();
            ("application/json", body)
        } else {
            let body = format!("{}\n", self.message());
            ("text/plain; charset=utf-8", body)
        };
        let mut response = Response::new(Body::Bytes(body.into()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
        response
    }
}

/// Returns the OCI error code for a missing file.
fn unknown(path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        [.., "manifests", _] => "MANIFEST_UNKNOWN",
        [.., "blobs", _] => "BLOB_UNKNOWN",
        _ => "NAME_UNKNOWN",
    }
}
