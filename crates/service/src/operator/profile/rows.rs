//! The shape in which a profile is shown, the same in JSON and in tables.

use std::collections::BTreeMap;

use identity::Digest;
use identity::graph::{Kind, Status};
use jiff::Timestamp;
use serde::Serialize;

/// Linked identifiers of one connection, and all data that is stored about them.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// The connection's name.
    pub connection: String,
    /// The identifiers that are shown, to look up events by.
    #[serde(skip)]
    pub digests: Vec<Digest>,
    /// The identifiers with their traits.
    pub identifiers: Vec<IdentifierRow>,
    /// The claims of users to addresses.
    pub claims: Vec<ClaimRow>,
    /// The sightings of anonymousIds with stronger identifiers.
    pub sightings: Vec<SightingRow>,
    /// The persons.
    pub persons: Vec<PersonRow>,
    /// Affiliates, including those that are left over.
    pub affiliates: Vec<AffiliateRow>,
}

/// An identifier.
#[derive(Clone, Debug, Serialize)]
pub struct IdentifierRow {
    /// A userId, an address or an anonymousId.
    pub kind: Kind,
    /// Its keyed digest, or the beginning of it.
    pub digest: String,
    /// The identifier in plain text, if it is to be shown and was not erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The same for people, who look at it on a terminal.
    #[serde(skip)]
    pub shown_as: Option<String>,
    /// The newest time that an event named it.
    pub said_at: Option<Timestamp>,
    /// The newest delete that covers it.
    pub deleted_at: Option<Timestamp>,
    /// Why Refersion does not take it; of an address.
    pub refused: Option<String>,
    /// When Refersion was searched for it; of an address.
    pub searched_at: Option<Timestamp>,
    /// How many others it linked when it stopped linking, because it is used for too many people; null: it links.
    pub shared_by: Option<u32>,
    /// The digests of shared identifiers that events name it with: they do not count.
    pub not_linked_with: Vec<String>,
    /// The reason why its person waits.
    pub waits_for: Option<String>,
    /// The traits that were stated under it.
    pub traits: Vec<TraitRow>,
}

/// A desired trait.
#[derive(Clone, Debug, Serialize)]
pub struct TraitRow {
    /// Its name, folded.
    #[serde(rename = "trait")]
    pub name: String,
    /// Its value; null: it was cleared.
    pub value: Option<String>,
    /// When it was stated.
    pub said_at: Timestamp,
    /// The message that stated it.
    pub message: String,
    /// The field of Refersion that takes it; null: none does.
    pub field: Option<String>,
    /// Why Refersion does not take the value.
    pub refused: Option<String>,
}

/// A user's statements that an address is theirs.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimRow {
    /// The user's digest.
    pub user: String,
    /// The address's digest.
    pub address: String,
    /// The first statement.
    pub first: Option<Timestamp>,
    /// The last statement.
    pub last: Option<Timestamp>,
    /// Only Engage stated it.
    pub by_engage_only: bool,
}

/// An anonymousId seen together with a stronger identifier.
#[derive(Clone, Debug, Serialize)]
pub struct SightingRow {
    /// The anonymousId's digest.
    pub anonymous: String,
    /// The digest of the user or address.
    pub with: String,
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
}

/// A person.
#[derive(Clone, Debug, Serialize)]
pub struct PersonRow {
    /// The digest of the user, or of the address that no user claimed.
    pub root: String,
    /// The digest of the address that it holds.
    pub address: String,
    /// The digests of all profiles that speak for it.
    pub identifiers: Vec<String>,
    /// It has all that a create needs.
    pub complete: bool,
    /// The numeric id of its affiliate.
    pub affiliate_id: Option<u64>,
    /// The code of its affiliate.
    pub affiliate_code: Option<String>,
    /// Changes that Refersion does not know yet.
    pub differs: Vec<String>,
    /// The reason why it waits.
    pub waits_for: Option<String>,
}

/// An affiliate.
#[derive(Clone, Debug, Serialize)]
pub struct AffiliateRow {
    /// Its numeric id; null while a create has no answer.
    pub id: Option<u64>,
    /// Its code.
    pub code: Option<String>,
    /// Its status; null: not known.
    pub status: Option<Status>,
    /// The digest of the address that Refersion was last given.
    pub address: String,
    /// No person is bound to it.
    pub left_over: bool,
    /// It was there before us.
    pub found: bool,
    /// The digest of the identifier whose own statements alone reach the payout field.
    pub payee: Option<String>,
    /// Since when a payout field that another person states has been held back; null: none is.
    pub payout_held_since: Option<Timestamp>,
    /// Fields that keep a value which has to go, because Refersion does not let them be cleared.
    pub not_cleared: Vec<String>,
    /// A delete of ours switched it off.
    pub disabled_by_us: bool,
    /// Refersion does not know it any more.
    pub gone: bool,
    /// The values that Refersion was last given, by field.
    pub delivered: BTreeMap<String, String>,
    /// Fields whose value in Refersion is unknown.
    pub unknown: Vec<String>,
}
