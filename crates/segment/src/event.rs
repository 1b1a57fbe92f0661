//! What the reader makes of one Segment call.
//!
//! Whatever holds words of a person has a `Debug` of its own that shows only what is there, not what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

/// One Segment call.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Tells messages apart: the `messageId`, or `sha256:` and 64 hex digits where there is none or a very long one.
    /// A message that comes again has the same key.
    pub message_key: String,
    /// Segment's `messageId` as it came, trimmed.
    pub message_id: Option<String>,
    /// Whether it comes from an Engage sync and should wait behind live events. A delete never does.
    pub bulk: bool,
    /// What is said.
    pub body: Body,
}

/// The two types of event that the destination takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Something is known about somebody.
    Identify(Identify),
    /// Somebody asked to be forgotten.
    Delete(Delete),
}

/// What one identify says: about whom, when, and what.
#[derive(Clone, PartialEq)]
pub struct Identify {
    /// `userId`, trimmed, never empty.
    pub user: Option<String>,
    /// `anonymousId`, trimmed, never empty.
    pub anonymous: Option<String>,
    /// The email address of the person.
    pub address: Option<StatedAddress>,
    /// Whether an Engage audience, computed trait or journey sent it (`context.personas` is an object).
    pub engage: bool,
    /// Whether it says `"Refersion": false` in `integrations`: not for us.
    pub skip: bool,
    /// When it was said, to the microsecond; never later than when it, or its first try at Segment, was received.
    pub time: Timestamp,
    /// What was said; `None` clears the trait. A trait that is not here was not mentioned.
    pub traits: Traits,
    /// How the event writes each custom trait, by its folded key.
    pub spellings: BTreeMap<String, String>,
    /// What was said but cannot be used.
    pub ignored: Vec<Ignored>,
}

/// Traits with their values as text; `None` clears the trait.
pub type Traits = BTreeMap<Trait, Option<String>>;

/// An email address, trimmed and in lower case, at most 254 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct StatedAddress {
    /// The address as it is compared, and as it is sent on.
    pub address: String,
    /// How the event says it.
    pub origin: AddressOrigin,
}

/// How an event comes to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressOrigin {
    /// An email field says so.
    Stated,
    /// No email field does, but the userId looks like an address.
    UserIdShape,
}

/// What can be said about a person. A value is trimmed text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trait {
    /// Never empty, never cleared.
    FirstName,
    /// Never cleared; the empty text says that there is none (a `name` of one word).
    LastName,
    /// Name of the company.
    Company,
    /// Phone number as it was written.
    Phone,
    /// First line of the address, or all of an address that is one text.
    Street,
    /// Second line of the address.
    Street2,
    /// City.
    City,
    /// State or region, as it was written.
    State,
    /// Postal code; leading zeros are lost where the source used a number.
    PostalCode,
    /// Country, as it was written: a name or a code.
    Country,
    /// Any other trait with a single value, by its folded key. Key and value have at most 255 characters.
    Custom(String),
}

impl Trait {
    /// The folded key of a standard trait, as sources spell it.
    pub(crate) fn standard_key(&self) -> Option<&'static str> {
        match self {
            Self::FirstName => Some("firstname"),
            Self::LastName => Some("lastname"),
            Self::Company => Some("company"),
            Self::Phone => Some("phone"),
            Self::Street => Some("street"),
            Self::Street2 => Some("street2"),
            Self::City => Some("city"),
            Self::State => Some("state"),
            Self::PostalCode => Some("postalcode"),
            Self::Country => Some("country"),
            Self::Custom(_) => None,
        }
    }
}

/// Something in an identify that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Folded key of the trait; `address.city` for a part of the address.
    pub key: String,
    /// Why not.
    pub why: WhyIgnored,
}

/// Why a part of an identify is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyIgnored {
    /// The key or value of a custom trait has more than 255 characters, or the value of a standard trait more than 1,000.
    TooLong,
    /// A list or an object where a single value belongs.
    Nested,
    /// A number, a truth value or the like where only text makes sense.
    NotText,
    /// Null or empty, but a name, an email, or a postal address as a whole cannot be cleared.
    CannotBeCleared,
    /// An email that does not look like an address.
    NotAnAddress,
    /// The same key came before, perhaps in another spelling; the first one counts.
    Repeated,
}

impl WhyIgnored {
    /// The reason in one word, for logs, metrics and the operator.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Nested => "nested",
            Self::NotText => "not_text",
            Self::CannotBeCleared => "cannot_be_cleared",
            Self::NotAnAddress => "not_an_address",
            Self::Repeated => "repeated",
        }
    }
}

/// A request to forget somebody. At least one of the three identifiers is there.
#[derive(Clone, PartialEq)]
pub struct Delete {
    /// `userId`, trimmed, never empty.
    pub user: Option<String>,
    /// `anonymousId`, trimmed, never empty.
    pub anonymous: Option<String>,
    /// Every email address that the delete names, the userId included where it looks like one: in doubt the delete wins.
    pub addresses: BTreeSet<String>,
    /// When it was received, to the microsecond, whatever the event's own times are: what we held by then has to go.
    pub time: Timestamp,
}

impl fmt::Debug for Identify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identify")
            .field("user", &self.user.is_some())
            .field("anonymous", &self.anonymous.is_some())
            .field("address", &self.address)
            .field("engage", &self.engage)
            .field("skip", &self.skip)
            .field("time", &self.time)
            .field("traits", &self.traits.len())
            .field("ignored", &self.ignored.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StatedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatedAddress").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl fmt::Debug for Delete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delete")
            .field("user", &self.user.is_some())
            .field("anonymous", &self.anonymous.is_some())
            .field("addresses", &self.addresses.len())
            .field("time", &self.time)
            .finish()
    }
}
