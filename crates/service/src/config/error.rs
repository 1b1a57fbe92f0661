//! Errors of the configuration. Each names the key, its place, and a valid value.

use std::path::PathBuf;

use super::settings::Origin;

/// Why the program does not start with this configuration. Nothing has been opened or changed by then.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file named by `--config` cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{origin} is not valid TOML: {message}")]
    NotToml {
        /// File and line.
        origin: Origin,
        /// The message of the parser.
        message: String,
    },
    /// A key that does not exist.
    #[error("unknown setting {key} ({origin})")]
    UnknownKey {
        /// The key as it was written: `section.key`, or the variable's name.
        key: String,
        /// Its place.
        origin: Origin,
        /// The nearest key that exists, written in the same way.
        nearest: String,
    },
    /// A section that does not exist.
    #[error("unknown section [{section}] ({origin})")]
    UnknownSection {
        /// Its name.
        section: String,
        /// Its place.
        origin: Origin,
        /// The nearest section that exists.
        nearest: String,
    },
    /// A value of the wrong kind or form.
    #[error("{key} is {got}, but must be {wanted} ({origin})")]
    WrongValue {
        /// The key.
        key: String,
        /// The value that was found; a secret is not repeated.
        got: String,
        /// The valid values.
        wanted: &'static str,
        /// Its place.
        origin: Origin,
    },
    /// A value that is valid by itself, but does not fit the others.
    #[error("{key} {problem} ({origin})")]
    Contradiction {
        /// The key.
        key: &'static str,
        /// The problem, as the rest of the sentence.
        problem: String,
        /// Its place.
        origin: Origin,
    },
    /// A key that the program reads is missing in the shipped file. A test makes sure that no build has this fault.
    #[error("this build is broken: config/default.toml has no {0}")]
    MissingDefault(String),
}

impl ConfigError {
    /// The remedy, as a full sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                "check the path given to --config, and that this user may read it".to_owned()
            }
            Self::NotToml { .. } => "correct the line named above; text needs quotation marks".to_owned(),
            Self::UnknownKey { nearest, .. } => format!("did you mean {nearest}?"),
            Self::UnknownSection { nearest, .. } => format!("did you mean [{nearest}]?"),
            Self::WrongValue { .. } | Self::Contradiction { .. } => {
                "change it there; config/default.toml explains every key".to_owned()
            }
            Self::MissingDefault(_) => "report this as a bug".to_owned(),
        }
    }
}
