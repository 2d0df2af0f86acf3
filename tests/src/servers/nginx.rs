//! nginx, as a host of static files.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::process::{Process, Start};

/// An nginx that serves a folder, with ranges and `sendfile`. It ends when dropped.
#[derive(Debug)]
pub struct Nginx {
    // Dropped before the folder that it works in.
    process: Process,
    _work: TempDir,
}

impl Nginx {
    /// Serves the files below `root`, which may change meanwhile. Every file is
    /// `application/octet-stream`; a folder is its `index.html`.
    ///
    /// # Panics
    /// If nginx is missing or does not start.
    #[must_use]
    pub fn start(root: &Path) -> Self {
        Self::with(root, "", "default_type application/octet-stream;")
    }

    /// Serves the registry below `root`, which is published for nginx, as its `nginx.conf` says. Around it
    /// stands what distributions have that would be wrong here: types by endings, and compression.
    ///
    /// # Panics
    /// As for [`Nginx::start`].
    #[must_use]
    pub fn of_registry(root: &Path) -> Self {
        let around = "types { text/html html; } default_type text/html;
            gzip on; gzip_types *; gzip_min_length 1;";
        let root = root.canonicalize().expect("the served folder exists");
        let include = format!("include \"{}\";", shown(&root.join("nginx.conf")));
        Self::with(&root, around, &include)
    }

    /// Stands before what a server has below a path, as a website endpoint or a CDN stands before a
    /// bucket: a folder is its `index.html`.
    ///
    /// # Panics
    /// As for [`Nginx::start`].
    #[must_use]
    pub fn before(endpoint: &str, path: &str) -> Self {
        let pass = format!(
            "location / {{
                rewrite ^(.*)/$ {path}$1/index.html break;
                rewrite ^(.*)$ {path}$1 break;
                proxy_pass {endpoint};
            }}"
        );
        Self::with(&std::env::temp_dir(), "", &pass)
    }

    /// A server for `root`, with directives of its own, and others around it.
    fn with(root: &Path, around: &str, directives: &str) -> Self {
        let work = TempDir::new().expect("a temporary folder can be made");
        let folder = work.path();
        let root = root.canonicalize().expect("the served folder exists");
        let ready = format!(
            "/ready-{}",
            folder.file_name().unwrap_or_default().display()
        );
        let owner = fs::metadata(folder)
            .expect("the folder was just made")
            .uid();
        let config = folder.join("nginx.conf");
        let log = folder.join("log");
        let process = Process::start(&Start {
            program: "nginx",
            signal: "TERM",
            log: &log,
            ready: &ready,
            arguments: &|address| {
                let ready = format!("location = {ready} {{ return 200; }}");
                let directives = format!("{ready} {directives}");
                let text = configuration(address, folder, &root, owner == 0, around, &directives);
                fs::write(&config, text).expect("the configuration can be written");
                ["-e", "stderr", "-p", &shown(folder), "-c", &shown(&config)]
                    .map(String::from)
                    .to_vec()
            },
        });
        Self {
            process,
            _work: work,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// The URL of the served folder, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }
}

/// A path as configurations and arguments have it.
fn shown(path: &Path) -> String {
    path.to_str()
        .expect("temporary folders have names in UTF-8")
        .to_owned()
}

/// The whole configuration: nothing is read from or written to the system's places.
fn configuration(
    address: SocketAddr,
    work: &Path,
    root: &Path,
    as_root: bool,
    around: &str,
    directives: &str,
) -> String {
    // As root, its workers would be `nobody`, who cannot read a temporary folder.
    let user = if as_root { "user root root;" } else { "" };
    let (work, root) = (shown(work), shown(root));
    format!(
        r#"{user}
daemon off;
worker_processes 2;
pid "{work}/pid";
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    types {{ }}
    keepalive_requests 1000000;
    client_body_temp_path "{work}/body";
    proxy_temp_path "{work}/proxy";
    fastcgi_temp_path "{work}/fastcgi";
    uwsgi_temp_path "{work}/uwsgi";
    scgi_temp_path "{work}/scgi";
    {around}
    server {{
        listen {address};
        absolute_redirect off;
        root "{root}";
        {directives}
    }}
}}
"#
    )
}
