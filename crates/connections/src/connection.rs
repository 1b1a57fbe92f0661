//! A connection, its name, and its state: active or paused.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// The number of a connection. It is never reused, not even after a removal, because events that are still in a queue
/// contain it.
pub type ConnectionId = i64;

/// The longest name of a connection, in characters.
pub const MAX_NAME_LENGTH: usize = 64;

/// One Refersion account that Segment sources deliver to. It holds no secret; the keys are in the store, sealed.
#[derive(Clone, PartialEq)]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// Its name, unique.
    pub name: ConnectionName,
    /// The settings that the operator chose.
    pub settings: Settings,
    /// Grows by one with every change of the settings; begins at 1.
    pub settings_version: i64,
    /// How often it was resumed.
    pub resumes: i64,
    /// Whether it delivers.
    pub state: State,
    /// The time of the pause, and a sentence on its reason (no personal data, no secret); both absent while it is active.
    pub paused_since: Option<Timestamp>,
    /// See [`Connection::paused_since`].
    pub paused_because: Option<String>,
    /// The rate in calls a second that its API was last seen to accept, below the ceiling of the settings.
    pub learned_rate: Option<f64>,
    /// The end of the last wait that Refersion asked for. An operator's resume clears it.
    pub asked_to_wait_until: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// The key by which client libraries name the connection. They show it to every browser, so it is no secret.
    /// `Debug` hides it because it lets anyone send events.
    pub write_key: String,
}

/// The version of a connection's settings, with the number of its resumes: it changes with each change of the settings and each resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// See [`Connection::settings_version`].
    pub settings_version: i64,
    /// See [`Connection::resumes`].
    pub resumes: i64,
}

impl Connection {
    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch { settings_version: self.settings_version, resumes: self.resumes }
    }
}

/// Whether a connection delivers. In both states it continues to accept events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls go out.
    Active,
    /// No calls go out; events are kept.
    Paused(PausedFor),
}

/// The reason that a connection is paused. If there are several, the greatest one is shown.
///
/// Only an operator ends a pause by an operator. The worker ends the others by itself when calls work again, and must not
/// end a stronger one meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedFor {
    /// The circuit breaker found the whole API down.
    Breaker,
    /// Refersion refused several persons' calls in a row, probably because of a mistake in the settings.
    Configuration,
    /// Refersion refused the keys.
    Credentials,
    /// An operator asked for it.
    Operator,
}

impl PausedFor {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Breaker, Self::Configuration, Self::Credentials, Self::Operator];

    /// The word for it in JSON and in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Configuration => "configuration",
            Self::Credentials => "credentials",
            Self::Operator => "operator",
        }
    }

    /// The reason for a word of [`PausedFor::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

impl fmt::Display for PausedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("settings", &self.settings)
            .field("settings_version", &self.settings_version)
            .field("state", &self.state)
            .field("learned_rate", &self.learned_rate)
            .finish_non_exhaustive()
    }
}

/// The name of a connection: 1 to 64 of the characters `A-Z a-z 0-9 _ -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ConnectionName(String);

/// The text is not a valid name of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connection's name is 1 to {MAX_NAME_LENGTH} of the characters A-Z a-z 0-9 _ -: give another one")]
pub struct ConnectionNameError;

impl ConnectionName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConnectionName {
    type Err = ConnectionNameError;

    fn from_str(text: &str) -> Result<Self, ConnectionNameError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let fits = (1..=MAX_NAME_LENGTH).contains(&text.len());
        if fits && text.bytes().all(good) { Ok(Self(text.to_owned())) } else { Err(ConnectionNameError) }
    }
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["a", "main_store-2", &"x".repeat(64)] {
            assert_eq!(good.parse::<ConnectionName>().expect("a good name").as_str(), good);
        }
        for bad in ["", "two words", "naïve", "a/b", &"x".repeat(65)] {
            assert!(bad.parse::<ConnectionName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_reason_is_read_from_its_word() {
        for reason in PausedFor::ALL {
            assert_eq!(PausedFor::from_word(reason.as_str()), Some(reason));
        }
        assert_eq!(PausedFor::from_word("whim"), None);
    }
}
