//! The output of `config show`: every setting, its value with secrets hidden, and its origin.

use serde::Serialize;

use super::secret::HIDDEN;
use super::settings::{Form, Settings};
use super::url::mask;

/// Keys whose values are secret as a whole.
const SECRET_KEYS: [&str; 4] =
    ["notifications.secret", "notifications.url", "secrets.key", "segment.public_api_token"];

/// One setting in force, safe to be printed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ShownSetting {
    /// `section.key`.
    pub key: String,
    /// The value as it was written; `[hidden]` for a secret, and for a user and password within a URL.
    pub value: String,
    /// `default`, `FILE:LINE`, or the name of a variable.
    pub from: String,
}

impl Settings {
    /// All settings in the order of the shipped file.
    #[must_use]
    pub fn shown(&self) -> Vec<ShownSetting> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(_, entry)| entry.place);
        let shown = |(key, entry): (&String, &super::settings::Entry)| ShownSetting {
            key: key.clone(),
            value: if SECRET_KEYS.contains(&key.as_str()) && !entry.raw.text.is_empty() {
                HIDDEN.to_owned()
            } else if entry.raw.form == Form::Integer {
                entry.raw.text.clone()
            } else {
                mask(&entry.raw.text)
            },
            from: entry.origin.to_string(),
        };
        entries.into_iter().map(shown).collect()
    }
}
