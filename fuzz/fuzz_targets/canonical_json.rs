//! What is accepted as canonical JSON re-encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::canonical;

fuzz_target!(|bytes: &[u8]| {
    if canonical::check(bytes).is_ok() {
        let value: serde_json::Value = canonical::from_slice(bytes).expect("accepted before");
        assert_eq!(canonical::to_vec(&value), bytes);
    }
});
