//! The purposes of signatures: the namespaces of SSHSIG (`spec/signature.md`, SIG-18).

use std::fmt;

/// The kind of document that a signature covers. A signature for one purpose is invalid for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A trust document.
    Trust,
    /// A head.
    Head,
    /// A publisher's statement about an image.
    Image,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Trust, Self::Head, Self::Image];

    /// Returns the namespace, as `ssh-keygen -Y sign -n` takes it.
    #[must_use]
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Trust => "trust@sreg.v1",
            Self::Head => "head@sreg.v1",
            Self::Image => "image@sreg.v1",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.namespace())
    }
}
