//! The fields of SSH's binary forms (RFC 4251 §5), in keys and signatures (`spec/signature.md`).

/// Reads fields from the front of bytes. Each method returns `None` if the bytes are not that field.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Creates a reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads the next `count` bytes, without a length before them.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// Reads one byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    /// Reads a `uint32`.
    pub fn number(&mut self) -> Option<u32> {
        let bytes = self.bytes(4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    }

    /// Reads a `string`: its length, then its bytes.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.bytes(length)
    }

    /// Reads an `mpint` over zero, in its minimal encoding.
    pub fn positive(&mut self) -> Option<&'a [u8]> {
        match self.string()? {
            [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => Some(rest),
            value @ [1..=0x7f, ..] => Some(value),
            _ => None,
        }
    }

    /// Returns whether all bytes were read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Appends a `string`.
///
/// # Panics
/// If it has 2^32 bytes or more.
pub fn put_string(to: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a string is shorter than 4 GiB");
    to.extend(length.to_be_bytes());
    to.extend(bytes);
}

/// Appends a positive `mpint` from its big-endian bytes.
pub fn put_positive(to: &mut Vec<u8>, value: &[u8]) {
    let zeros = value.iter().take_while(|byte| **byte == 0).count();
    let mut bytes = value[zeros..].to_vec();
    if bytes.first().is_some_and(|byte| *byte >= 0x80) {
        bytes.insert(0, 0);
    }
    put_string(to, &bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mpint_has_one_spelling() {
        for value in [&[1u8][..], &[0x7f, 0xff], &[0x80], &[0xff; 32]] {
            let mut bytes = Vec::new();
            put_positive(&mut bytes, &[&[0, 0], value].concat());
            assert_eq!(Reader::new(&bytes).positive(), Some(value));
        }
        for wrong in [&[][..], &[0], &[0, 1], &[0x80], &[0, 0, 0x80]] {
            let mut bytes = Vec::new();
            put_string(&mut bytes, wrong);
            assert_eq!(Reader::new(&bytes).positive(), None, "{wrong:?}");
        }
    }

    #[test]
    fn nothing_is_read_past_the_end() {
        assert_eq!(Reader::new(&[0, 0, 0]).number(), None);
        assert_eq!(Reader::new(&[0, 0, 0, 2, 1]).string(), None);
        assert_eq!(Reader::new(&[255; 8]).string(), None);
        let mut reader = Reader::new(&[0, 0, 0, 1, 7, 9]);
        assert_eq!(reader.string(), Some(&[7][..]));
        assert_eq!(reader.byte(), Some(9));
        assert!(reader.is_empty());
    }
}
