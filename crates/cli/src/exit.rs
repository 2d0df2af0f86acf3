//! Exit codes, and the code of each error's word (`spec/cli.md`).

use sreg_tree::verify::Class;

pub(crate) const OK: u8 = 0;
pub(crate) const NEGATIVE: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const DENIED: u8 = 3;
pub(crate) const NOT_FOUND: u8 = 4;
pub(crate) const UNAVAILABLE: u8 = 5;
pub(crate) const MALFORMED: u8 = 6;
pub(crate) const UNTRUSTED: u8 = 7;
pub(crate) const CONFLICT: u8 = 8;
pub(crate) const PARTIAL: u8 = 9;
pub(crate) const BUG: u8 = 70;
pub(crate) const INTERRUPTED: u8 = 130;

/// The code of an error by its word. A word that is not here says that something is malformed
/// or not what it should be.
pub(crate) fn of_word(word: &str) -> u8 {
    match word {
        "has-keys" | "no-keys" | "not-in-trust" | "trust-change" | "not-confirmed" => USAGE,
        "usage"
        | "config"
        | "not-our-folder"
        | "newer-format"
        | "signed-registry"
        | "not-supported"
        | "unconditional-store"
        | "read-only"
        | "last-version"
        | "malformed-url"
        | "signing-key"
        | "name-map"
        | "passphrase" => USAGE,
        "unnamed-image" | "not-searched" | "key-permissions" | "unused-key" => OK,
        "access-denied" => DENIED,
        "not-a-tree" | "no-images" | "missing-head" | "missing-node" | "missing-statement"
        | "missing-blob" | "missing-bucket" | "missing-view" | "missing-reference"
        | "missing-file" => NOT_FOUND,
        "unreachable" | "unreadable" | "unwritable" | "no-space" | "file-changed"
        | "signing-failed" | "cannot-listen" => UNAVAILABLE,
        "unsigned"
        | "untrusted-registry"
        | "missing-trust"
        | "rolled-back"
        | "fork"
        | "head-epoch"
        | "head-trust"
        | "other-registry"
        | "trust-order"
        | "untrusted-trust"
        | "untrusted-head"
        | "untrusted-statement"
        | "expired-trust"
        | "expired-head"
        | "expired-statement" => UNTRUSTED,
        _ if word.starts_with("signature-") => UNTRUSTED,
        "case-collision"
        | "duplicate-reference"
        | "version-conflict"
        | "stray-head"
        | "stray-trust"
        | "diverged"
        | "file-exists"
        | "frozen-tag" => CONFLICT,
        "stale-view" | "lagging-head" | "partial" | "no-ranges" | "wrong-headers" => PARTIAL,
        "interrupted" => INTERRUPTED,
        "bug" => BUG,
        _ => MALFORMED,
    }
}

/// The code of a class of faults.
pub(crate) fn of_class(class: Class) -> u8 {
    match class {
        Class::NotFound => NOT_FOUND,
        Class::Unavailable => UNAVAILABLE,
        Class::Malformed | Class::Mismatch => MALFORMED,
        Class::Untrusted => UNTRUSTED,
        Class::Conflict => CONFLICT,
        Class::Stale => PARTIAL,
    }
}

/// The worst of several codes; 0 of none.
pub(crate) fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    const ORDER: [u8; 9] = [
        BUG,
        UNTRUSTED,
        MALFORMED,
        CONFLICT,
        DENIED,
        UNAVAILABLE,
        NOT_FOUND,
        PARTIAL,
        USAGE,
    ];
    codes
        .into_iter()
        .min_by_key(|code| {
            ORDER
                .iter()
                .position(|other| other == code)
                .unwrap_or(ORDER.len())
        })
        .unwrap_or(OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_signature_is_no_malformed_file() {
        for word in [
            "armor",
            "format",
            "key",
            "namespace",
            "invalid",
            "unchecked",
        ] {
            assert_eq!(of_word(&format!("signature-{word}")), UNTRUSTED);
        }
        assert_eq!(of_word("malformed-key"), MALFORMED);
    }

    #[test]
    fn the_worst_comes_first() {
        assert_eq!(worst([]), OK);
        assert_eq!(worst([PARTIAL, NOT_FOUND]), NOT_FOUND);
        assert_eq!(worst([NOT_FOUND, CONFLICT, MALFORMED]), MALFORMED);
        assert_eq!(worst([MALFORMED, UNTRUSTED]), UNTRUSTED);
    }
}
