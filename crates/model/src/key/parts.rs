//! The fields of each algorithm's keys.

use super::{KeyAlgorithm, KeyError};
use crate::wire::Reader;

/// The fields of a key. It is not checked that a point is on its curve, or that a modulus is long
/// enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyParts<'a> {
    /// A compressed Edwards point.
    Ed25519(&'a [u8; 32]),
    /// An uncompressed SEC1 point.
    EcdsaP256(&'a [u8; 65]),
    /// An uncompressed SEC1 point.
    EcdsaP384(&'a [u8; 97]),
    /// Exponent and modulus, big-endian, without leading zeros.
    Rsa {
        /// The public exponent.
        exponent: &'a [u8],
        /// The modulus.
        modulus: &'a [u8],
    },
    /// A compressed Edwards point, and the application of the device.
    SkEd25519 {
        /// The point.
        point: &'a [u8; 32],
        /// The application, such as `ssh:`.
        application: &'a [u8],
    },
    /// An uncompressed SEC1 point, and the application of the device.
    SkEcdsaP256 {
        /// The point.
        point: &'a [u8; 65],
        /// The application, such as `ssh:`.
        application: &'a [u8],
    },
}

/// The longest application of a security key, in bytes (SIG-3).
const MAX_APPLICATION: usize = 255;

/// Parses a key's binary form: exactly the fields of its algorithm.
pub(super) fn parse(blob: &[u8]) -> Result<(KeyAlgorithm, KeyParts<'_>), KeyError> {
    let mut reader = Reader::new(blob);
    let name = reader.string().ok_or(KeyError::Field("algorithm"))?;
    let algorithm = KeyAlgorithm::of_name(name)?;
    let parts = match algorithm {
        KeyAlgorithm::Ed25519 => KeyParts::Ed25519(edwards_point(&mut reader)?),
        KeyAlgorithm::EcdsaP256 => KeyParts::EcdsaP256(point(&mut reader, b"nistp256")?),
        KeyAlgorithm::EcdsaP384 => KeyParts::EcdsaP384(point(&mut reader, b"nistp384")?),
        KeyAlgorithm::Rsa => KeyParts::Rsa {
            exponent: reader.positive().ok_or(KeyError::Field("exponent"))?,
            modulus: reader.positive().ok_or(KeyError::Field("modulus"))?,
        },
        KeyAlgorithm::SkEd25519 => KeyParts::SkEd25519 {
            point: edwards_point(&mut reader)?,
            application: application(&mut reader)?,
        },
        KeyAlgorithm::SkEcdsaP256 => KeyParts::SkEcdsaP256 {
            point: point(&mut reader, b"nistp256")?,
            application: application(&mut reader)?,
        },
    };
    if !reader.is_empty() {
        return Err(KeyError::Trailing);
    }
    Ok((algorithm, parts))
}

fn edwards_point<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8; 32], KeyError> {
    reader
        .string()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(KeyError::Field("point"))
}

/// Parses a curve's name, and a point on it in SEC1's uncompressed form.
fn point<'a, const LENGTH: usize>(
    reader: &mut Reader<'a>,
    curve: &[u8],
) -> Result<&'a [u8; LENGTH], KeyError> {
    if reader.string() != Some(curve) {
        return Err(KeyError::Field("curve"));
    }
    reader
        .string()
        .filter(|bytes| bytes.first() == Some(&4))
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(KeyError::Field("point"))
}

fn application<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], KeyError> {
    reader
        .string()
        .filter(|text| {
            (1..=MAX_APPLICATION).contains(&text.len())
                && text.iter().all(|byte| matches!(byte, 0x20..=0x7e))
        })
        .ok_or(KeyError::Field("application"))
}
