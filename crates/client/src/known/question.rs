//! The question that only a person can answer: is this the registry that you mean?

use std::fmt;
use std::path::PathBuf;

use sreg_model::Digest;

/// Whether the id of a registry that was not seen before is the one that its owner states. Its `Display` is a
/// sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Question {
    /// The id of the registry that was found.
    pub registry: Digest,
    /// The place that the user named.
    pub root: PathBuf,
    /// The mirror that answered in place of `root`.
    pub mirror: Option<PathBuf>,
}

impl Question {
    /// Returns the question about the registry that was found at `root` itself.
    #[must_use]
    pub fn new(registry: Digest, root: PathBuf) -> Self {
        Self {
            registry,
            root,
            mirror: None,
        }
    }

    /// Returns `<place> is the registry <id>`.
    pub(crate) fn subject(&self) -> String {
        let root = self.root.display();
        // A mirror's registry is the one that it is a copy of.
        let at = match &self.mirror {
            None => root.to_string(),
            Some(mirror) => format!("{root}, through its mirror {},", mirror.display()),
        };
        format!("{at} is the registry {}", self.registry)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, which is not known yet. Is this the id that its owner gave you?",
            self.subject()
        )
    }
}

/// Answers a [`Question`]. A closure `Fn(&Question) -> bool` is one.
pub trait Confirm {
    /// Returns whether to trust the registry. Must return `false` if the question cannot be asked.
    fn confirm(&self, question: &Question) -> bool;
}

impl<F: Fn(&Question) -> bool> Confirm for F {
    fn confirm(&self, question: &Question) -> bool {
        self(question)
    }
}

/// Answers every question with no: only known registries are trusted.
#[derive(Debug, Clone, Copy)]
pub struct NeverConfirm;

impl Confirm for NeverConfirm {
    fn confirm(&self, _: &Question) -> bool {
        false
    }
}
