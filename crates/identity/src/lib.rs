//! Who is who, and what is to be told of them: the pure heart of the destination.
//!
//! # What a graph is
//!
//! One human reaches us under several names: a Segment userId, email addresses, anonymousIds. Refersion knows one affiliate
//! for each email address. A [`Graph`] is everything that is kept of the identifiers of one connection that events have
//! ever named together: the *profile* of each (its traits, each with its stamp), the *claims* of users on addresses, the
//! *sightings* of anonymousIds beside something stronger, the affiliates that Refersion has for them, and the events that
//! have not come to rest. It is read, folded and written as one document; `docs/decisions/0001-identity-graphs.md` says why.
//! Everything here is a function of a graph; nothing knows IO, a clock, Segment or Refersion.
//!
//! # The rules
//!
//! 1. An event speaks to its *strongest identifier*: userId, else address, else anonymousId. Its traits go into that
//!    profile, last writer wins by [`Stamp`]: time, receipt by Segment, message key, revision. ([`fold`])
//! 2. Of each claim and each sighting the first and the last stamp are kept, also where a delete covers the event. A
//!    user's *present address* is the newest that an ordinary identify stated; without one, the first of Engage's; without
//!    one, the shape of the userId. An anonymousId belongs to what it was last seen with. ([`resolution`])
//! 3. An address is *held* by one of the users whose present address it is: who could be an affiliate comes before who
//!    could not, then the newest claim.
//! 4. A *person* is a user with the profiles of the address that it holds, of the addresses that it claimed last and that
//!    are nobody's present one, and of their anonymousIds; or an address that no user ever claimed. Everything else waits.
//! 5. A person is *bound* to the affiliate at its address, else to the one at the address that it left last, which an edit
//!    then moves. An affiliate at a left address on which a tombstone lies stays behind and is disabled.
//! 6. A delete puts a *tombstone* on what it names, on the users that had claimed a named address, on the addresses that
//!    those users had claimed, and on the anonymousIds seen with any of these; and no further. ([`tombstones`]) What it covers
//!    is erased at once ([`erase`]), and an affiliate near it, of a person that cannot be one, is disabled ([`plan`]).
//!
//! An identifier that links more than a set number of others counts for nobody, and links nothing. ([`shared`])
//!
//! What a graph adds to the counts of audiences follows from the same picture. ([`audiences`])
//!
//! Beside these, an affiliate remembers its *payee*, whose own statements alone reach the payout field. ([`payout`])
//!
//! Each rule is a maximum, a minimum or a union, so the same events make the same persons in whatever order and however
//! often they come. `tests/it` holds that against the reference model on random histories, and plants a fault in each rule
//! to see it caught.
//!
//! # In what order to read
//!
//! [`graph`] (what is kept), [`fold`] (an event goes in), [`resolution`] (persons come out), [`difference`] (what Refersion does not
//! know yet), [`plan`] (the next step for each), [`answer`] (what a call's end changes), [`settle`] (how events end).

pub mod answer;
pub mod audiences;
pub mod bounds;
pub mod difference;
pub mod digest;
pub mod drift;
pub mod eligibility;
pub mod erase;
pub mod fold;
pub mod graph;
pub mod known;
pub mod payout;
pub mod plan;
pub mod resolution;
pub mod settle;
pub mod shared;
pub mod stamp;
pub mod tombstones;

pub use digest::Digest;
pub use graph::Graph;
pub use stamp::Stamp;

/// A map in one piece of memory: most graphs hold one user, one address and a dozen traits, and every event goes through
/// all of them several times.
pub type Map<K, V> = litemap::LiteMap<K, V>;

/// A text that costs little to copy. Short ones, as most names and values of traits are, stand in place, without memory of
/// their own; longer ones are shared.
pub type Text = smol_str::SmolStr;
