//! Real servers that tests start on this machine: an S3 server and a web server. Each listens on a
//! free loopback port, keeps its files in a temporary folder, and ends when it is dropped, or when
//! the test's process ends. `scripts/tools` installs them; where one is missing, starting it panics.

mod moto;
mod nginx;
mod process;
mod s3;

pub use moto::Moto;
pub use nginx::Nginx;
pub use s3::S3Server;

/// Where a program is that `scripts/tools` installs.
///
/// # Panics
/// If it is missing.
#[must_use]
pub fn program(name: &str) -> std::path::PathBuf {
    process::find(name)
}
