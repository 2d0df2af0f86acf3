//! TLS, with a certificate that is made here.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sreg_serve::{Options, ServeError, Server, TlsFiles};

use crate::support::{Answer, Site};

/// Writes a certificate of `localhost` and its key.
fn certify(folder: &Path, name: &str) -> TlsFiles {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: folder.join(format!("{name}.crt")),
        key: folder.join(format!("{name}.key")),
    };
    fs::write(&files.certificate, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    files
}

/// A client that knows the certificate of a site.
fn client(site: &Site) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(site.beside("site.crt")).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(client, site.connect())
}

#[test]
fn https() {
    let site = Site::with(|options, folder| options.tls = Some(certify(folder, "site")));
    let blob = vec![3; 1 << 20];
    site.write("file", &blob);
    let mut stream = client(&site);
    let request = b"GET /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let answer = Answer::parse(&bytes);
    assert_eq!(answer.status, 200);
    assert!(answer.body == blob);
    assert!(site.logged().contains(" GET /file 200 1048576 bytes "));
    // Without TLS nothing is answered.
    let mut plain = site.connect();
    plain
        .write_all(b"GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    let _ = plain.read_to_end(&mut bytes);
    assert!(!bytes.starts_with(b"HTTP/"));
}

#[test]
fn a_client_that_takes_nothing() {
    const LARGE: usize = 64 << 20;
    let site = Site::with(|options, folder| {
        options.tls = Some(certify(folder, "site"));
        options.stall = Duration::from_millis(500);
    });
    site.write("large", vec![1; LARGE]);
    let mut stream = client(&site);
    stream
        .write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let line = site.logged();
    let sent: usize = line.split(' ').nth(4).unwrap().parse().unwrap();
    assert!(line.contains(" GET /large 200 ") && sent < LARGE, "{line}");
}

#[test]
fn what_cannot_be_served_with() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (certify(folder.path(), "one"), certify(folder.path(), "two"));
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    // What comes after a valid part counts, too.
    let long = folder.path().join("long");
    let certificate = fs::read_to_string(&one.certificate).unwrap();
    fs::write(&long, certificate + &"\n".repeat(1 << 20)).unwrap();
    let bind = |certificate: &Path, key: &Path| -> ServeError {
        let mut options = Options::new((Ipv4Addr::LOCALHOST, 0).into());
        options.tls = Some(TlsFiles {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        });
        match Server::bind(folder.path(), options) {
            Ok(_) => panic!("it is served with"),
            Err(error) => error,
        }
    };
    let nothing = folder.path().join("nothing");
    for (certificate, key, code, named) in [
        (&long, &one.key, "malformed-certificate", "long"),
        (
            &one.certificate,
            &two.key,
            "malformed-certificate",
            "two.key",
        ),
        (&empty, &one.key, "malformed-certificate", "empty"),
        (&one.certificate, &empty, "malformed-certificate", "empty"),
        (&one.key, &one.key, "malformed-certificate", "one.key"),
        (
            &one.certificate,
            &one.certificate,
            "malformed-certificate",
            "one.crt",
        ),
        (&nothing, &one.key, "missing-file", "nothing"),
        (&one.certificate, &nothing, "missing-file", "nothing"),
    ] {
        let error = bind(certificate, key);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}
