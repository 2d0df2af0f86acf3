//! A head that is accepted encodes to its first line, and its signatures are no part of its id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::head::Head;

fuzz_target!(|bytes: &[u8]| {
    let Some(head) = sreg_fuzz::document::<Head>(bytes) else {
        return;
    };
    let _ = sreg_sign::parse_all(head.signatures());
});
