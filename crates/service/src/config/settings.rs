//! The settings as they were written, with the origin of each.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::error::ConfigError;
use super::layers::variable;
use super::value::Setting;

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the defaults that are compiled in.
    Default,
    /// In the file given by `--config`, at this line (from 1).
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// In this variable of the environment.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// The form in which a value was written. A variable of the environment is only text: it may stand for any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A TOML string.
    Text,
    /// A TOML integer.
    Integer,
    /// A variable of the environment.
    Variable,
    /// Anything else, which no setting takes; with its name.
    Other(&'static str),
}

/// One value as it was written.
#[derive(Clone)]
pub struct Raw {
    /// Its text, without quotation marks.
    pub text: String,
    /// The form that it was written in.
    pub form: Form,
}

/// One setting in force.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
    /// Its place in the shipped file, for showing settings in an order that makes sense.
    pub(super) place: usize,
}

/// All settings in force, by key (`section.key`). Its keys are those of the shipped file.
pub struct Settings {
    pub(super) entries: BTreeMap<String, Entry>,
}

impl fmt::Debug for Settings {
    /// Shows keys only: a value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

impl Settings {
    /// Reads the value of `key`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::WrongValue`] if it is not what `T` takes, [`ConfigError::MissingDefault`] if there is no such key.
    pub fn read<T: Setting>(&self, key: &str) -> Result<T, ConfigError> {
        let Some(entry) = self.entries.get(key) else {
            return Err(ConfigError::MissingDefault(key.to_owned()));
        };
        T::read(&entry.raw).ok_or_else(|| ConfigError::WrongValue {
            key: key.to_owned(),
            got: T::describe(&entry.raw),
            wanted: T::WANTED,
            origin: entry.origin.clone(),
        })
    }

    /// The origin of the value of `key`.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.entries.get(key).map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// All of them as variables of the environment, which make another process work with the same settings. Secrets are
    /// among them.
    #[must_use]
    pub fn as_variables(&self) -> Vec<(String, String)> {
        self.entries.iter().map(|(key, entry)| (variable(key), entry.raw.text.clone())).collect()
    }

    /// Replaces the value in force. Returns false if there is no such key.
    pub(super) fn overlay(&mut self, key: &str, raw: Raw, origin: Origin) -> bool {
        let Some(entry) = self.entries.get_mut(key) else { return false };
        entry.raw = raw;
        entry.origin = origin;
        true
    }

    /// The key that `wrong` most likely means. The whole keys are compared, and also the parts after the section, for a key in
    /// the wrong section.
    pub(super) fn nearest(&self, wrong: &str) -> &str {
        let likeness = |key: &str| {
            let whole = strsim::normalized_damerau_levenshtein(wrong, key);
            let last = strsim::normalized_damerau_levenshtein(last_part(wrong), last_part(key)) * 0.9;
            whole.max(last)
        };
        let best = self.entries.keys().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        best.map_or("", String::as_str)
    }
}

impl Settings {
    /// Whether there is such a section.
    pub(super) fn has_section(&self, section: &str) -> bool {
        self.sections().any(|known| known == section)
    }

    /// The section that `wrong` most likely means: the one with the most similar name, unless its keys belong to another section.
    pub(super) fn nearest_section(&self, wrong: &str, keys: &[&str]) -> &str {
        let likeness = |section: &str| {
            let name = strsim::normalized_damerau_levenshtein(wrong, section);
            let has = |key: &&&str| self.entries.contains_key(&format!("{section}.{key}"));
            let fits = keys.iter().filter(has).count() == keys.len() && !keys.is_empty();
            name + if fits { 0.5 } else { 0.0 }
        };
        let best = self.sections().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        best.unwrap_or_default()
    }

    fn sections(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().filter_map(|key| key.split_once('.').map(|(section, _)| section))
    }
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}
