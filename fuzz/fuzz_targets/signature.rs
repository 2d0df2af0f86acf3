//! The binary form of a signature, and a key's text: what is accepted has one spelling, and no
//! signature is one of a message that was chosen here.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::Key;
use sreg_sign::{Purpose, Signature, armor, check_key, parse_all};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(signature) = Signature::from_blob(bytes) {
        assert!(check_key(signature.key()).is_ok());
        for purpose in Purpose::ALL {
            assert!(signature.verify(purpose, b"not signed by anybody").is_err());
        }
        // Longer ones are no signature in armor.
        let text = armor::encode(bytes);
        let fits = text.len() <= armor::MAX_BYTES;
        assert_eq!(Signature::parse(text.as_bytes()).is_ok(), fits);
        assert_eq!(parse_all(text.repeat(2).as_bytes()).is_ok(), fits);
        let key = signature.key().to_string();
        assert_eq!(key.parse::<Key>().as_ref(), Ok(signature.key()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(key) = text.parse::<Key>() {
            assert_eq!(key.to_string(), text);
            assert_eq!(Key::parse_line(text), Ok(key));
        }
    }
});
