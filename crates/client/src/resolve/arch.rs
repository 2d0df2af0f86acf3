//! Selects an architecture.

use sreg_model::statement::Statement;
use sreg_model::{Arch, Document, Reference};

use crate::options::PullOptions;
use crate::resolve::error::ResolveError;
use crate::warning::Warning;

/// Selects the statement for an architecture: the given one, otherwise this machine's, otherwise the only
/// one.
pub(super) fn select(
    mut statements: Vec<Document<Statement>>,
    reference: &Reference,
    options: &PullOptions<'_>,
) -> Result<Document<Statement>, ResolveError> {
    let archs: Vec<Arch> = statements
        .iter()
        .map(|statement| statement.body().subject.arch)
        .collect();
    let wanted = options.arch.or(options.machine);
    let found = archs.iter().position(|arch| Some(*arch) == wanted);
    match (found, options.arch, &archs[..]) {
        (Some(found), ..) => Ok(statements.swap_remove(found)),
        (None, None, [only]) => {
            if *only != Arch::Unknown {
                (options.warn)(Warning::OtherArch(*only));
            }
            Ok(statements.swap_remove(0))
        }
        _ => Err(ResolveError::NoArch {
            reference: Box::new(reference.clone()),
            archs,
        }),
    }
}

/// Returns the architecture of a Rust target, as [`std::env::consts::ARCH`] spells it; `None` if images have no
/// word for it.
#[must_use]
pub fn arch_of_target(word: &str) -> Option<Arch> {
    match word {
        "x86_64" => Some(Arch::Amd64),
        "x86" => Some(Arch::I386),
        "aarch64" => Some(Arch::Arm64),
        // Rust has one name for both byte orders; clusters with POWER use little endian.
        "powerpc64" => Some(Arch::Ppc64le),
        other => other.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_rust_have_words_of_images() {
        for (target, arch) in [
            ("x86_64", Some(Arch::Amd64)),
            ("x86", Some(Arch::I386)),
            ("aarch64", Some(Arch::Arm64)),
            ("powerpc64", Some(Arch::Ppc64le)),
            ("riscv64", Some(Arch::Riscv64)),
            ("s390x", Some(Arch::S390x)),
            ("sparc64", None),
        ] {
            assert_eq!(arch_of_target(target), arch, "{target}");
        }
    }
}
