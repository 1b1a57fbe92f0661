//! Settings that are one of a few words.

use super::settings::Raw;
use super::value::Setting;

/// The value that a word stands for.
fn word<T, const WORDS: usize>(raw: &Raw, words: [(&str, T); WORDS]) -> Option<T> {
    let text = raw.as_text()?;
    words.into_iter().find_map(|(word, value)| (word == text).then_some(value))
}

/// The treatment of an API key that no connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The key counts as wrong.
    Closed,
    /// The key is verified with Refersion, and becomes a connection.
    Open,
}

impl Setting for Registration {
    const WANTED: &'static str = "open or closed";

    fn read(raw: &Raw) -> Option<Self> {
        word(raw, [("open", Self::Open), ("closed", Self::Closed)])
    }
}

/// The treatment of the affiliates of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptNew {
    /// They are walked through in the background.
    Walk,
    /// An operator has to request the walk.
    Wait,
}

impl Setting for AdoptNew {
    const WANTED: &'static str = "walk or wait";

    fn read(raw: &Raw) -> Option<Self> {
        word(raw, [("walk", Self::Walk), ("wait", Self::Wait)])
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Setting for LogFormat {
    const WANTED: &'static str = "human or json";

    fn read(raw: &Raw) -> Option<Self> {
        word(raw, [("human", Self::Human), ("json", Self::Json)])
    }
}
