//! A reference that is accepted prints as text that parses to the same reference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::Reference;

fuzz_target!(|text: &str| {
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string().parse(), Ok(reference));
    }
});
