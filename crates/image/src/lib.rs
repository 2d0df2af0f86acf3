//! Image files: their format, and their content.
//!
//! [`Image::open`] reads headers only, in two or three small reads, and is what indexing uses.
//! [`Image::content_through`] reads labels, recipe, runscript and environment from the squashfs in
//! another process, within [`Limits`]. A part that cannot be read becomes a note in the result, never an
//! error. [`Report`] is the output of `sreg inspect`.

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
