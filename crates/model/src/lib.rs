//! The documents of a static container registry, as pure data: no I/O, no clock, no async.
//!
//! Each type is parsed once, at the edge, and cannot hold an invalid value. Documents that are hashed
//! keep their exact bytes beside the parsed form. The pages in `spec/` define the accepted values, and
//! each module names its page.

pub mod arch;
pub mod attachment;
pub mod canonical;
pub mod descriptor;
pub mod digest;
pub mod document;
pub mod fault;
mod folded_names;
pub mod head;
pub mod host;
pub mod image;
pub mod image_index;
pub mod key;
pub mod layout;
pub mod lock;
pub mod manifest;
pub mod media_type;
pub mod node;
pub mod redact;
pub mod reference;
pub mod settings;
pub mod sif;
pub mod statement;
pub mod trust;
pub mod wire;

pub use arch::Arch;
pub use digest::Digest;
pub use document::Document;
pub use folded_names::FoldedNames;
pub use host::Host;
pub use key::{Fingerprint, Key};
pub use media_type::ImageFormat;
pub use reference::{Name, Namespace, Reference, Repository, Tag};
pub use sif::SifImage;
