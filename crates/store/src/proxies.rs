//! The proxies that requests go through.

use std::fmt;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, NoProxy, Proxy, Url};

/// The proxies that requests go through, by the scheme of the URL that is requested. There are none by default.
///
/// A proxy is written as curl's variables have it: `http://`, `socks5://` or `socks5h://`, a host, and a port.
/// Text that names no proxy counts as none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy for `http://`.
    pub http: Option<String>,
    /// The proxy for `https://`.
    pub https: Option<String>,
    /// The proxy for schemes that have no other.
    pub all: Option<String>,
    /// Hosts, domains and networks that are reached without a proxy, with commas between.
    pub exceptions: Option<String>,
}

impl fmt::Debug for Proxies {
    /// Without the proxies, whose URLs may have credentials in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("exceptions", &self.exceptions)
            .finish_non_exhaustive()
    }
}

/// Proxies that were read.
#[derive(Debug, Clone)]
pub(crate) struct Routes(Arc<Matcher>);

impl Routes {
    /// Returns the proxy for a URL, without credentials.
    pub(crate) fn proxy_of(&self, url: &Url) -> Option<Url> {
        let uri: http::Uri = url.as_str().parse().ok()?;
        let proxy = self.0.intercept(&uri)?;
        let mut proxy: Url = proxy.uri().to_string().parse().ok()?;
        // Fails only for a URL that has no host.
        let _ = proxy.set_username("");
        let _ = proxy.set_password(None);
        Some(proxy)
    }
}

impl Proxies {
    pub(crate) fn routes(&self) -> Routes {
        let matcher = Matcher::builder()
            .http(self.http.clone().unwrap_or_default())
            .https(self.https.clone().unwrap_or_default())
            .all(self.all.clone().unwrap_or_default())
            .no(self.exceptions.clone().unwrap_or_default());
        Routes(Arc::new(matcher.build()))
    }

    /// Makes a client use these proxies, and none that the environment names.
    pub(crate) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        let exceptions = self.exceptions.as_deref().and_then(NoProxy::from_string);
        let mut builder = builder.no_proxy();
        // The first that fits a URL is used.
        for (named, proxy) in [
            (&self.http, Proxy::http as fn(String) -> _),
            (&self.https, Proxy::https),
            (&self.all, Proxy::all),
        ] {
            let Some(url) = named.as_deref().and_then(with_scheme) else {
                continue;
            };
            if let Ok(proxy) = proxy(url) {
                builder = builder.proxy(proxy.no_proxy(exceptions.clone()));
            }
        }
        builder
    }
}

/// Returns a proxy's URL with its scheme, which is `http` if none is written; `None` if it names no proxy.
fn with_scheme(text: &str) -> Option<String> {
    let names_one = Matcher::builder().all(text.to_owned()).build();
    names_one.intercept(&http::Uri::from_static("http://proxied"))?;
    match text.contains("://") {
        true => Some(text.to_owned()),
        false => Some(format!("http://{text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_by_scheme_and_their_exceptions() {
        let proxies = Proxies {
            http: Some("plain:3128".to_owned()),
            https: Some("ftp://no-proxy".to_owned()),
            all: Some("socks5h://ada:secret@other:1080".to_owned()),
            exceptions: Some("example.org, 10.0.0.0/8".to_owned()),
        };
        let routes = proxies.routes();
        let of = |url: &str| {
            let proxy = routes.proxy_of(&url.parse().unwrap());
            proxy.map(|proxy| proxy.to_string())
        };
        assert_eq!(of("http://a.net/x").as_deref(), Some("http://plain:3128/"));
        assert_eq!(
            of("https://a.net/x").as_deref(),
            Some("socks5h://other:1080/")
        );
        assert_eq!(of("https://www.example.org/x"), None);
        assert_eq!(of("http://10.1.2.3/x"), None);
        assert!(!format!("{proxies:?}").contains("secret"));
    }

    #[test]
    fn text_that_names_no_proxy_is_none() {
        for (text, url) in [
            ("proxy:3128", Some("http://proxy:3128")),
            ("proxy", Some("http://proxy")),
            ("https://proxy", Some("https://proxy")),
            ("socks5://a:b@proxy", Some("socks5://a:b@proxy")),
            ("", None),
            ("ftp://proxy", None),
            ("two words", None),
        ] {
            assert_eq!(with_scheme(text).as_deref(), url, "{text}");
        }
    }
}
