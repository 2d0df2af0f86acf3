//! A path that is accepted is what its place prints, and stays below the root.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::layout::Place;

fuzz_target!(|path: &str| {
    let Some(place) = Place::parse(path) else {
        return;
    };
    assert_eq!(place.to_string(), path);
    for part in path.split('/') {
        let is_hidden = part.starts_with('.') && path != ".nojekyll";
        assert!(!part.is_empty() && !is_hidden, "{path}");
    }
});
