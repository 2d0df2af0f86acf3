//! A statement, a head or a trust document that is accepted encodes to its first line, and its signatures are no
//! part of its id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::document::Body;
use sreg_model::head::Head;
use sreg_model::statement::Statement;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document, canonical};

fuzz_target!(|bytes: &[u8]| {
    check::<Statement>(bytes);
    check::<Head>(bytes);
    check::<Trust>(bytes);
});

fn check<T: Body>(bytes: &[u8]) {
    let Ok(document) = Document::<T>::parse(bytes.to_vec()) else {
        return;
    };
    assert_eq!(document.bytes(), bytes);
    assert_eq!(canonical::to_line(document.body()), document.line());
    assert_eq!(document.id(), Digest::of(document.line()));
    assert!(document.body().is_signed() || document.line() == bytes);
}
