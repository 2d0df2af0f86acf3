//! The armor around a signature: two lines, and base64 between them (`spec/signature.md`, SIG-6 to
//! SIG-9).
//!
//! This parser reads the bytes itself, because PEM parsers accept text around the armor, other line
//! lengths and other line ends, and two of them may see different signatures in one file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest armored signature, in bytes: one by RSA of 8192 bits has about 3,000 (SIG-9).
pub const MAX_BYTES: usize = 16 << 10;

const HEADER: &[u8] = b"-----BEGIN SSH SIGNATURE-----\n";
const FOOTER: &[u8] = b"-----END SSH SIGNATURE-----\n";
const COLUMNS: usize = 70;

/// Why bytes are not one armored signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArmorError {
    /// The first line is not the header.
    #[error("the first line is not \"-----BEGIN SSH SIGNATURE-----\" and an LF")]
    Header,
    /// The footer is missing or incomplete.
    #[error("the signature does not end with the line \"-----END SSH SIGNATURE-----\" and an LF")]
    Footer,
    /// A line of base64 other than the last does not have 70 columns, or the last does not have 1 to 70.
    #[error(
        "line {line} of the signature has {columns} columns, expected 70, or fewer in the last line"
    )]
    Columns {
        /// The line, counted from 1 at the header.
        line: usize,
        /// The number of its columns.
        columns: usize,
    },
    /// The base64 is not canonical.
    #[error("the base64 of the signature is not canonical")]
    Base64,
    /// Bytes follow the footer.
    #[error("{0} bytes follow the signature")]
    Trailing(usize),
    /// Longer than [`MAX_BYTES`].
    #[error("the signature has more than 16384 bytes")]
    TooLong,
}

/// Decodes the armor of exactly one signature.
///
/// # Errors
/// [`ArmorError`] if `text` is anything else.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, ArmorError> {
    match take(text)? {
        (blob, []) => Ok(blob),
        (_, rest) => Err(ArmorError::Trailing(rest.len())),
    }
}

/// Splits the first signature off `text`. Returns its binary form, and the bytes after its footer.
pub(crate) fn take(text: &[u8]) -> Result<(Vec<u8>, &[u8]), ArmorError> {
    let mut rest = text.strip_prefix(HEADER).ok_or(ArmorError::Header)?;
    let mut base64 = Vec::new();
    let mut number = 1;
    let mut last = None;
    loop {
        if text.len() - rest.len() > MAX_BYTES {
            return Err(ArmorError::TooLong);
        }
        if let Some(after) = rest.strip_prefix(FOOTER) {
            if text.len() - after.len() > MAX_BYTES {
                return Err(ArmorError::TooLong);
            }
            // No line at all is no base64 either.
            return match STANDARD.decode(&base64) {
                Ok(blob) if !blob.is_empty() => Ok((blob, after)),
                _ => Err(ArmorError::Base64),
            };
        }
        let window = &rest[..rest.len().min(MAX_BYTES)];
        let columns = match window.iter().position(|byte| *byte == b'\n') {
            Some(columns) => columns,
            None if rest.len() > MAX_BYTES => return Err(ArmorError::TooLong),
            None => return Err(ArmorError::Footer),
        };
        // A line before this one that was not full had to be the last.
        if let Some((line, columns)) = last.filter(|(_, columns)| *columns != COLUMNS) {
            return Err(ArmorError::Columns { line, columns });
        }
        number += 1;
        if !(1..=COLUMNS).contains(&columns) {
            return Err(ArmorError::Columns {
                line: number,
                columns,
            });
        }
        base64.extend_from_slice(&rest[..columns]);
        rest = &rest[columns + 1..];
        last = Some((number, columns));
    }
}

/// Encodes a signature's binary form as armor.
#[must_use]
pub fn encode(blob: &[u8]) -> String {
    let base64 = STANDARD.encode(blob);
    let mut text = String::with_capacity(base64.len() + base64.len() / COLUMNS + 64);
    text.push_str("-----BEGIN SSH SIGNATURE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(COLUMNS));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END SSH SIGNATURE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_read_back() {
        for length in 1..400 {
            let blob: Vec<u8> = (0..length).map(|byte: u32| byte.to_le_bytes()[0]).collect();
            let text = encode(&blob);
            assert!(text.lines().all(|line| line.len() <= COLUMNS));
            assert_eq!(decode(text.as_bytes()), Ok(blob));
        }
    }

    #[test]
    fn nothing_but_one_signature_is_read() {
        let text = encode(&[7; 200]);
        let wrong = |text: String| decode(text.as_bytes()).unwrap_err();
        assert_eq!(wrong(format!("\n{text}")), ArmorError::Header);
        assert_eq!(wrong(format!("{text}\n")), ArmorError::Trailing(1));
        assert_eq!(wrong(text.replace('\n', "\r\n")), ArmorError::Header);
        assert_eq!(wrong(text.trim_end().to_owned()), ArmorError::Footer);
        assert_eq!(wrong(encode(&[])), ArmorError::Base64);
        assert_eq!(wrong(encode(&[7; 13_000])), ArmorError::TooLong);
        let (line, columns) = (2, 0);
        assert_eq!(
            wrong(text.replacen('\n', "\n\n", 1)),
            ArmorError::Columns { line, columns }
        );
        for end in 0..text.len() {
            assert!(decode(&text.as_bytes()[..end]).is_err());
        }
    }
}
