//! TLS with a certificate and a key from files.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::ServeError;
use crate::server::TlsFiles;

/// Reads both files, and returns an acceptor for TLS 1.2 and 1.3 with HTTP/1.1.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let TlsFiles { certificate, key } = files;
    let chain = CertificateDer::pem_slice_iter(&read(certificate, "certificate")?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| wrong(certificate, "certificate"))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "certificate"));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key, "private key")?)
        .map_err(|_| wrong(key, "private key"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, secret)
        });
    let mut config = config.map_err(|source| ServeError::Certificate {
        certificate: certificate.clone(),
        key: key.clone(),
        source,
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The greatest size of a PEM file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a PEM file, which may be a descriptor of this process. Never waits for a pipe at a path.
fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, ServeError> {
    let mut bytes = Vec::new();
    let read = sreg_files::open_given(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Err(source) => Err(ServeError::File {
            path: path.to_owned(),
            source,
        }),
        // A part of it could be valid.
        Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(wrong(path, what)),
        Ok(_) => Ok(bytes),
    }
}

fn wrong(path: &Path, what: &'static str) -> ServeError {
    ServeError::Pem {
        path: path.to_owned(),
        what,
    }
}
