//! The one table of fault codes. `spec/cli.md` shows it. Every crate's `code()`, `sreg verify` and the
//! exit codes of the command use it.

use std::fmt;

use serde::{Serialize, Serializer};

/// The class of a fault, with its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Arguments or settings are wrong.
    Usage,
    /// A server refuses the credentials.
    Denied,
    /// An object does not exist.
    NotFound,
    /// An object could not be read or written.
    Unavailable,
    /// Bytes do not have the required format.
    Malformed,
    /// Bytes differ from their digest or from the document that names them.
    Mismatch,
    /// A signature is missing or not trusted.
    Untrusted,
    /// Two things exclude each other.
    Conflict,
    /// A derived file is older than the newest head: `sreg repair` rewrites it.
    Stale,
    /// The program itself has a defect.
    Bug,
}

impl Class {
    /// Returns the word of the class in `spec/cli.md`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::Unavailable => "unavailable",
            Self::Malformed => "malformed",
            Self::Mismatch => "mismatch",
            Self::Untrusted => "untrusted",
            Self::Conflict => "conflict",
            Self::Stale => "stale",
            Self::Bug => "—",
        }
    }

    /// Returns the exit code of a fault of the class.
    #[must_use]
    pub const fn exit(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Denied => 3,
            Self::NotFound => 4,
            Self::Unavailable => 5,
            Self::Malformed | Self::Mismatch => 6,
            Self::Untrusted => 7,
            Self::Conflict => 8,
            Self::Stale => 9,
            Self::Bug => 70,
        }
    }
}

macro_rules! codes {
    ($($name:ident = $word:literal, $class:ident, $exit:literal, $meaning:literal;)*) => {
        /// A fault, as a word on which scripts can rely.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// All codes, in the order of the table in `spec/cli.md`.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// Returns the class.
            #[must_use]
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)*
                }
            }

            /// Returns the exit code of a command that ends with this fault, or 0 for a warning.
            #[must_use]
            pub const fn exit(self) -> u8 {
                match self {
                    $(Self::$name => $exit,)*
                }
            }

            /// Returns the subject of the code, for the table in `spec/cli.md`.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

codes! {
    Usage = "usage", Usage, 2, "invalid arguments";
    Config = "config", Usage, 2, "an invalid configuration file";
    NotSupported = "not-supported", Usage, 2, "an operation that this version does not support";
    MissingFile = "missing-file", NotFound, 4, "an argument that names no file or folder";
    NoImages = "no-images", NotFound, 4, "a source without images, for a registry that has some";
    JsonSyntax = "json-syntax", Malformed, 6, "JSON outside the canonical grammar";
    JsonNotObject = "json-not-object", Malformed, 6, "a document that is not an object";
    JsonTrailing = "json-trailing", Malformed, 6, "bytes after the end of a document";
    JsonDuplicateKey = "json-duplicate-key", Malformed, 6, "a key that occurs twice";
    JsonKeyOrder = "json-key-order", Malformed, 6, "keys out of order";
    JsonKey = "json-key", Malformed, 6, "a key outside its grammar";
    JsonNumber = "json-number", Malformed, 6, "a number that is not a plain integer up to 2^53 − 1";
    JsonString = "json-string", Malformed, 6, "a string with a forbidden character or escape";
    JsonDepth = "json-depth", Malformed, 6, "nesting beyond 8";
    MalformedDocument = "malformed-document", Malformed, 6, "fields that do not match the document's type";
    DocumentTooLarge = "document-too-large", Malformed, 6, "a document file over 16 KiB";
    DocumentNoLine = "document-no-line", Malformed, 6, "a document without the LF at its end";
    DocumentField = "document-field", Malformed, 6, "a field with a value that is not allowed";
    DocumentTrailing = "document-trailing", Malformed, 6, "bytes after an unsigned document";
    DocumentMismatch = "document-mismatch", Mismatch, 6, "a document that does not match its path or the document that names it";
    UnnamedImage = "unnamed-image", Malformed, 0, "an image whose file name does not end like an image's";
    NotSearched = "not-searched", Malformed, 0, "a folder of the file system, such as `lost+found`";
    NameMap = "name-map", Usage, 2, "a malformed `--map` file";
    MalformedReference = "malformed-reference", Malformed, 6, "an invalid reference, or a path from which no reference can be read";
    MalformedNamespace = "malformed-namespace", Malformed, 6, "an invalid namespace";
    MalformedName = "malformed-name", Malformed, 6, "an invalid name";
    MalformedTag = "malformed-tag", Malformed, 6, "an invalid tag";
    MalformedDigest = "malformed-digest", Malformed, 6, "an invalid digest";
    MalformedArch = "malformed-arch", Malformed, 6, "an invalid architecture";
    MalformedKey = "malformed-key", Malformed, 6, "an invalid public key";
    MalformedFingerprint = "malformed-fingerprint", Malformed, 6, "an invalid fingerprint of a key";
    ReservedName = "reserved-name", Malformed, 6, "a name that is reserved for published files";
    CaseCollision = "case-collision", Conflict, 8, "names that differ only in case";
    DuplicateReference = "duplicate-reference", Conflict, 8, "two images with the same reference";
    MalformedManifest = "malformed-manifest", Malformed, 6, "a manifest that is not JSON or lacks a field";
    ManifestTooLarge = "manifest-too-large", Malformed, 6, "a manifest over 4 MiB";
    ManifestSchemaVersion = "manifest-schema-version", Malformed, 6, "a manifest with another `schemaVersion`";
    ManifestMediaType = "manifest-media-type", Malformed, 6, "a manifest with another media type";
    NodeTooLarge = "node-too-large", Malformed, 6, "a node over 64 KiB";
    NodeHeader = "node-header", Malformed, 6, "an invalid first line of a node";
    NodeMap = "node-map", Malformed, 6, "a node of another map";
    NodePrefix = "node-prefix", Malformed, 6, "a node of another prefix";
    NodeLine = "node-line", Malformed, 6, "a line of a node that is empty or has no LF";
    NodeLineLength = "node-line-length", Malformed, 6, "a line of a node over 1,024 bytes";
    NodeEntry = "node-entry", Malformed, 6, "an invalid line of a leaf";
    NodeChild = "node-child", Malformed, 6, "an invalid line of a branch";
    NodeOrder = "node-order", Malformed, 6, "lines of a node out of order";
    NodeDuplicate = "node-duplicate", Malformed, 6, "a line of a node that occurs twice";
    NodeOffPrefix = "node-off-prefix", Malformed, 6, "a key that belongs in another node";
    NodeLeafTooLong = "node-leaf-too-long", Malformed, 6, "a leaf over 32 lines";
    NodeEmptyLeaf = "node-empty-leaf", Malformed, 6, "an empty leaf below a branch";
    NodeBranchTooShort = "node-branch-too-short", Malformed, 6, "a branch that should be a leaf";
    NodeCount = "node-count", Malformed, 6, "counts over 2^53 − 1";
    NodeDepth = "node-depth", Malformed, 6, "a branch at depth 64";
    NodeMismatch = "node-mismatch", Mismatch, 6, "a node whose bytes do not hash to its id";
    NodeSum = "node-sum", Mismatch, 6, "counts that do not add up";
    MissingNode = "missing-node", NotFound, 4, "a missing node";
    MissingStatement = "missing-statement", NotFound, 4, "a missing statement";
    MissingBlob = "missing-blob", NotFound, 4, "a missing image, sidecar or attachment";
    MissingHead = "missing-head", NotFound, 4, "a registry without a published version";
    ChainSize = "chain-size", Malformed, 6, "a size that no digest chain can have";
    ChainLength = "chain-length", Malformed, 6, "a sidecar whose length does not match the image's size";
    ChainEnd = "chain-end", Mismatch, 6, "a sidecar of another image";
    BlobMismatch = "blob-mismatch", Mismatch, 6, "an image, a sidecar or an attachment with another digest than its statement states";
    BlobSize = "blob-size", Mismatch, 6, "an image or an attachment with another size than its statement states";
    MalformedSettings = "malformed-settings", Malformed, 6, "an invalid `sreg.json`";
    NewerFormat = "newer-format", Usage, 2, "a registry of a later format: install a newer sreg";
    MalformedUrl = "malformed-url", Usage, 2, "an invalid `--base-url` or `--blob-url`";
    NotARegistry = "not-a-registry", NotFound, 4, "a path or URL without a registry";
    TooLargeForHost = "too-large-for-host", Stale, 9, "an image that is larger than the host of the registry allows";
    NotOurFolder = "not-our-folder", Usage, 2, "an output folder that contains files and no registry";
    SignedRegistry = "signed-registry", Usage, 2, "a registry with keys, and no signing key was given";
    HasKeys = "has-keys", Usage, 2, "a registry with keys in the place of a new one";
    NoKeys = "no-keys", Usage, 2, "a registry without keys, and the command needs one with keys";
    NotInTrust = "not-in-trust", Usage, 2, "a key, role or scope that is not in the trust document";
    TrustChange = "trust-change", Usage, 2, "a change of trust that leaves too few keys for a role or a delegation";
    NotConfirmed = "not-confirmed", Usage, 2, "a question that was answered with no, or could not be asked";
    MalformedState = "malformed-state", Malformed, 6, "a damaged file of known registries";
    FrozenTag = "frozen-tag", Conflict, 8, "a tag that its publisher has frozen";
    LastVersion = "last-version", Usage, 2, "a registry at version 2^53 − 1, the last possible one";
    VersionConflict = "version-conflict", Conflict, 8, "a version that another run published meanwhile";
    Diverged = "diverged", Conflict, 8, "a copy with a head that its source does not have";
    UnconditionalStore = "unconditional-store", Usage, 2, "a store that does not support conditional writes";
    ReadOnly = "read-only", Usage, 2, "a place that sreg cannot write to, such as a web server";
    MissingBucket = "missing-bucket", NotFound, 4, "a missing bucket";
    PrivateAddress = "private-address", Usage, 2, "a URL of a registry, or a redirect, that leads to a private network address";
    WrongClock = "wrong-clock", Unavailable, 5, "a clock of this machine that differs too much from the server's";
    AccessDenied = "access-denied", Denied, 3, "missing credentials, or credentials that the server refuses";
    MassRemoval = "mass-removal", Conflict, 8, "a folder from which most images are gone that were indexed from it";
    FileExists = "file-exists", Conflict, 8, "a different file at the output path, or at the path of a file for the host";
    NoRanges = "no-ranges", Stale, 9, "a server that does not support range requests";
    WrongHeaders = "wrong-headers", Stale, 9, "headers that make clients keep old files, or change the bytes of files";
    StaleView = "stale-view", Stale, 9, "a view of an older version; `sreg repair` rewrites it";
    ViewMismatch = "view-mismatch", Mismatch, 6, "a view that differs from what any head derives";
    MissingView = "missing-view", NotFound, 4, "a missing view";
    StrayView = "stray-view", Mismatch, 6, "a view that no head derives";
    LaggingHead = "lagging-head", Stale, 9, "an older head in `head` than the newest slot";
    HeadMismatch = "head-mismatch", Mismatch, 6, "`head` and its slot differ";
    StrayHead = "stray-head", Conflict, 8, "a slot that is not in the chain of heads";
    StatementMismatch = "statement-mismatch", Mismatch, 6, "a statement that differs from its entry in the index";
    StatementOrder = "statement-order", Mismatch, 6, "a statement that does not follow its predecessor";
    MissingTrust = "missing-trust", Untrusted, 7, "a registry with keys whose trust document is missing";
    StrayTrust = "stray-trust", Conflict, 8, "a trust document that does not follow any version";
    OtherRegistry = "other-registry", Untrusted, 7, "a registry, or a document of it, that is not the expected one";
    RolledBack = "rolled-back", Untrusted, 7, "a trust document, a head or a statement that is older than one that was seen before";
    Fork = "fork", Untrusted, 7, "a document that differs from the one seen before at the same place; sreg keeps both as evidence";
    HeadEpoch = "head-epoch", Untrusted, 7, "a head of another epoch than the trust document's";
    HeadTrust = "head-trust", Untrusted, 7, "a head that names a trust document outside the trust chain";
    AbandonedHead = "abandoned-head", Conflict, 0, "a head that a later epoch leaves behind";
    NotPinned = "not-pinned", Untrusted, 0, "a registry with keys that is not a known registry";
    UntrustedRegistry = "untrusted-registry", Untrusted, 7, "a registry with keys that is not a known registry, and `--require-signed` needs one";
    TrustOrder = "trust-order", Untrusted, 7, "a trust document that does not follow its predecessor";
    UntrustedTrust = "untrusted-trust", Untrusted, 7, "a trust document that too few root keys signed";
    UntrustedHead = "untrusted-head", Untrusted, 7, "a head that too few head keys signed";
    UntrustedStatement = "untrusted-statement", Untrusted, 7, "a statement that too few keys of its delegation signed";
    ExpiredTrust = "expired-trust", Untrusted, 7, "an expired trust document";
    ExpiredHead = "expired-head", Untrusted, 7, "an expired head";
    ExpiredStatement = "expired-statement", Untrusted, 7, "an expired statement";
    MissingReference = "missing-reference", NotFound, 4, "a reference that is not published";
    Unsigned = "unsigned", Untrusted, 7, "a registry without keys, and one with keys is expected, or `--require-signed` needs one";
    NothingToCompare = "nothing-to-compare", Untrusted, 0, "an image file on its own: well formed, but sreg knows no digest to compare it with";
    SignatureArmor = "signature-armor", Untrusted, 7, "a signature whose armor is not in its one valid form";
    SignatureFormat = "signature-format", Untrusted, 7, "a signature with invalid fields";
    SignatureKey = "signature-key", Untrusted, 7, "a signature by a key that is too weak, or of an unsupported kind";
    SignatureAlgorithm = "signature-algorithm", Untrusted, 7, "a signature with a hash or an algorithm that its key does not allow";
    SignaturePresence = "signature-presence", Untrusted, 7, "a signature by a security key without its touch";
    SignatureNamespace = "signature-namespace", Untrusted, 7, "a signature made for another purpose";
    SignatureInvalid = "signature-invalid", Untrusted, 7, "a signature that does not verify";
    SignatureCount = "signature-count", Untrusted, 7, "more than 32 signatures";
    SigningKey = "signing-key", Usage, 2, "a file that contains no usable signing key";
    Passphrase = "passphrase", Usage, 2, "a wrong passphrase, or none and no terminal to ask on";
    UnusedKey = "unused-key", Usage, 0, "a signing key that the trust document does not list as active";
    KeyPermissions = "key-permissions", Usage, 0, "a private key file that others can read";
    SigningFailed = "signing-failed", Unavailable, 5, "`ssh-keygen` is missing, or did not sign";
    InterruptedRun = "interrupted-run", Stale, 0, "files of a running or killed run under `staging/`";
    StrayFile = "stray-file", Stale, 0, "a file of sreg that the newest head does not reach";
    ForeignFile = "foreign-file", Malformed, 0, "a file that does not belong to the registry";
    NotJudged = "not-judged", Unavailable, 0, "files that were not checked, because a part of the index could not be read";
    ImageEmpty = "image-empty", Malformed, 6, "a file of 0 bytes";
    ImageTooSmall = "image-too-small", Malformed, 6, "a file too short for any image";
    ImageSize = "image-size", Malformed, 6, "a file of 0 bytes or over 2^44";
    NotAnImage = "not-an-image", Malformed, 6, "a file that is not an image";
    NotAFile = "not-a-file", Malformed, 6, "a folder, a pipe or a device in the place of a file";
    MalformedImage = "malformed-image", Malformed, 6, "images that cannot be published";
    ArchMismatch = "arch-mismatch", Mismatch, 6, "an image whose name and header differ in architecture";
    GzipDamaged = "gzip-damaged", Malformed, 6, "a gzip stream";
    SquashfsVersion = "squashfs-version", Malformed, 6, "a squashfs other than 4.0";
    SquashfsSuperblock = "squashfs-superblock", Malformed, 6, "a superblock that contradicts itself";
    SquashfsTruncated = "squashfs-truncated", Malformed, 6, "a squashfs that is cut off";
    SifTruncated = "sif-truncated", Malformed, 6, "a SIF that is cut off";
    SifMagic = "sif-magic", Malformed, 6, "another magic";
    SifVersion = "sif-version", Malformed, 6, "another version of SIF";
    SifLaunchScript = "sif-launch-script", Malformed, 6, "a launch script without NUL";
    SifRange = "sif-range", Malformed, 6, "a negative or overflowing number";
    SifTooManyDescriptors = "sif-too-many-descriptors", Malformed, 6, "over 4,096 descriptors";
    SifTableSize = "sif-table-size", Malformed, 6, "a table too small for its descriptors";
    SifOverlap = "sif-overlap", Malformed, 6, "two parts that share bytes";
    SifOutOfData = "sif-out-of-data", Malformed, 6, "an object outside the data section";
    SifFreeCount = "sif-free-count", Malformed, 6, "a false number of free descriptors";
    SifZeroId = "sif-zero-id", Malformed, 6, "an object with id 0";
    SifDuplicateId = "sif-duplicate-id", Malformed, 6, "two objects with one id";
    SifTwoPrimaries = "sif-two-primaries", Malformed, 6, "two primary partitions";
    SifArch = "sif-arch", Malformed, 6, "a header and a partition that differ in architecture";
    SifEmptyObject = "sif-empty-object", Malformed, 6, "an empty partition or signature";
    SymlinkLoop = "symlink-loop", Malformed, 6, "a symbolic link that leads back";
    FileChanged = "file-changed", Unavailable, 5, "a file that changed while it was read";
    Unreadable = "unreadable", Unavailable, 5, "a file or folder that cannot be read";
    Unreachable = "unreachable", Unavailable, 5, "a server that cannot be reached, or answers with an error";
    Unwritable = "unwritable", Unavailable, 5, "a file that cannot be written";
    CannotListen = "cannot-listen", Unavailable, 5, "an address that is in use, of another machine, or not allowed";
    MalformedCertificate = "malformed-certificate", Malformed, 6, "a certificate or its key that is not PEM, or that do not go together";
    NoSpace = "no-space", Unavailable, 5, "a full disk, or one that would be";
    Interrupted = "interrupted", Unavailable, 130, "a run that was told to stop";
    Bug = "bug", Bug, 70, "a defect of the program itself";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, word: &&str) -> bool {
        self.word() == *word
    }
}

impl PartialEq<str> for Code {
    fn eq(&self, word: &str) -> bool {
        self.word() == word
    }
}

impl From<Code> for &'static str {
    fn from(code: Code) -> Self {
        code.word()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spec has the same table.
    // spec: CLI-7 CLI-8
    #[test]
    fn the_spec_has_the_same_table() {
        let page = include_str!("../../../spec/cli.md");
        let (_, after) = page.split_once("## Error words").unwrap();
        let (table, _) = after.split_once("\n## ").unwrap();
        let rows: Vec<&str> = table
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let row = |code: &Code| {
            format!(
                "| `{code}` | {} | {} | {} |",
                code.class().word(),
                code.exit(),
                code.meaning()
            )
        };
        let expected: Vec<String> = Code::ALL.iter().map(row).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn exit_codes_are_those_of_the_class_or_of_a_warning() {
        for code in Code::ALL {
            let exits = [code.class().exit(), 0];
            let is_signal = *code == Code::Interrupted && code.exit() == 130;
            assert!(exits.contains(&code.exit()) || is_signal, "{code}");
            let same = Code::ALL.iter().filter(|other| other.word() == code.word());
            assert_eq!(same.count(), 1, "{code}");
        }
    }
}
