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
    Usage = "usage", Usage, 2, "arguments that make no sense";
    Config = "config", Usage, 2, "a configuration file";
    NotSupported = "not-supported", Usage, 2, "what this version cannot do";
    MissingFile = "missing-file", NotFound, 4, "an argument that is not a file or folder";
    NoImages = "no-images", NotFound, 4, "a source without an image, for a tree that has some";
    JsonSyntax = "json-syntax", Malformed, 6, "JSON outside the canonical grammar";
    JsonNotObject = "json-not-object", Malformed, 6, "a document that is no object";
    JsonTrailing = "json-trailing", Malformed, 6, "bytes after a document";
    JsonDuplicateKey = "json-duplicate-key", Malformed, 6, "a key that stands twice";
    JsonKeyOrder = "json-key-order", Malformed, 6, "keys out of order";
    JsonKey = "json-key", Malformed, 6, "a key outside its grammar";
    JsonNumber = "json-number", Malformed, 6, "a number that is no plain integer up to 2^53 − 1";
    JsonString = "json-string", Malformed, 6, "a string with a forbidden character or escape";
    JsonDepth = "json-depth", Malformed, 6, "nesting beyond 8";
    MalformedDocument = "malformed-document", Malformed, 6, "fields that do not make the document";
    DocumentTooLarge = "document-too-large", Malformed, 6, "a document file over 16 KiB";
    DocumentNoLine = "document-no-line", Malformed, 6, "a document without its LF";
    DocumentField = "document-field", Malformed, 6, "a field with a value that is not allowed";
    DocumentTrailing = "document-trailing", Malformed, 6, "bytes after an unsigned document";
    DocumentMismatch = "document-mismatch", Mismatch, 6, "a document that is not the one that was named";
    UnnamedImage = "unnamed-image", Malformed, 0, "an image whose file name does not say that it is one";
    NotSearched = "not-searched", Malformed, 0, "a folder of the file system, such as `lost+found`";
    NameMap = "name-map", Usage, 2, "a map of `--map` that is malformed";
    MalformedReference = "malformed-reference", Malformed, 6, "a reference, or a path that should give one";
    MalformedNamespace = "malformed-namespace", Malformed, 6, "a namespace";
    MalformedName = "malformed-name", Malformed, 6, "a name";
    MalformedTag = "malformed-tag", Malformed, 6, "a tag";
    MalformedDigest = "malformed-digest", Malformed, 6, "a digest";
    MalformedArch = "malformed-arch", Malformed, 6, "an architecture";
    MalformedKey = "malformed-key", Malformed, 6, "a public key";
    MalformedFingerprint = "malformed-fingerprint", Malformed, 6, "the fingerprint of a key";
    ReservedName = "reserved-name", Malformed, 6, "a name that published files need";
    CaseCollision = "case-collision", Conflict, 8, "names that differ by case alone";
    DuplicateReference = "duplicate-reference", Conflict, 8, "two images with one reference";
    MalformedManifest = "malformed-manifest", Malformed, 6, "a manifest that is not JSON or lacks a field";
    ManifestTooLarge = "manifest-too-large", Malformed, 6, "a manifest over 4 MiB";
    ManifestSchemaVersion = "manifest-schema-version", Malformed, 6, "a manifest of another version";
    ManifestMediaType = "manifest-media-type", Malformed, 6, "another kind of manifest";
    NodeTooLarge = "node-too-large", Malformed, 6, "a node over 64 KiB";
    NodeHeader = "node-header", Malformed, 6, "the first line of a node";
    NodeMap = "node-map", Malformed, 6, "a node of another map";
    NodePrefix = "node-prefix", Malformed, 6, "a node of another prefix";
    NodeLine = "node-line", Malformed, 6, "a line that is empty or has no LF";
    NodeLineLength = "node-line-length", Malformed, 6, "a line over 1,024 bytes";
    NodeEntry = "node-entry", Malformed, 6, "a line of a leaf";
    NodeChild = "node-child", Malformed, 6, "a line of a branch";
    NodeOrder = "node-order", Malformed, 6, "lines out of order";
    NodeDuplicate = "node-duplicate", Malformed, 6, "a line that stands twice";
    NodeOffPrefix = "node-off-prefix", Malformed, 6, "a key that belongs elsewhere";
    NodeLeafTooLong = "node-leaf-too-long", Malformed, 6, "a leaf over 32 lines";
    NodeEmptyLeaf = "node-empty-leaf", Malformed, 6, "a leaf without a line below a branch";
    NodeBranchTooShort = "node-branch-too-short", Malformed, 6, "a branch that should be a leaf";
    NodeCount = "node-count", Malformed, 6, "counts over 2^53 − 1";
    NodeDepth = "node-depth", Malformed, 6, "a branch at depth 64";
    NodeMismatch = "node-mismatch", Mismatch, 6, "a node whose bytes do not hash to its id";
    NodeSum = "node-sum", Mismatch, 6, "counts that do not add up";
    MissingNode = "missing-node", NotFound, 4, "a node that is not there";
    MissingStatement = "missing-statement", NotFound, 4, "a statement that is not there";
    MissingBlob = "missing-blob", NotFound, 4, "an image, a sidecar or an attachment that is not there";
    MissingHead = "missing-head", NotFound, 4, "a tree where nothing is published";
    ChainSize = "chain-size", Malformed, 6, "a size that no chain can have";
    ChainLength = "chain-length", Malformed, 6, "a sidecar whose length does not follow from the size";
    ChainEnd = "chain-end", Mismatch, 6, "a sidecar of another image";
    BlobMismatch = "blob-mismatch", Mismatch, 6, "an image, a sidecar or an attachment with other bytes than named";
    BlobSize = "blob-size", Mismatch, 6, "an image or an attachment of another size than stated";
    MalformedSettings = "malformed-settings", Malformed, 6, "`sreg.json`";
    NewerFormat = "newer-format", Usage, 2, "a tree of a later format: a later sreg is needed";
    MalformedUrl = "malformed-url", Usage, 2, "`--base-url` or `--blob-url`";
    NotARegistry = "not-a-tree", NotFound, 4, "a path without a registry";
    TooLargeForHost = "too-large-for-host", Stale, 9, "an image that is larger than a file may be on the host of the tree";
    NotOurFolder = "not-our-folder", Usage, 2, "an output folder that sreg did not make";
    SignedRegistry = "signed-registry", Usage, 2, "a registry with keys, where no key is given to sign with";
    HasKeys = "has-keys", Usage, 2, "a registry with keys, where one was to be made";
    NoKeys = "no-keys", Usage, 2, "a registry without keys, where one with keys is asked for";
    NotInTrust = "not-in-trust", Usage, 2, "a key, role or scope that trust does not have";
    TrustChange = "trust-change", Usage, 2, "a change of trust that leaves a role or a delegation without the keys that it needs";
    NotConfirmed = "not-confirmed", Usage, 2, "a question that nobody was there to answer, or that was answered with no";
    MalformedState = "malformed-state", Malformed, 6, "what sreg knows of a registry, in a file that is damaged";
    FrozenTag = "frozen-tag", Conflict, 8, "a tag that is not to move again";
    LastVersion = "last-version", Usage, 2, "a registry at version 2^53 − 1, which no other can follow";
    VersionConflict = "version-conflict", Conflict, 8, "a version that another run published meanwhile";
    Diverged = "diverged", Conflict, 8, "a copy with a head that what it is a copy of has not";
    UnconditionalStore = "unconditional-store", Usage, 2, "a store that does not keep the conditions of writes";
    ReadOnly = "read-only", Usage, 2, "a place that cannot be written to";
    MissingBucket = "missing-bucket", NotFound, 4, "a bucket that is not there";
    PrivateAddress = "private-address", Usage, 2, "a URL of a registry, or a redirect, that leads to an address of a private network";
    WrongClock = "wrong-clock", Unavailable, 5, "a clock of this machine that differs too much from a server's";
    AccessDenied = "access-denied", Denied, 3, "credentials that are missing, or that a server refuses";
    MassRemoval = "mass-removal", Conflict, 8, "most of what was indexed from a folder is gone from it";
    FileExists = "file-exists", Conflict, 8, "a file in the place of a pulled one, or of one for a host, which is another";
    NoRanges = "no-ranges", Stale, 9, "a server that sends whole files only";
    WrongHeaders = "wrong-headers", Stale, 9, "a file that is served with headers which keep readers from what is new, or change its bytes";
    StaleView = "stale-view", Stale, 9, "a view that lags; `sreg repair` mends it";
    ViewMismatch = "view-mismatch", Mismatch, 6, "a view with bytes that no head derives";
    MissingView = "missing-view", NotFound, 4, "a view that is not there";
    StrayView = "stray-view", Mismatch, 6, "an endpoint that no head derives, or that is not to be there beside another";
    LaggingHead = "lagging-head", Stale, 9, "`head`, where a later version is committed";
    HeadMismatch = "head-mismatch", Mismatch, 6, "`head` and its slot, which differ";
    StrayHead = "stray-head", Conflict, 8, "a slot that the trust chain does not lead to";
    StatementMismatch = "statement-mismatch", Mismatch, 6, "a statement and its line, which differ";
    StatementOrder = "statement-order", Mismatch, 6, "a statement that does not follow the one before";
    MissingTrust = "missing-trust", Untrusted, 7, "a document of a registry with keys, whose trust is not there";
    StrayTrust = "stray-trust", Conflict, 8, "a version of trust that does not follow any";
    OtherRegistry = "other-registry", Untrusted, 7, "a document or a tree of another registry than the one that is expected";
    RolledBack = "rolled-back", Untrusted, 7, "trust, a head or a statement that is older than one that was seen";
    Fork = "fork", Untrusted, 7, "another document in the place of one that was seen; both are kept as evidence";
    HeadEpoch = "head-epoch", Untrusted, 7, "a head of another epoch than trust's";
    HeadTrust = "head-trust", Untrusted, 7, "a head that was made under a trust document which is not of the trust chain";
    AbandonedHead = "abandoned-head", Conflict, 0, "a head that a later epoch leaves behind";
    NotPinned = "not-pinned", Untrusted, 0, "a registry with keys that nobody knows";
    UntrustedRegistry = "untrusted-registry", Untrusted, 7, "a registry with keys that nobody knows, where `--require-signed` asks for one that is known";
    TrustOrder = "trust-order", Untrusted, 7, "a trust document that does not follow the one before";
    UntrustedTrust = "untrusted-trust", Untrusted, 7, "a trust document that too few root keys signed";
    UntrustedHead = "untrusted-head", Untrusted, 7, "a head that too few head keys signed";
    UntrustedStatement = "untrusted-statement", Untrusted, 7, "a statement that too few keys of its delegation signed";
    ExpiredTrust = "expired-trust", Untrusted, 7, "a trust document that holds no longer";
    ExpiredHead = "expired-head", Untrusted, 7, "a head that is no longer fresh";
    ExpiredStatement = "expired-statement", Untrusted, 7, "a statement that holds no longer";
    MissingReference = "missing-reference", NotFound, 4, "a reference that is not published";
    Unsigned = "unsigned", Untrusted, 7, "a registry without keys, where one with keys is expected, or `--require-signed` asks for it";
    NothingToCompare = "nothing-to-compare", Untrusted, 0, "an image file on its own: well formed, but nothing says what it should be";
    SignatureArmor = "signature-armor", Untrusted, 7, "a signature's armor in another than its one spelling";
    SignatureFormat = "signature-format", Untrusted, 7, "a signature whose fields are not those of the format";
    SignatureKey = "signature-key", Untrusted, 7, "a signature by a key that is too weak, or of an unsupported kind";
    SignatureAlgorithm = "signature-algorithm", Untrusted, 7, "a signature with a hash or an algorithm that is not allowed with its key";
    SignaturePresence = "signature-presence", Untrusted, 7, "a signature by a security key that nobody touched";
    SignatureNamespace = "signature-namespace", Untrusted, 7, "a signature for something else";
    SignatureInvalid = "signature-invalid", Untrusted, 7, "a signature that is not one of the message by its key";
    SignatureCount = "signature-count", Untrusted, 7, "more than 32 signatures";
    SigningKey = "signing-key", Usage, 2, "a file that holds no key to sign with";
    Passphrase = "passphrase", Usage, 2, "a passphrase that is wrong, or that nobody is there to give";
    UnusedKey = "unused-key", Usage, 0, "a key to sign with that the registry's trust does not list, or no longer as active";
    KeyPermissions = "key-permissions", Usage, 0, "a private key file that others can read";
    SigningFailed = "signing-failed", Unavailable, 5, "`ssh-keygen` is missing, or did not sign";
    InterruptedRun = "interrupted-run", Stale, 0, "what a run left under `staging/`";
    StrayFile = "stray-file", Stale, 0, "a file of ours that the newest head does not reach";
    ForeignFile = "foreign-file", Malformed, 0, "a file of somebody else";
    NotJudged = "not-judged", Unavailable, 0, "files that an index may name of which a part could not be read";
    ImageEmpty = "image-empty", Malformed, 6, "a file of 0 bytes";
    ImageTooSmall = "image-too-small", Malformed, 6, "a file too short for any image";
    ImageSize = "image-size", Malformed, 6, "a file of 0 bytes or over 2^44";
    NotAnImage = "not-an-image", Malformed, 6, "a file of another kind";
    NotAFile = "not-a-file", Malformed, 6, "a folder, a pipe or a device";
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

impl Code {
    /// Returns the code of a word, or `None` if there is none.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
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
            assert_eq!(Code::of_word(code.word()), Some(*code));
        }
    }
}
