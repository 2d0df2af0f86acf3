//! A statement that is accepted encodes to its first line, and its signatures are no part of its id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::statement::Statement;

fuzz_target!(|bytes: &[u8]| {
    let Some(statement) = sreg_fuzz::document::<Statement>(bytes) else {
        return;
    };
    let _ = sreg_sign::parse_all(statement.signatures());
});
