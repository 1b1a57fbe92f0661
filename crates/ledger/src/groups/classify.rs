//! The classification of dead letters: where the cause can be corrected, and which causes are equal.
//!
//! It is a pure function with a version. A dead letter is stored with the version that classified it. When the rules change, [`VERSION`]
//! grows, and housekeeping classifies older dead letters again.

use std::fmt;

use connections::ConnectionId;
use serde::Serialize;

use super::normal::normal;

/// The version of the rules below and of `normal`. It grows with every change of either.
pub const VERSION: i64 = 1;

/// The place where the cause of a dead letter can be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mender {
    /// In the data that is sent to Segment.
    Data,
    /// In the settings of the connection, by the operator.
    Settings,
    /// In Refersion, or by waiting.
    Refersion,
    /// In this program.
    Us,
}

impl Mender {
    /// Every place.
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

/// The cause of a dead letter, without the parts that differ from one person to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Where it can be corrected.
    pub mender: Mender,
    /// The class of the failure.
    pub class: String,
    /// The HTTP status of Refersion's answer.
    pub http_status: Option<u16>,
    /// The refused field.
    pub field: Option<String>,
    /// The text of the cause as it is written, without the words that differ from one person to another.
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

    /// The key of its group in a connection: `g` and twelve hexadecimal digits. Causes that differ only in the case of letters are equal.
    #[must_use]
    pub fn key(&self, connection: ConnectionId) -> String {
        let mut hash = Fnv::default();
        hash.add(connection.to_string().as_bytes());
        hash.add(self.mender.word().as_bytes());
        hash.add(self.class.as_bytes());
        hash.add(self.http_status.map(|status| status.to_string()).unwrap_or_default().as_bytes());
        hash.add(self.field.as_deref().unwrap_or_default().as_bytes());
        hash.add(self.text.to_lowercase().as_bytes());
        hash.to_string()
    }
}

/// Whether a text has the form of a group's key.
pub(crate) fn is_group_key(text: &str) -> bool {
    let is_digit = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    text.strip_prefix('g').is_some_and(|digits| digits.len() == 12 && digits.bytes().all(is_digit))
}

/// If Refersion answers 200 but does not change a custom field, the field does not exist there: the setting is wrong.
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

/// FNV-1a: <http://www.isthe.com/chongo/tech/comp/fnv/>. Nobody gains anything from a collision, so the hash need not be cryptographic.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        // Separates neighbours by a byte that occurs in no text.
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
    fn one_cause_of_two_persons_is_one_group_and_every_part_distinguishes_groups() {
        let cause = |class, status, field, text| Cause::of(class, status, field, text);
        let one = cause("refused", Some(422), Some("email"), "The email \"a@b.org\" (id 17) is taken");
        let two = cause("refused", Some(422), Some("email"), "the email \"c@d.org\" (id 4711) is taken");
        assert_eq!(one.key(1), two.key(1));
        assert!(is_group_key(&one.key(1)));
        assert_eq!(one.text, "The email … (id … is taken");
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
        let written = Cause::of("refused", Some(200), Some("custom:8"), "The Affiliate was not changed");
        assert_eq!(written.key(1), cause.key(1));
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
