//! Armor that is taken off can be put on again, byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_sign::armor;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(blob) = armor::decode(bytes) {
        assert!(bytes.len() <= armor::MAX_BYTES);
        assert_eq!(armor::encode(&blob).as_bytes(), bytes);
    }
});
