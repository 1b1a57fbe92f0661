//! How a command ends, and how it says that it failed.

use std::error::Error;

use crate::config::ConfigError;

/// The exit codes that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// It was tried, and failed.
    Failed = 1,
    /// Wrong usage or wrong configuration: nothing was tried.
    Usage = 2,
    /// Some of it was done.
    Partly = 3,
    /// It ended itself by the rule that it was given.
    Stopped = 4,
}

/// Why a command failed, for a person or, with `--json`, for a script.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// A short name of the cause in snake case, which stays as it is from version to version.
    pub code: &'static str,
    /// The error with its causes, in one line.
    pub message: String,
    /// The remedy.
    pub hint: String,
}

impl Failure {
    /// It was tried, and failed because of `error`.
    pub fn failed(code: &'static str, error: &dyn Error, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, code, message: with_causes(error), hint: hint.into() }
    }

    /// It was tried, or looked at, and cannot be done in the current state.
    pub fn refused(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, code, message: message.into(), hint: hint.into() }
    }

    /// It was not tried, because the request makes no sense.
    pub fn usage(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, code, message: message.into(), hint: hint.into() }
    }

    /// The form for people: two lines.
    #[must_use]
    pub fn as_text(&self) -> String {
        format!("error: {}\nhint: {}", self.message, self.hint)
    }

    /// The form for scripts: one JSON object with `code`, `message`, `hint`.
    #[must_use]
    pub fn as_json(&self) -> String {
        serde_json::json!({ "code": self.code, "message": self.message, "hint": self.hint }).to_string()
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { exit: Exit::Usage, code: "configuration", message: with_causes(&error), hint: error.hint() }
    }
}

/// The error's text with those of its causes behind it. Our errors do not repeat their cause in their own text.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
