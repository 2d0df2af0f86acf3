//! The HTTP client of all stores: proxies, redirects, permitted addresses, and the errors of requests
//! without a response.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{ClientBuilder, Url};

use crate::proxies::Routes;
use crate::{Proxies, StoreConfig, StoreError, tls};

/// The maximal number of redirects of one request.
const REDIRECTS: usize = 5;

/// The addresses that sreg may reach if somebody other than the user names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addresses {
    /// Any address for the server in the URL. A redirect may lead to a private network only from a
    /// private network.
    #[default]
    OfUser,
    /// Any address, redirects included.
    Any,
    /// Only public addresses.
    Public,
}

/// The permitted addresses of the clients of one store.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    addresses: Addresses,
    /// The host that the user names.
    host: String,
    /// Whether that host is at an address of a private network.
    is_private: Arc<AtomicBool>,
    /// The proxies, whose hosts the user names, too.
    routes: Routes,
    proxies: Vec<String>,
}

impl Guard {
    pub(crate) fn new(url: &Url, addresses: Addresses, proxies: &Proxies) -> Self {
        let routes = proxies.routes();
        let is_private = literal(url).is_some_and(is_private);
        Self {
            addresses,
            host: url.host_str().unwrap_or_default().to_owned(),
            is_private: Arc::new(AtomicBool::new(is_private)),
            proxies: ["http://proxied", "https://proxied"]
                .iter()
                .filter_map(|url| routes.proxy_of(&url.parse().ok()?))
                .filter_map(|proxy| proxy.host_str().map(str::to_owned))
                .collect(),
            routes,
        }
    }

    /// Returns whether the server was seen at an address of a private network.
    pub(crate) fn is_private(&self) -> bool {
        self.is_private.load(Ordering::Relaxed)
    }

    /// Checks a literal address, in the URL itself or in a redirect.
    pub(crate) fn check(&self, url: &Url) -> Result<(), PrivateAddress> {
        let host = url.host_str().unwrap_or_default();
        match literal(url) {
            Some(address) if is_private(address) && !self.allows(host) => {
                Err(PrivateAddress(address))
            }
            _ => Ok(()),
        }
    }

    fn allows(&self, host: &str) -> bool {
        match self.addresses {
            Addresses::Any => true,
            Addresses::OfUser => host == self.host || self.is_private(),
            Addresses::Public => false,
        }
    }

    fn redirect(&self, attempt: Attempt<'_>) -> reqwest::redirect::Action {
        if attempt.previous().len() > REDIRECTS {
            return attempt.error(TooManyRedirects);
        }
        match self.check(attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(error) => attempt.error(error),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            if guard.proxies.iter().any(|proxy| proxy == host) {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            let private = found.iter().map(SocketAddr::ip).find(|ip| is_private(*ip));
            if let Some(address) = private {
                let is_own = host == guard.host
                    || host
                        .strip_suffix(guard.host.as_str())
                        .is_some_and(|rest| rest.ends_with('.'));
                if !(is_own && guard.addresses != Addresses::Public || guard.allows(host)) {
                    return Err(PrivateAddress(address).into());
                }
                if is_own {
                    guard.is_private.store(true, Ordering::Relaxed);
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The address belongs to a private network that may not be reached.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0} is a private network address")]
pub(crate) struct PrivateAddress(pub(crate) IpAddr);

#[derive(Debug, thiserror::Error)]
#[error("more than {REDIRECTS} redirects")]
struct TooManyRedirects;

fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_matches(['[', ']']).parse().ok()
}

/// Returns whether an address is not one of the public internet: loopback, link-local, private, shared or
/// unspecified (RFC 6890), also where an IPv6 address contains it.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => {
            let segments = address.segments();
            let embedded = match segments {
                [0, 0, 0, 0, 0, 0xffff, high, low]
                | [0, 0, 0, 0, 0, 0, high, low]
                | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
                | [0x2002, high, low, ..] => Some(v4(high, low)),
                _ => None,
            };
            embedded.is_some_and(is_private_v4)
                || address == Ipv6Addr::LOCALHOST
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || first == 0
        // Shared address space (RFC 6598).
        || (first == 100 && (64..128).contains(&second))
}

/// Returns a client with the proxies of a configuration, and with TLS that needs no default of the process.
///
/// # Errors
/// If TLS cannot be set up.
pub(crate) fn client(config: &StoreConfig) -> Result<ClientBuilder, rustls::Error> {
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls::config()?);
    Ok(config.proxies.apply(builder))
}

/// Returns a client for what is below `url`, and what it knows of addresses.
///
/// # Errors
/// If TLS cannot be set up.
pub(crate) fn builder(
    url: &Url,
    config: &StoreConfig,
) -> Result<(ClientBuilder, Guard), rustls::Error> {
    let guard = Guard::new(url, config.addresses, &config.proxies);
    let redirects = guard.clone();
    let builder = client(config)?
        .user_agent(concat!("sreg/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.timeouts.connect)
        // From https nobody is led to plain http.
        .https_only(url.scheme() == "https")
        .dns_resolver(guard.clone())
        .redirect(Policy::custom(move |attempt| redirects.redirect(attempt)));
    Ok((builder, guard))
}

/// Returns the error of a request without a whole response. This decides whether it may be retried.
pub(crate) fn lost(name: &str, url: &Url, guard: &Guard, error: &reqwest::Error) -> StoreError {
    let is_connect = error.is_connect();
    let is_final = error.is_redirect() || error.is_builder() || is_about_certificate(error);
    if let Some(PrivateAddress(address)) = cause(error) {
        return StoreError::PrivateAddress {
            name: name.to_owned(),
            address: *address,
        };
    }
    let proxy = guard.routes.proxy_of(url).filter(|_| is_connect);
    let what = in_full(error);
    let source = io::Error::other(match proxy {
        Some(proxy) => {
            let host = proxy.host_str().unwrap_or_default();
            let port = proxy.port_or_known_default();
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            format!("{what}, by the proxy {}://{host}{port}", proxy.scheme())
        }
        None => what,
    });
    let name = name.to_owned();
    match is_final {
        true => StoreError::Unusable { name, source },
        false => StoreError::Unreachable { name, source },
    }
}

/// Returns the first cause of a given type.
pub(crate) fn cause<'a, T: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An error of the system does not name the error that it carries as its source.
        let carried = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

fn is_about_certificate(error: &reqwest::Error) -> bool {
    let is_refused = |error: &rustls::Error| {
        matches!(
            error,
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented
        )
    };
    cause::<rustls::Error>(error).is_some_and(is_refused)
}

/// Returns an error and its causes as one line, without URLs, which may contain secrets.
fn in_full(error: &reqwest::Error) -> String {
    let text = error.to_string();
    let text = text.split(" for url (").next().unwrap_or(&text);
    let mut texts = vec![text.to_owned()];
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: CLI-64
    #[test]
    fn addresses_that_are_not_public() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:a00:1::",
            "::127.0.0.1",
        ] {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }

    /// All spellings of an address are judged alike (WHATWG URL, 3.5).
    #[test]
    fn literal_addresses_are_judged_however_they_are_spelt() {
        let root: Url = "https://example.org/".parse().unwrap();
        for (addresses, allowed) in [
            (Addresses::Public, false),
            (Addresses::OfUser, false),
            (Addresses::Any, true),
        ] {
            let guard = Guard::new(&root, addresses, &Proxies::default());
            for url in [
                "http://127.0.0.1/x",
                "http://2130706433/x",
                "http://0x7f.1/x",
                "http://0177.0.0.1/x",
                "http://[::1]/x",
                "http://[::ffff:10.0.0.1]/x",
                "http://169.254.169.254/latest/meta-data",
            ] {
                let url: Url = url.parse().unwrap();
                assert_eq!(guard.check(&url).is_ok(), allowed, "{addresses:?} {url}");
            }
            assert!(guard.check(&root).is_ok());
        }
        let near: Url = "http://192.168.0.1:8080/".parse().unwrap();
        let guard = Guard::new(&near, Addresses::OfUser, &Proxies::default());
        assert!(guard.is_private());
        assert!(guard.check(&"http://10.0.0.1/".parse().unwrap()).is_ok());
    }
}
