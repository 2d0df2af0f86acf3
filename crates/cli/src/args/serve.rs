//! The arguments of `sreg serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {
    /// The folder of a registry.
    pub(crate) dir: PathBuf,
    /// Listen on this address; port 0 selects a free port, 0.0.0.0 admits other machines.
    #[arg(
        long,
        env = "SREG_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8080"
    )]
    pub(crate) listen: SocketAddr,
    /// Serve https:// with this certificate and its intermediate certificates (PEM).
    #[arg(long, env = "SREG_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Use this private key of the certificate (PEM).
    #[arg(long, env = "SREG_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}
