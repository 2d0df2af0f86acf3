//! A trust document that is accepted encodes to its first line. It does not follow itself, and nothing
//! follows it that its root keys did not sign.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::Document;
use sreg_model::trust::Trust;
use sreg_sign::policy::{PolicyError, check_first, check_fresh, check_next, registry};
use sreg_sign::{Purpose, parse_all};

fuzz_target!(|bytes: &[u8]| {
    let Some(trust) = sreg_fuzz::trust(bytes) else {
        return;
    };
    let body = trust.body();
    if check_first(&trust).is_ok() {
        assert_eq!((body.version, registry(&trust)), (1, trust.id()));
        let signatures = parse_all(trust.signatures()).expect("verified before");
        assert!(signatures.len() as u64 >= body.roles.root.threshold);
    }
    assert!(check_next(&trust, &trust).is_err());
    let next = Trust {
        nonce: None,
        previous: Some(trust.id()),
        registry: Some(registry(&trust)),
        version: body.version + 1,
        ..body.clone()
    };
    // There is no version after 2^53 - 1, and none that is longer than the limit.
    if let Ok(next) = Document::new(next) {
        let refused = check_next(&trust, &next).expect_err("nobody signed it");
        assert!(
            matches!(refused, PolicyError::Threshold { .. }),
            "{refused}"
        );
    }
    for now in [0, body.expires.saturating_sub(1), body.expires, u64::MAX] {
        let fresh = check_fresh(Purpose::Trust, Some(body.expires), now).is_ok();
        assert_eq!(fresh, now < body.expires);
    }
});
