//! As much of S3 as sreg speaks: objects, ranges, conditions, uploads in parts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{Mock, Request, Response, lock};

/// What stands under each key, with its entity tag.
pub type Objects = BTreeMap<String, (Vec<u8>, String)>;

/// Says what is answered in the place of the server, where it says something.
type Fault = dyn Fn(&Request) -> Option<Response> + Send + Sync;

/// A server that speaks S3, with one bucket, named `registry`. Any credentials will do.
#[derive(Debug)]
pub struct S3Mock {
    mock: Mock,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    objects: Mutex<Objects>,
    uploads: Mutex<BTreeMap<String, BTreeMap<usize, Vec<u8>>>>,
    written: Mutex<u64>,
    received: Mutex<u64>,
    before: RwLock<Option<Arc<Fault>>>,
    after: RwLock<Option<Arc<Fault>>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl Default for S3Mock {
    fn default() -> Self {
        Self::start()
    }
}

impl S3Mock {
    /// Starts a server.
    #[must_use]
    pub fn start() -> Self {
        let state = Arc::new(State::default());
        let answering = Arc::clone(&state);
        let mock = Mock::start(move |request| answering.handle(request));
        Self { mock, state }
    }

    /// Returns the endpoint's URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.mock.url()
    }

    /// Returns the settings with which a store reaches it.
    #[must_use]
    pub fn options(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint().as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "somebody"),
            ("AWS_SECRET_ACCESS_KEY", "something"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// From now on `fault` answers in the place of the server what it has a response to.
    pub fn fail(&self, fault: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) {
        set(&self.state.before, Some(Arc::new(fault)));
    }

    /// From now on `fault` answers, once the request has had its effect, what it has a response to.
    pub fn fail_after(&self, fault: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) {
        set(&self.state.after, Some(Arc::new(fault)));
    }

    /// From now on all is well.
    pub fn calm(&self) {
        set(&self.state.before, None);
        set(&self.state.after, None);
    }

    /// Returns a copy of all objects.
    #[must_use]
    pub fn objects(&self) -> Objects {
        lock(&self.state.objects).clone()
    }

    /// Replaces all objects.
    pub fn set(&self, objects: Objects) {
        *lock(&self.state.objects) = objects;
    }

    /// Returns how many requests came so far, answered or not, since the server started.
    #[must_use]
    pub fn received(&self) -> u64 {
        *lock(&self.state.received)
    }

    /// Puts an object, by its key in the bucket.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        self.state.put(key, bytes.to_vec());
    }

    /// Removes an object.
    pub fn remove(&self, key: &str) {
        lock(&self.state.objects).remove(key);
    }

    /// Returns the requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.mock.requests()
    }

    /// Returns how many of the requests so far are like this.
    #[must_use]
    pub fn count(&self, is_counted: impl Fn(&Request) -> bool) -> usize {
        self.mock.count(is_counted)
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.mock.forget();
    }
}

fn set(place: &RwLock<Option<Arc<Fault>>>, fault: Option<Arc<Fault>>) {
    *place.write().unwrap_or_else(PoisonError::into_inner) = fault;
}

impl State {
    fn put(&self, key: &str, bytes: Vec<u8>) -> String {
        let mut written = lock(&self.written);
        *written += 1;
        let tag = format!("\"{:032x}\"", *written);
        lock(&self.objects).insert(key.to_owned(), (bytes, tag.clone()));
        tag
    }

    fn handle(&self, request: &Request) -> Response {
        *lock(&self.received) += 1;
        let fault = |place: &RwLock<Option<Arc<Fault>>>| {
            // One that takes its time is not to keep the next from its place.
            let fault = place.read().unwrap_or_else(PoisonError::into_inner).clone();
            fault.and_then(|fault| fault(request))
        };
        if let Some(response) = fault(&self.before) {
            return response;
        }
        let response = self.answer(request);
        fault(&self.after).unwrap_or(response)
    }

    fn answer(&self, request: &Request) -> Response {
        let Some(key) = request.path.strip_prefix("/registry/") else {
            return Response::error(404, "NoSuchBucket");
        };
        let parameter = |name: &str| {
            let pairs = request
                .query
                .split('&')
                .filter_map(|pair| pair.split_once('='));
            let mut values = pairs.filter(|(other, _)| *other == name);
            values.next().map(|(_, value)| value.to_owned())
        };
        match (request.method.as_str(), parameter("uploadId")) {
            ("GET" | "HEAD", _) => self.get(request, key),
            ("POST", None) => {
                let mut uploads = lock(&self.uploads);
                let id = format!("upload-{}", uploads.len() + 1);
                uploads.insert(id.clone(), BTreeMap::new());
                let text = format!(
                    "<InitiateMultipartUploadResult><Bucket>registry</Bucket><Key>{key}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                );
                Response::new(200, text)
            }
            ("PUT", Some(id)) => {
                let number = parameter("partNumber").and_then(|number| number.parse().ok());
                match (lock(&self.uploads).get_mut(&id), number) {
                    (Some(parts), Some(number)) => {
                        parts.insert(number, request.body.clone());
                        Response::new(200, "").with("etag", format!("\"part-{number}\""))
                    }
                    _ => Response::error(404, "NoSuchUpload"),
                }
            }
            ("POST", Some(id)) => {
                let Some(parts) = lock(&self.uploads).remove(&id) else {
                    return Response::error(404, "NoSuchUpload");
                };
                let tag = self.put(key, parts.into_values().flatten().collect());
                let text = format!(
                    "<CompleteMultipartUploadResult><Location>x</Location><Bucket>registry</Bucket><Key>{key}</Key><ETag>{tag}</ETag></CompleteMultipartUploadResult>"
                );
                Response::new(200, text)
            }
            ("DELETE", Some(id)) => {
                lock(&self.uploads).remove(&id);
                Response::new(204, "")
            }
            ("PUT", None) => self.put_object(request, key),
            ("DELETE", None) => {
                lock(&self.objects).remove(key);
                Response::new(204, "")
            }
            _ => Response::error(501, "NotImplemented"),
        }
    }

    fn put_object(&self, request: &Request, key: &str) -> Response {
        let found = lock(&self.objects).get(key).map(|(_, tag)| tag.clone());
        if request.header("if-none-match").is_some() && found.is_some() {
            return Response::error(412, "PreconditionFailed");
        }
        match (request.header("if-match"), &found) {
            (Some(_), None) => return Response::error(404, "NoSuchKey"),
            (Some(tag), Some(found)) if tag != found => {
                return Response::error(412, "PreconditionFailed");
            }
            _ => {}
        }
        let Some(source) = request.header("x-amz-copy-source") else {
            let tag = self.put(key, request.body.clone());
            return Response::new(200, "").with("etag", tag);
        };
        let source = source.trim_start_matches('/').replace("%3A", ":");
        let source = source.strip_prefix("registry/").unwrap_or_default();
        let Some((bytes, _)) = lock(&self.objects).get(source).cloned() else {
            return Response::error(404, "NoSuchKey");
        };
        let tag = self.put(key, bytes);
        Response::new(
            200,
            format!("<CopyObjectResult><ETag>{tag}</ETag></CopyObjectResult>"),
        )
    }

    fn get(&self, request: &Request, key: &str) -> Response {
        let objects = lock(&self.objects);
        let Some((bytes, tag)) = objects.get(key) else {
            return Response::error(404, "NoSuchKey");
        };
        let last_modified = "Mon, 21 Sep 2026 14:13:20 GMT";
        let response = match request.range() {
            Some(range) if range.start >= bytes.len() => {
                return Response::error(416, "InvalidRange");
            }
            Some(range) => {
                let end = range.end.min(bytes.len());
                let size = bytes.len();
                Response::new(206, &bytes[range.start..end]).with(
                    "content-range",
                    format!("bytes {}-{}/{size}", range.start, end - 1),
                )
            }
            None => Response::new(200, bytes.clone()),
        };
        response
            .with("etag", tag)
            .with("last-modified", last_modified)
    }
}
