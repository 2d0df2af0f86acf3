//! A registry of container images for Singularity and Apptainer, made of static files, for Rust programs. The command
//! `sreg` does the same on a terminal.
//!
//! A verified pull: the registry must have the id that its owner states, its newest version and its statement
//! for the image must be signed by keys with the right to do so, and each MiB is verified as it arrives.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let images = sreg_tests::examples::write(&folder.path().join("images"));
//! # let place = folder.path().join("public");
//! # let file = folder.path().join("tool.sif");
//! # let keys = sreg::KeyRing::open(sreg_tests::keys::write(folder.path(), 1))?;
//! # sreg::index(&images, &sreg::Registry::new(&place)).sign_with(&keys).run()?;
//! # let id = sreg::Registry::new(&place).id()?.unwrap();
//! use sreg::{Reference, Registry};
//!
//! let registry = Registry::new(place).with_id(id);
//! let reference: Reference = "lab/tool:1.1".parse()?;
//! let pulled = sreg::pull(&registry, &reference).to_file(file)?;
//! println!("{} is {}, {} bytes", reference, pulled.digest, pulled.size);
//! # assert_eq!(pulled.size, 36864);
//! # Ok(())
//! # }
//! ```
//!
//! | operation | function |
//! |---|---|
//! | publish a folder of images | [`index()`] |
//! | publish one image in a folder or a bucket | [`push()`] |
//! | pull an image, verified | [`pull()`] |
//! | copy a registry with its signatures | [`mirror()`] |
//! | verify a registry, or one reference in it | [`verify()`] |
//! | list references, read the head | [`Registry`] |
//!
//! Each function returns a builder with good defaults. Nothing here reads the environment, the home folder or
//! the terminal, and nothing is printed: proxies, credentials and the settings of a bucket are in
//! [`StoreConfig`], known registries are in a folder that the program names, and the one question for a
//! person is answered with no, unless [`Pull::confirm`] is set.
//!
//! All operations block. In an async runtime they block the calling thread: use `spawn_blocking` or the like.
//! They report retries, caches and quarantine as events of `tracing`.
//!
//! To map an image that another process may cut short, [`index()`], [`push()`], [`verify()`] and [`pull()`]
//! handle the signal `SIGBUS` from the first image on, and pass every other one to the previous handler.

mod error;
mod index;
mod key_ring;
mod mirror;
mod progress;
mod pull;
mod push;
mod registry;
mod verify;

pub use error::Error;
pub use index::{Index, index};
pub use key_ring::KeyRing;
pub use mirror::{Mirror, mirror};
pub use progress::Unobserved;
pub use pull::{Pull, pull};
pub use push::{Push, push};
pub use registry::{Listed, Registry};
pub use verify::{Verify, verify};

pub use sreg_client::known::{Confirm, NeverConfirm, Question};
pub use sreg_client::pull::Pulled;
pub use sreg_client::resolve::Resolved;
pub use sreg_client::{Version, Warning};
pub use sreg_index::hasher::Observer;
pub use sreg_ingest::Outcome;
pub use sreg_ingest::source::{Layout, Naming};
pub use sreg_model::fault::Code;
pub use sreg_model::head::Head;
pub use sreg_model::settings::BaseUrl;
pub use sreg_model::{Arch, Digest, Document, Namespace, Reference};
pub use sreg_publish::mirror::Mirrored;
pub use sreg_publish::push::Pushed;
pub use sreg_publish::{LinkMode, Progress, Published};
pub use sreg_registry::verify::{BlobCheck, Checked, Fault, Report};
pub use sreg_sign::{KeyFile, SignError, Signer, SshKeygen};
pub use sreg_store::{
    Addresses, Credentials, Interrupt, Profile, Proxies, RetryPolicy, StoreConfig, Timeouts,
};
