//! The arguments of `sreg serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {
    /// The folder of a registry.
    pub(crate) dir: PathBuf,
    /// Where to listen; port 0 is any free one, and 0.0.0.0 lets other machines in.
    #[arg(
        long,
        env = "SREG_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8080"
    )]
    pub(crate) listen: SocketAddr,
    /// Serve https:// with this certificate, and those between it and its authority (PEM).
    #[arg(long, env = "SREG_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM).
    #[arg(long, env = "SREG_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}
