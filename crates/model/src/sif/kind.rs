//! The kinds of objects, partitions, hashes and messages, in the words that siftool prints.

macro_rules! kinds {
    (
        $(#[$doc:meta])*
        $type:ident, unknown $unknown:literal {
            $($variant:ident = $code:literal $word:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each variant is the word it is named after")]
        pub enum $type {
            $($variant,)*
            /// A code without a name, which newer tools may write.
            Unknown(i32),
        }

        impl $type {
            pub(super) const fn from_code(code: i32) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }

            /// Returns the word that siftool prints.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown(_) => $unknown,
                }
            }
        }
    };
}

kinds! {
    /// The type of an object.
    ObjectType, unknown "Unknown" {
        Deffile = 0x4001 "Def.FILE",
        EnvVar = 0x4002 "Env.Vars",
        Labels = 0x4003 "JSON.Labels",
        Partition = 0x4004 "FS",
        Signature = 0x4005 "Signature",
        GenericJson = 0x4006 "JSON.Generic",
        Generic = 0x4007 "Generic/Raw",
        CryptoMessage = 0x4008 "Cryptographic Message",
        Sbom = 0x4009 "SBOM",
        OciRootIndex = 0x400a "OCI.RootIndex",
        OciBlob = 0x400b "OCI.Blob",
    }
}

kinds! {
    /// The file system of a partition.
    Filesystem, unknown "Unknown" {
        Squashfs = 1 "Squashfs",
        Ext3 = 2 "Ext3",
        Archive = 3 "Archive",
        Raw = 4 "Raw",
        EncryptedSquashfs = 5 "Encrypted squashfs",
        GocryptfsSquashfs = 6 "Gocryptfs squashfs",
    }
}

kinds! {
    /// The purpose of a partition.
    PartitionType, unknown "Unknown" {
        System = 1 "System",
        PrimarySystem = 2 "*System",
        Data = 3 "Data",
        Overlay = 4 "Overlay",
    }
}

kinds! {
    /// The hash of a signature. siftool leaves out a signature whose hash it does not know.
    HashType, unknown "Unknown" {
        Sha256 = 1 "SHA-256",
        Sha384 = 2 "SHA-384",
        Sha512 = 3 "SHA-512",
        Blake2s = 4 "BLAKE2s-256",
        Blake2b = 5 "BLAKE2b-256",
    }
}

kinds! {
    /// The format of a cryptographic message.
    MessageFormat, unknown "Unknown" {
        OpenPgp = 1 "OpenPGP",
        Pem = 2 "PEM",
    }
}

kinds! {
    /// The type of a cryptographic message.
    MessageType, unknown "Unknown" {
        ClearSignature = 0x100 "Clear Signature",
        RsaOaep = 0x200 "RSA-OAEP",
    }
}

kinds! {
    /// The format of a software bill of materials.
    SbomFormat, unknown "unknown" {
        CycloneDxJson = 1 "cyclonedx-json",
        CycloneDxXml = 2 "cyclonedx-xml",
        GitHubJson = 3 "github-json",
        SpdxJson = 4 "spdx-json",
        SpdxRdf = 5 "spdx-rdf",
        SpdxTagValue = 6 "spdx-tag-value",
        SpdxYaml = 7 "spdx-yaml",
        SyftJson = 8 "syft-json",
    }
}
