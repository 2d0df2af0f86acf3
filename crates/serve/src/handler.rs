//! Answers requests.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HOST,
    HeaderName, LAST_MODIFIED, LINK, LOCATION, RANGE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use sreg_model::Digest;
use tokio::sync::Semaphore;

use crate::body::{Body, FileBody};
use crate::conditions::{self, Verdict};
use crate::crowd::{Crowd, Holding, Member};
use crate::error_response::{Refusal, is_oci};
use crate::file::{Content, Found, Looked, MAX_DOCUMENT, look, read};
use crate::file_cache::{FileCache, quoted};
use crate::head_timeout::RunningResponse;
use crate::log::{self, Entry, Log, Logged};
use crate::path::{RequestPath, Unfit};
use crate::query::Query;
use crate::range::{self, RangeRequest};
use crate::root::{Root, Wait, is_short};
use crate::tags::{self, Page};
use sreg_model::layout::ASK_AGAIN;

/// The maximal number of header fields of a file, so that their table never grows.
const FIELDS: usize = 12;
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The served registry, and its resources.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) root: Root,
    /// What was computed for small files.
    pub(crate) cache: FileCache,
    /// The permits of requests that look up a file.
    pub(crate) looks: Semaphore,
    /// The connections, and the files that are sent.
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) log: Option<Log>,
}

/// Answers a request. Its body is dropped, as no request needs one.
pub(crate) async fn handle(
    site: &Arc<Site>,
    member: &Arc<Member>,
    request: Request<Incoming>,
    running: RunningResponse,
) -> Response<Logged> {
    let head = request.into_parts().0;
    let entry = site
        .log
        .as_ref()
        .map(|log| Entry::new(log.clone(), &head.method, &head.uri));
    let answered = match has_host(head.version, &head.headers) {
        true => respond(site, member, &head).await,
        false => Err(Refusal::Host),
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(refusal) => refuse(refusal, &head.uri),
    };
    let fields = response.headers_mut();
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_oci(head.uri.path()) {
        fields.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    }
    log::logged(response, entry, running)
}

/// Returns whether a request names exactly one host, or, in HTTP/1.0, at most one.
fn has_host(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => host.is_empty() || host.to_str().is_ok_and(is_host),
        (Some(_), Some(_)) => false,
    }
}

/// Returns whether a text is a host, perhaps with a port (RFC 9110, 7.2).
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else {
        return false;
    };
    let port = authority.as_str().strip_prefix(authority.host());
    let has_port = port.is_some_and(|port| !port.is_empty() && port != ":");
    !text.contains(['@', '%', ',']) && (!has_port || authority.port_u16().is_some())
}

fn refuse(refusal: Refusal, uri: &Uri) -> Response<Body> {
    let mut response = refusal.answer(uri.path());
    let fields = response.headers_mut();
    let (name, value) = match refusal {
        Refusal::Method => (ALLOW, "GET, HEAD".to_owned()),
        Refusal::Busy => (RETRY_AFTER, "1".to_owned()),
        Refusal::Range(size) => (CONTENT_RANGE, format!("bytes */{size}")),
        _ => return response,
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        fields.insert(name, value);
    }
    response
}

async fn respond(
    site: &Arc<Site>,
    member: &Arc<Member>,
    head: &Parts,
) -> Result<Response<Body>, Refusal> {
    let Parts {
        method,
        uri,
        headers,
        ..
    } = head;
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(Refusal::Method);
    }
    let path = RequestPath::parse(uri.path()).map_err(|unfit| match unfit {
        Unfit::Malformed => Refusal::Malformed,
        Unfit::Hidden => Refusal::Missing,
    })?;
    let query = Query::parse(uri.query());
    let mut permit = None;
    loop {
        // What is in memory is found at once, on the thread that answers.
        let (looked, look) = match search(site, &path, &query, uri.path(), Wait::Never) {
            Err(Unsearched::WouldBlock) => {
                // Semaphores are never closed.
                let look = site.looks.acquire().await.map_err(|_| Refusal::Busy)?;
                (
                    search_elsewhere(site, &path, &query, uri).await?,
                    Some(look),
                )
            }
            Err(Unsearched::Refused(refusal)) => return Err(refusal),
            Ok(looked) => (looked, None),
        };
        let found = match looked {
            Looked::Nothing => return Err(Refusal::Missing),
            Looked::FolderWithIndex => return redirect(uri.path()),
            Looked::File(found) => found,
        };
        let is_sent = method == Method::GET;
        if is_sent && permit.is_none() && matches!(found.content, Content::Open(..)) {
            permit = site.crowd.file_at_once(member);
            if permit.is_none() {
                // Waits without a file, and what is small never waits for what is large.
                drop((found, look));
                permit = Some(site.crowd.file(member).await.ok_or(Refusal::Busy)?);
                continue;
            }
        }
        let range = headers.get(RANGE).filter(|_| is_sent);
        return send(*found, headers, range, permit);
    }
}

/// Looks up a file on a thread that may wait for a disk.
async fn search_elsewhere(
    site: &Arc<Site>,
    path: &RequestPath,
    query: &Query,
    uri: &Uri,
) -> Result<Looked, Refusal> {
    let (at, path, query) = (Arc::clone(site), path.clone(), query.clone());
    let asked = uri.path().to_owned();
    let look = move || search(&at, &path, &query, &asked, Wait::Allowed);
    let looked = tokio::task::spawn_blocking(look).await;
    looked
        .map_err(|_| Refusal::Unreadable)?
        .map_err(|unsearched| match unsearched {
            Unsearched::Refused(refusal) => refusal,
            Unsearched::WouldBlock => Refusal::Busy,
        })
}

/// Why a lookup has no result.
enum Unsearched {
    /// The lookup would wait for a disk.
    WouldBlock,
    Refused(Refusal),
}

impl From<io::Error> for Unsearched {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock => Self::WouldBlock,
            io::ErrorKind::PermissionDenied => Self::Refused(Refusal::Denied),
            _ if is_short(&error) => Self::Refused(Refusal::Busy),
            _ => Self::Refused(Refusal::Unreadable),
        }
    }
}

/// Looks up the file of a request, first for its architecture, and selects the requested page.
fn search(
    site: &Site,
    path: &RequestPath,
    query: &Query,
    asked: &str,
    wait: Wait,
) -> Result<Looked, Unsearched> {
    let for_arch = query.arch.and_then(|arch| path.for_arch(arch));
    if let Some(path) = for_arch
        && let Looked::File(found) = look(&site.root, &site.cache, &path, wait)?
    {
        return Ok(Looked::File(found));
    }
    let looked = look(&site.root, &site.cache, path, wait)?;
    match looked {
        Looked::File(found) if path.is_list() && (query.n.is_some() || query.last.is_some()) => {
            paged(*found, query, asked, wait)
        }
        looked => Ok(looked),
    }
}

/// Selects a page of a list of tags. A list that is too long to be read whole is sent whole.
fn paged(found: Found, query: &Query, asked: &str, wait: Wait) -> Result<Looked, Unsearched> {
    let list: Bytes = match &found.content {
        Content::Small(bytes) => bytes.clone(),
        Content::Open(file, _) if found.length <= MAX_DOCUMENT => {
            read(file, found.length, wait)?.into()
        }
        Content::Open(..) => return Ok(Looked::File(Box::new(found))),
    };
    let found = match tags::page(&list, asked, query) {
        Page::NoNumber => return Err(Unsearched::Refused(Refusal::PageSize)),
        Page::Whole => found,
        Page::Part { body, next } => Found {
            etag: quoted(&Digest::of(&body))?,
            length: body.len() as u64,
            content: Content::Small(body.into()),
            next,
            ..found
        },
    };
    Ok(Looked::File(Box::new(found)))
}

/// Returns a redirect to the folder with its slash, because links in its page are relative to it.
fn redirect(path: &str) -> Result<Response<Body>, Refusal> {
    let location = HeaderValue::try_from(format!("{path}/")).map_err(|_| Refusal::Malformed)?;
    let mut response = Response::new(Body::Bytes("the folder's index\n".into()));
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    let fields = response.headers_mut();
    fields.insert(LOCATION, location);
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    fields.insert(CONTENT_TYPE, text);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
    Ok(response)
}

fn send(
    found: Found,
    headers: &HeaderMap,
    range: Option<&HeaderValue>,
    permit: Option<Holding>,
) -> Result<Response<Body>, Refusal> {
    let mut response = Response::new(Body::Bytes(Bytes::new()));
    *response.headers_mut() = HeaderMap::with_capacity(FIELDS);
    describe(&found, response.headers_mut())?;
    let etag = found.etag.to_str().map_err(|_| Refusal::Unreadable)?;
    match conditions::judge(headers, etag, found.modified) {
        Verdict::Send => {}
        Verdict::Failed => return Err(Refusal::Condition),
        Verdict::Unchanged => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
    }
    let asked = range
        .filter(|_| conditions::fits(headers, etag, found.modified))
        .and_then(|range| range.to_str().ok())
        .map_or(RangeRequest::Whole, |range| {
            range::parse(range, found.length)
        });
    let part = match asked {
        RangeRequest::Whole => 0..found.length,
        RangeRequest::Part(part) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let last = part.end - 1;
            let value = format!("bytes {}-{last}/{}", part.start, found.length);
            set(response.headers_mut(), CONTENT_RANGE, value)?;
            let length = HeaderValue::from(part.end - part.start);
            response.headers_mut().insert(CONTENT_LENGTH, length);
            part
        }
        RangeRequest::Outside => return Err(Refusal::Range(found.length)),
    };
    *response.body_mut() = match found.content {
        Content::Small(bytes) => {
            let at = |offset: u64| usize::try_from(offset).unwrap_or(bytes.len());
            Body::Bytes(bytes.slice(at(part.start)..at(part.end)))
        }
        Content::Open(file, state) => Body::File(FileBody::new(file, state, part, permit)),
    };
    Ok(response)
}

/// Sets the header fields that describe a file, whether it is sent or the client has it.
fn describe(found: &Found, fields: &mut HeaderMap) -> Result<(), Refusal> {
    let still = HeaderValue::from_static;
    fields.insert(CONTENT_TYPE, still(found.content_type));
    fields.insert(CACHE_CONTROL, still(found.cache_control));
    fields.insert(ACCEPT_RANGES, still("bytes"));
    fields.insert(ETAG, found.etag.clone());
    fields.insert(CONTENT_LENGTH, HeaderValue::from(found.length));
    if let Some(digest) = &found.digest {
        fields.insert(CONTENT_DIGEST, digest.clone());
    }
    if let Some(next) = &found.next {
        set(fields, LINK, next.clone())?;
    }
    // A date that is still to come would be no answer (RFC 9110, 8.8.2.1).
    let now = std::time::SystemTime::now();
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    if let Some(modified) = found.modified.filter(|time| (epoch..=now).contains(time)) {
        set(fields, LAST_MODIFIED, httpdate::fmt_http_date(modified))?;
    }
    Ok(())
}

fn set(fields: &mut HeaderMap, name: HeaderName, value: String) -> Result<(), Refusal> {
    let value = HeaderValue::try_from(value).map_err(|_| Refusal::Unreadable)?;
    fields.insert(name, value);
    Ok(())
}
