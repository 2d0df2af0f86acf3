//! The errors of commands, as a person reads them: what failed, why, and the command that helps.

mod hints;

use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use sreg_client::known::KnownError;
use sreg_image::OpenError;
use sreg_index::hasher::HashError;
use sreg_ingest::IngestError;
use sreg_model::fault::Code;
use sreg_model::settings::SettingsError;
use sreg_publish::{PublishError, SourceFault, Unsigned};
use sreg_registry::{RegistryError, explain};
use sreg_serve::ServeError;
use sreg_sign::amend::AmendError;
use sreg_sign::policy::PolicyError;
use sreg_sign::{AuthorError, SignError};
use sreg_store::StoreError;

use crate::{args, exit};

pub(crate) use hints::{fault_hints, no_keys_hint};

/// A failed command.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) lines: Vec<Line>,
    /// Text below the messages, such as a command's usage.
    pub(crate) below: String,
    pub(crate) hint: Option<String>,
}

/// One message of an error.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The fault word in `spec/cli.md`.
    pub(crate) code: Code,
    /// The file that the message is about, for annotations.
    pub(crate) path: Option<String>,
    pub(crate) message: String,
}

impl CommandError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            lines: vec![Line {
                code,
                path: None,
                message: message.into(),
            }],
            below: String::new(),
            hint: None,
        }
    }

    /// Returns the error with this code, and a hint if there is one.
    fn of(code: Code, error: &dyn std::error::Error, hint: Option<String>) -> Self {
        Self {
            hint,
            ..Self::new(code, explain(error))
        }
    }

    /// Returns the error for invalid arguments, in clap's words.
    pub(crate) fn arguments(error: &clap::Error) -> Self {
        let cause = std::error::Error::source(error);
        let code = cause
            .and_then(|cause| cause.downcast_ref::<SettingsError>())
            .map_or(Code::Usage, SettingsError::code);
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let (message, below) = text.split_once('\n').unwrap_or((text, ""));
        let text_of = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => text.as_str(),
            _ => "",
        };
        let option = text_of(ContextKind::InvalidArg);
        let variable = args::variable_of(option, text_of(ContextKind::InvalidValue));
        Self {
            below: below.to_owned(),
            hint: variable
                .map(|variable| format!("change or unset {variable}, which sets {option}")),
            ..Self::new(code, message)
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Replaces REGISTRY and PLACE in the hint by the command's place. If there are several, uses the one
    /// that a message names.
    pub(crate) fn at(mut self, places: &[String]) -> Self {
        let is_named = |place: &&String| {
            let mut lines = self.lines.iter();
            lines.any(|line| line.message.contains(place.as_str()))
        };
        let place = match places {
            [one] => Some(one),
            several => several.iter().find(is_named),
        };
        if let (Some(place), Some(hint)) = (place, &mut self.hint) {
            for word in ["REGISTRY", "PLACE"] {
                *hint = hints::replace_word(hint, word, place);
            }
        }
        self
    }

    /// Returns the exit code: the worst of all messages.
    pub(crate) fn exit(&self) -> u8 {
        exit::worst(self.lines.iter().map(|line| line.code.exit()))
    }

    /// Returns the error for a file that cannot be opened as an image.
    pub(crate) fn image(path: &Path, error: &OpenError) -> Self {
        Self::new(
            error.code(),
            format!("{}: {}", path.display(), explain(error)),
        )
    }

    fn unsigned(registry: &Path, refused: &[Unsigned]) -> Self {
        let lines = refused.iter().map(|one| Line {
            code: one.source.code(),
            path: None,
            message: format!("{}: {}", one.what, explain(&*one.source)),
        });
        let of_head = refused
            .iter()
            .any(|one| one.source.code() == "untrusted-head");
        Self {
            lines: lines.collect(),
            below: String::new(),
            hint: Some(hints::remaining_hint(registry, refused, of_head)),
        }
    }

    fn source(faults: &[SourceFault]) -> Self {
        let lines = faults
            .iter()
            .map(|fault| Line {
                code: fault.code,
                path: Some(fault.path.display().to_string()),
                message: format!("{}: {}", fault.path.display(), fault.message),
            })
            .collect();
        let hint = "fix the file and run the command again (nothing was published)".to_owned();
        Self {
            lines,
            below: String::new(),
            hint: Some(hint),
        }
    }
}

impl From<RegistryError> for CommandError {
    fn from(error: RegistryError) -> Self {
        Self::of(error.code(), &error, hints::of_registry(&error))
    }
}

impl From<PublishError> for CommandError {
    fn from(error: PublishError) -> Self {
        match &error {
            PublishError::Source(faults) => Self::source(faults),
            PublishError::Unsigned { registry, refused } => Self::unsigned(registry, refused),
            _ => Self::of(error.code(), &error, hints::of_publishing(&error)),
        }
    }
}

impl From<IngestError> for CommandError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Publish(error) => error.into(),
            _ => Self::of(error.code(), &error, hints::of_folder(&error)),
        }
    }
}

impl From<SignError> for CommandError {
    fn from(error: SignError) -> Self {
        let hint = hints::of_key(&error).map(str::to_owned);
        Self::of(error.code(), &error, hint)
    }
}

impl From<PolicyError> for CommandError {
    fn from(error: PolicyError) -> Self {
        let hint = hints::policy_hint(error.code());
        Self::of(error.code(), &error, hint)
    }
}

impl From<AmendError> for CommandError {
    fn from(error: AmendError) -> Self {
        Self::of(error.code(), &error, hints::amend_hint(&error))
    }
}

impl From<AuthorError> for CommandError {
    fn from(error: AuthorError) -> Self {
        match error {
            AuthorError::Sign(error) => error.into(),
            error => Self::of(error.code(), &error, None),
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::of(error.code(), &error, hints::store_hint(&error))
    }
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        let hint = hints::of_server(&error).map(str::to_owned);
        Self::of(error.code(), &error, hint)
    }
}

impl From<KnownError> for CommandError {
    fn from(error: KnownError) -> Self {
        Self::of(error.code(), &error, hints::of_known(&error))
    }
}

impl From<HashError> for CommandError {
    fn from(error: HashError) -> Self {
        RegistryError::from(error).into()
    }
}
