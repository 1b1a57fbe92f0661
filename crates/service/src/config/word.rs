//! Settings that are one of a few words.

use super::settings::Raw;
use super::value::Setting;

/// The value that a word stands for.
fn word<T, const WORDS: usize>(raw: &Raw, words: [(&str, T); WORDS]) -> Option<T> {
    let text = raw.as_text()?;
    words.into_iter().find_map(|(word, value)| (word == text).then_some(value))
}

/// What becomes of an API key that no connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It is wrong.
    Closed,
    /// It is verified with Refersion, and becomes a connection.
    Open,
}

impl Setting for Registration {
    const WANTED: &'static str = "open or closed";

    fn read(raw: &Raw) -> Option<Self> {
        word(raw, [("open", Self::Open), ("closed", Self::Closed)])
    }
}

/// What becomes of the affiliates of a connection that is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptNew {
    /// They are walked through in the background.
    Walk,
    /// An operator asks for that.
    Wait,
}

impl Setting for AdoptNew {
    const WANTED: &'static str = "walk or wait";

    fn read(raw: &Raw) -> Option<Self> {
        word(raw, [("walk", Self::Walk), ("wait", Self::Wait)])
    }
}

/// In which form logs are written.
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
