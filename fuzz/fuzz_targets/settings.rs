//! Settings that are accepted encode to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::settings::Settings;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(settings) = Settings::parse(bytes) {
        assert_eq!(settings.encode(), bytes);
    }
});
