//! Exit codes (`spec/cli.md`). Those of faults are in `model::fault`.

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

/// Returns the worst of several codes; 0 for none.
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
    fn the_worst_comes_first() {
        assert_eq!(worst([]), OK);
        assert_eq!(worst([PARTIAL, NOT_FOUND]), NOT_FOUND);
        assert_eq!(worst([NOT_FOUND, CONFLICT, MALFORMED]), MALFORMED);
        assert_eq!(worst([MALFORMED, UNTRUSTED]), UNTRUSTED);
    }
}
