//! How servers prove who they are: TLS by `ring`, and the certificates of the system.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::{ClientConfig, Error};
use rustls_platform_verifier::Verifier;

/// Returns the TLS settings of a client. They name their cryptography, so that the process needs no default.
///
/// On Linux the certificates are those of the folders of the distribution, or of the file that
/// `SSL_CERT_FILE` names, which the verifier itself looks for.
///
/// # Errors
/// If the certificates of the system cannot be read.
pub(crate) fn config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = Arc::new(Verifier::new(provider.clone())?);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
