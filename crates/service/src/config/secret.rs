//! Settings that are secret.

use std::fmt;

use super::settings::{Form, Raw};
use super::value::Setting;

/// Placeholder for a secret.
pub(super) const HIDDEN: &str = "[hidden]";

/// A secret that neither `Debug` nor an error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that is to stay hidden.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// A secret that may be left empty, which means that it is not given here.
impl Setting for Option<Secret> {
    const WANTED: &'static str = "text, or empty";

    fn read(raw: &Raw) -> Option<Self> {
        let text = raw.as_text()?.trim();
        Some((!text.is_empty()).then(|| Secret(text.to_owned())))
    }

    fn describe(raw: &Raw) -> String {
        match raw.form {
            Form::Other(name) => name.to_owned(),
            _ => "something else".to_owned(),
        }
    }
}
