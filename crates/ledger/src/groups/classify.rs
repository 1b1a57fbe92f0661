//! The classification of dead letters: who can mend the cause, and which causes are the same.
//!
//! It is a pure function with a version. A dead letter is stored with the version that classified it; when the rules change,
//! [`VERSION`] grows, and housekeeping classifies the older ones again.

use std::fmt;

use connections::ConnectionId;
use serde::Serialize;

use super::normal::normal;

/// The version of the rules below and of `normal`. It grows with every change of either.
pub const VERSION: i64 = 1;

/// Who can mend the cause of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mender {
    /// Whoever sends the data to Segment.
    Data,
    /// The operator, in the settings of the connection.
    Settings,
    /// Refersion, or time.
    Refersion,
    /// This program.
    Us,
}

impl Mender {
    /// Everybody.
    pub const ALL: [Self; 4] = [Self::Data, Self::Settings, Self::Refersion, Self::Us];

    /// The fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Settings => "settings",
            Self::Refersion => "refersion",
            Self::Us => "us",
        }
    }
}

/// What a dead letter died of, as far as it is the same for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Who can mend it.
    pub mender: Mender,
    /// The class of the failure.
    pub class: String,
    /// The HTTP status of Refersion's answer.
    pub http_status: Option<u16>,
    /// The refused field.
    pub field: Option<String>,
    /// The words of the cause, less what differs from one person to another.
    pub text: String,
}

impl Cause {
    /// Classifies a dead letter.
    #[must_use]
    pub fn of(class: &str, http_status: Option<u16>, field: Option<&str>, cause: &str) -> Self {
        Self {
            mender: mender(class, http_status, field),
            class: class.to_owned(),
            http_status,
            field: field.map(ToOwned::to_owned),
            text: normal(cause),
        }
    }

    /// The key of its group in a connection: `g` and twelve hexadecimal digits.
    #[must_use]
    pub fn key(&self, connection: ConnectionId) -> String {
        let mut hash = Fnv::default();
        hash.add(connection.to_string().as_bytes());
        hash.add(self.mender.word().as_bytes());
        hash.add(self.class.as_bytes());
        hash.add(self.http_status.map(|status| status.to_string()).unwrap_or_default().as_bytes());
        hash.add(self.field.as_deref().unwrap_or_default().as_bytes());
        hash.add(self.text.as_bytes());
        hash.to_string()
    }
}

/// A custom field that Refersion answers 200 for, and leaves as it is, does not exist there: that is a setting.
fn mender(class: &str, http_status: Option<u16>, field: Option<&str>) -> Mender {
    let is_custom = field.is_some_and(|field| field.starts_with("custom:"));
    match class {
        "refused" if is_custom && http_status == Some(200) => Mender::Settings,
        "refused" | "email_taken" | "too_large" | "too_many_identifiers" | "unreadable" => Mender::Data,
        "request" | "credentials" => Mender::Settings,
        "gone" | "not_here" | "no_answer" | "throttled" | "unavailable" => Mender::Refersion,
        _ => Mender::Us,
    }
}

/// FNV-1a: <http://www.isthe.com/chongo/tech/comp/fnv/>. Nobody gains by two causes with one key.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        // A byte that is in no text keeps neighbours apart.
        for byte in bytes.iter().chain(&[0xFF]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}

impl fmt::Display for Fnv {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "g{:012x}", (self.0 ^ (self.0 >> 48)) & 0xFFFF_FFFF_FFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::CLASSES;

    #[test]
    fn the_same_cause_of_two_people_is_one_group_and_every_part_tells_groups_apart() {
        let cause = |class, status, field, text| Cause::of(class, status, field, text);
        let one = cause("refused", Some(422), Some("email"), "The email \"a@b.org\" (id 17) is taken");
        let two = cause("refused", Some(422), Some("email"), "the email \"c@d.org\" (id 4711) is taken");
        assert_eq!(one.key(1), two.key(1));
        let others = [
            cause("email_taken", Some(422), Some("email"), "the email \"\" (id 1) is taken").key(1),
            cause("refused", Some(400), Some("email"), "the email \"\" (id 1) is taken").key(1),
            cause("refused", Some(422), Some("phone"), "the email \"\" (id 1) is taken").key(1),
            cause("refused", Some(422), None, "the email \"\" (id 1) is taken").key(1),
            cause("refused", Some(422), Some("email"), "the email is odd").key(1),
            one.key(2),
        ];
        assert!(others.iter().all(|key| *key != one.key(1)), "{others:?}");
    }

    #[test]
    fn keys_never_change_while_the_version_is_the_same() {
        let cause = Cause::of("refused", Some(200), Some("custom:8"), "the affiliate was not changed");
        assert_eq!((VERSION, cause.key(1).as_str()), (1, "g6a110ee5e709"));
    }

    #[test]
    fn every_class_has_a_mender() {
        let of = |class| mender(class, Some(422), Some("custom:8"));
        let us: Vec<_> = CLASSES.into_iter().filter(|class| of(class) == Mender::Us).collect();
        assert_eq!(us, ["poison", "too_many"]);
        assert_eq!(mender("refused", Some(200), Some("custom:8")), Mender::Settings);
        assert_eq!(mender("refused", Some(200), Some("email")), Mender::Data);
    }
}
