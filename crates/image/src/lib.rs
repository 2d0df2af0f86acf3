//! Image files: what kind they are, and what stands inside.
//!
//! [`Image::open`] reads headers only, in two or three small reads, and is what indexing uses.
//! [`Image::content_through`] has another process look into the squashfs for labels, recipe,
//! runscript and environment, within [`Limits`]; what cannot be read becomes a note in the
//! result, never an error.
//! [`Report`] is what `sreg inspect` prints of both.

mod content;
mod fault;
mod limits;
mod open;
mod report;
mod window;

pub use content::{App, Content};
pub use fault::OpenError;
pub use limits::Limits;
pub use open::Image;
pub use report::{Chain, Report, ReportedObject, ReportedSif, ReportedSignature, WORD_AS_ARCH};
