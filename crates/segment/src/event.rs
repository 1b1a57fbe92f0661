//! The result of reading one Segment call.
//!
//! `Debug` of types with personal data shows which fields are present, not their values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

/// One Segment call.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Identifies the message: the `messageId`, or `sha256:` and 64 hex digits if it is missing or very long. A
    /// repeated message has the same key.
    pub message_key: String,
    /// Segment's `messageId`, trimmed.
    pub message_id: Option<String>,
    /// Whether the event is from an Engage sync, so that live events go first. Never set for a delete.
    pub bulk: bool,
    /// The content.
    pub body: Body,
}

impl Event {
    /// The time of its statements, to the microsecond.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        match &self.body {
            Body::Identify(identify) => identify.time,
            Body::Delete(delete) => delete.time,
        }
    }
}

/// The two types of event that the destination accepts.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Traits of a user.
    Identify(Identify),
    /// A request to delete a user.
    Delete(Delete),
}

/// An identify: identifiers, time and traits of a user.
#[derive(Clone, PartialEq)]
pub struct Identify {
    /// `userId`, trimmed, never empty.
    pub user: Option<String>,
    /// `anonymousId`, trimmed, never empty.
    pub anonymous: Option<String>,
    /// The email address of the user.
    pub address: Option<StatedAddress>,
    /// Whether an Engage audience, computed trait or journey sent it (`context.personas` is an object).
    pub engage: bool,
    /// The audience, computed trait or journey that it is about.
    pub audience: Option<Box<Audience>>,
    /// Whether `integrations` has `"Refersion": false`, so that this destination skips it.
    pub skip: bool,
    /// The time of the statement, to the microsecond. Never later than the receipt of the event or of its first
    /// attempt at Segment.
    pub time: Timestamp,
    /// When Segment received the event, by its own clock, to the microsecond. Orders statements with equal times.
    pub at_segment: Option<Timestamp>,
    /// The stated traits; `None` clears a trait. Traits that the event does not mention are absent.
    pub traits: Traits,
    /// The spelling of each custom trait in the event, by its folded key.
    pub spellings: BTreeMap<String, String>,
    /// Parts of the event that cannot be used.
    pub ignored: Vec<Ignored>,
    /// Identifiers in the event that name nobody, and therefore do not count.
    pub blocked: Vec<BlockedIdentifier>,
}

/// An audience, computed trait or journey of Engage, as one of its events names it. Texts have at most 128 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The folded key of its trait.
    pub key: String,
    /// The key as it is written.
    pub name: String,
    /// `audience`, `trait`, `journey_step`, …; `None` if the event does not contain it.
    pub class: Option<String>,
    /// The id of the space that it belongs to.
    pub space: Option<String>,
    /// Its id in that space.
    pub id: Option<String>,
}

/// An identifier that does not count, because it names nobody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockedIdentifier {
    /// Its place in the event: `userId`, `anonymousId` or `email`.
    pub place: &'static str,
    /// Its name, from [`Blocked::name`](crate::Blocked::name).
    pub name: String,
}

/// Traits with their values as text; `None` clears the trait.
pub type Traits = BTreeMap<Trait, Option<String>>;

/// An email address, trimmed and in lower case, at most 254 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct StatedAddress {
    /// The address, in the form that is compared and sent.
    pub address: String,
    /// The part of the event that it comes from.
    pub origin: AddressOrigin,
}

/// The part of an event from which its address comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressOrigin {
    /// An email field.
    Stated,
    /// The userId, which looks like an address; no email field has one.
    UserIdShape,
}

/// A trait of a person. Its value is trimmed text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trait {
    /// Never empty, never cleared.
    FirstName,
    /// Never cleared; an empty text means that there is none (a `name` of one word).
    LastName,
    /// Name of the company.
    Company,
    /// Phone number, unchanged.
    Phone,
    /// First line of the address, or the whole address if it is a single text.
    Street,
    /// Second line of the address.
    Street2,
    /// City.
    City,
    /// State or region, unchanged.
    State,
    /// Postal code; leading zeros are lost if the source sends a number.
    PostalCode,
    /// Country, unchanged: a name or a code.
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

/// A part of an identify that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Folded key of the trait; `address.city` for a part of the address.
    pub key: String,
    /// The reason.
    pub reason: IgnoredReason,
}

/// The reason why a part of an identify is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnoredReason {
    /// The key or value of a custom trait has more than 255 characters, or the value of a standard trait more than 1,000.
    TooLong,
    /// A list or an object instead of a single value.
    Nested,
    /// A number or a boolean instead of text.
    NotText,
    /// Null or empty, but a name, an email or a postal address as a whole cannot be cleared.
    CannotBeCleared,
    /// An email that does not look like an address.
    NotAnAddress,
    /// A `state` outside an address that does not look like a state, but, for example, like that of a subscription.
    NotAState,
    /// The same key occurs with several values, perhaps in several spellings; the first usable one is used.
    Repeated,
}

impl IgnoredReason {
    /// The name of the reason, for logs, metrics and operators.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Nested => "nested",
            Self::NotText => "not_text",
            Self::CannotBeCleared => "cannot_be_cleared",
            Self::NotAnAddress => "not_an_address",
            Self::NotAState => "not_a_state",
            Self::Repeated => "repeated",
        }
    }
}

/// A request to delete a user. At least one of the identifiers is present, unless all of them are blocked.
#[derive(Clone, PartialEq)]
pub struct Delete {
    /// `userId`, trimmed, never empty.
    pub user: Option<String>,
    /// `anonymousId`, trimmed, never empty.
    pub anonymous: Option<String>,
    /// Every email address that the delete contains, including a userId that looks like one: in doubt the delete wins.
    pub addresses: BTreeSet<String>,
    /// The time of receipt, to the microsecond, regardless of the times in the event: everything stored until then is
    /// deleted.
    pub time: Timestamp,
    /// Identifiers in the event that name nobody, and therefore do not count.
    pub blocked: Vec<BlockedIdentifier>,
}

impl fmt::Debug for Identify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identify")
            .field("user", &self.user.is_some())
            .field("anonymous", &self.anonymous.is_some())
            .field("address", &self.address)
            .field("engage", &self.engage)
            .field("audience", &self.audience.is_some())
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
