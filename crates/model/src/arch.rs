//! Processor architectures, with the words and codes of SIF (`spec/sif.md`).

use crate::fault::Code;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! architectures {
    ($($variant:ident $word:literal $code:literal,)*) => {
        /// The architecture that an image runs on, in Go's words as SIF and OCI use them. The order is
        /// that of the words, as in views.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each variant is the word it is named after")]
        pub enum Arch { $($variant,)* }

        impl Arch {
            /// Every architecture, in the order of the SIF codes.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the word: `amd64`, `arm64`, …, or `unknown` if an image does not state it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Returns the two ASCII digits in a SIF header (apptainer/sif `pkg/sif/arch.go`).
            #[must_use]
            pub const fn sif_code(self) -> &'static [u8; 2] {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

architectures! {
    Unknown "unknown" b"00",
    I386 "386" b"01",
    Amd64 "amd64" b"02",
    Arm "arm" b"03",
    Arm64 "arm64" b"04",
    Ppc64 "ppc64" b"05",
    Ppc64le "ppc64le" b"06",
    Mips "mips" b"07",
    Mipsle "mipsle" b"08",
    Mips64 "mips64" b"09",
    Mips64le "mips64le" b"10",
    S390x "s390x" b"11",
    Riscv64 "riscv64" b"12",
    Loong64 "loong64" b"13",
}

/// The word is not an architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown architecture {0:?}, expected amd64, arm64, ppc64le, s390x, riscv64, …")]
pub struct ArchError(String);

impl ArchError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        Code::MalformedArch
    }
}

impl Ord for Arch {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Arch {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Arch {
    type Err = ArchError;

    fn from_str(word: &str) -> Result<Self, ArchError> {
        Self::ALL
            .iter()
            .copied()
            .find(|arch| arch.as_str() == word)
            .ok_or_else(|| ArchError(crate::digest::shorten(word)))
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Arch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Arch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::canonical::from_text(deserializer)
    }
}
