//! A manifest that is accepted keeps its exact bytes, over which its digest is taken.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::Digest;
use sreg_model::manifest::Manifest;

fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::parse(bytes.to_vec()) else {
        return;
    };
    assert_eq!(manifest.bytes(), bytes);
    assert_eq!(manifest.digest(), Digest::of(bytes));
    let _ = (manifest.config(), manifest.layers());
    assert_eq!(
        Manifest::parse(bytes.to_vec()).expect("accepted before"),
        manifest
    );
});
