//! Identity resolution, and what to send for each person: the pure core of the destination.
//!
//! # What a graph is
//!
//! One human has several identifiers: a Segment userId, email addresses, anonymousIds. Refersion has one affiliate for each email
//! address. A [`Graph`] is everything that is stored about the identifiers of one connection that events have ever named
//! together: the *profile* of each (its traits, each with its stamp), the *claims* of users on addresses, the *sightings* of
//! anonymousIds with something stronger, the affiliates that Refersion has for them, and the events without a final outcome. It
//! is read, folded and written as one document; `docs/decisions/0001-identity-graphs.md` says why. Everything here is a
//! function of a graph, without IO or a clock, and independent of Segment and Refersion.
//!
//! # The rules
//!
//! 1. The traits of an event belong to its *strongest identifier*: userId, else address, else anonymousId. They go into that
//!    profile; the last writer wins, by [`Stamp`]: time, receipt by Segment, message key, revision. ([`fold`])
//! 2. Each claim and each sighting keeps its first and its last stamp, even if a delete covers the event. A
//!    user's *present address* is the newest that an ordinary identify stated; without one, the first of Engage's; without
//!    one, the shape of the userId. An anonymousId belongs to what it was last seen with. ([`resolution`])
//! 3. An address is *held* by one of the users whose present address it is: users who could be affiliates come first, then
//!    the newest claim.
//! 4. A *person* is a user with the profiles of the address that it holds, of the addresses that it claimed last and that
//!    are nobody's present one, and of their anonymousIds; or an address that no user ever claimed. All other identifiers wait.
//! 5. A person is *bound* to the affiliate at its address, else to the one at the address that it left last, which an edit
//!    then moves. An affiliate at a former address with a tombstone stays there and is disabled.
//! 6. A delete puts a *tombstone* on what it names, on the users that had claimed a named address, on the addresses that
//!    those users had claimed, and on the anonymousIds seen with any of these; and no further. ([`tombstones`]) What it covers
//!    is erased at once ([`erase`]), and an affiliate near it, of a person that cannot be one, is disabled ([`plan`]).
//!
//! An identifier that links more than a set number of others counts for nobody, and links nothing. ([`shared`])
//!
//! A graph's contribution to the counts of audiences is derived in the same way. ([`audiences`])
//!
//! In addition, an affiliate remembers its *payee*: only the payee's own statements set the payout field. ([`payout`])
//!
//! Each rule is a maximum, a minimum or a union, so the same events result in the same persons in every order and with every
//! repetition. `tests/it` compares that with the reference model on random histories, and checks that a fault in each rule is
//! found.
//!
//! # Reading order
//!
//! [`graph`] (what is stored), [`fold`] (an event goes in), [`resolution`] (persons come out), [`difference`] (what Refersion does not
//! have yet), [`plan`] (the next step for each), [`answer`] (what an answer changes), [`settle`] (the outcomes of events).

pub mod answer;
pub mod audiences;
pub mod bounds;
pub mod difference;
pub mod digest;
pub mod directory;
pub mod drift;
pub mod eligibility;
pub mod erase;
pub mod fold;
pub mod graph;
pub mod payout;
pub mod plan;
pub mod resolution;
pub mod settle;
pub mod shared;
pub mod stamp;
pub mod tombstones;

pub use digest::{Digest, DigestMap, DigestSet};
pub use graph::Graph;
pub use stamp::Stamp;

/// A map in one piece of memory: most graphs hold one user, one address and a dozen traits, and every event goes through
/// all of them several times.
pub type Map<K, V> = litemap::LiteMap<K, V>;

/// A text that is cheap to copy. Short ones, as most names and values of traits are, are stored inline, without an allocation;
/// longer ones are shared.
pub type Text = smol_str::SmolStr;
