//! Random graphs: every field takes every shape, and the extremes come often.

use std::sync::Arc;

use uuid::Uuid;

use crate::graph::{
    Affiliate, Blame, Claim, EventState, Graph, Identifier, Kind, Lane, RetryState, SentBy, Sighting, Status,
    TrackedEvent, TraitValue,
};
use crate::stamp::{Moment, Span, Stamp};
use crate::{Digest, Map, Text};

/// Chance from a seed (splitmix64). The integration tests' dice cannot be reached from here.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// A graph of up to `identifiers` identifiers.
    pub(super) fn graph(&mut self, identifiers: u64) -> Graph {
        let mut graph = Graph {
            identifiers: self.many(identifiers, |chance| (chance.digest(), chance.identifier())),
            claims: self.many(4, Self::claim),
            sightings: self.many(4, |chance| Sighting {
                anonymous: chance.digest(),
                with: chance.digest(),
                span: chance.span(),
            }),
            affiliates: self.many(4, Self::affiliate),
            events: self.many(4, Self::kept),
            retries: self.many(3, |chance| (chance.digest(), chance.retry())),
        };
        graph.sort();
        graph
    }

    fn identifier(&mut self) -> Identifier {
        Identifier {
            kind: self.pick([Kind::User, Kind::Address, Kind::Anonymous]),
            named: self.maybe(Self::moment),
            sealed: self.maybe(Self::text),
            stated_at: self.maybe(Self::moment),
            traits: self.many(9, |chance| (chance.text().into(), chance.stated())),
            existed: self.percent(50),
            searched_at: self.maybe(Self::moment),
            may_appear_until: self.maybe(Self::moment),
            refused: self.maybe(Self::text),
            refused_at: self.maybe(Self::moment),
            shared: self.maybe(|chance| chance.pick([0, 101, u32::MAX])),
            apart: self.many(3, Self::digest),
            inherited: self.maybe(Self::moment),
        }
    }

    fn stated(&mut self) -> TraitValue {
        TraitValue {
            value: self.maybe(|chance| chance.text().into()),
            stamp: self.stamp(),
            refused: self.maybe(Self::text),
            blame: self
                .maybe(|chance| Blame { event: Uuid::from_u64_pair(chance.next(), 7), at: chance.moment() }),
        }
    }

    fn claim(&mut self) -> Claim {
        Claim {
            user: self.digest(),
            address: self.digest(),
            ordinary: self.maybe(Self::span),
            engage: self.maybe(Self::span),
            shape: self.maybe(Self::span),
            beside: self.many(3, |chance| (chance.text().into(), chance.stated())),
        }
    }

    fn affiliate(&mut self) -> Affiliate {
        let statuses = [Status::Active, Status::Pending, Status::Denied, Status::Disabled];
        Affiliate {
            id: self.maybe(|chance| chance.pick([0, 1, 127, 128, 1 << 40, u64::MAX])),
            code: self.maybe(Self::text),
            address: self.digest(),
            address_unknown: self.percent(50),
            status: self.maybe(|chance| chance.pick(statuses)),
            disabled_by_us: self.percent(50),
            was_active: self.percent(50),
            found: self.percent(50),
            delivered: self.fields(),
            shown: self.fields(),
            scrubbed: self.percent(50),
            gone: self.percent(50),
            payee: self.maybe(Self::digest),
            held_since: self.maybe(Self::moment),
            stuck: self.many(3, |chance| chance.text().into()),
        }
    }

    fn fields(&mut self) -> Map<Text, Option<Text>> {
        self.many(9, |chance| (chance.text().into(), chance.maybe(|chance| chance.text().into())))
    }

    fn kept(&mut self) -> TrackedEvent {
        TrackedEvent {
            event: Uuid::from_u64_pair(self.next(), self.next()),
            state: self.pick([EventState::Pending, EventState::Remembered, EventState::Dead]),
            outcomes: self.count(),
            delete: self.percent(50),
            identifier: self.digest(),
            address: self.maybe(Self::digest),
            keys: self.many(5, |chance| chance.text().into()),
            stamp: self.stamp(),
            lane: self.pick([Lane::Live, Lane::Bulk]),
            sent_by: self.maybe(|chance| chance.pick([SentBy::Edit, SentBy::Create])),
            unusable: self.maybe(|chance| chance.text().into()),
            refused_key: self.maybe(|chance| chance.text().into()),
            unmatched: self.percent(20),
        }
    }

    fn retry(&mut self) -> RetryState {
        RetryState {
            attempts: self.count(),
            since: self.moment(),
            due_at: self.moment(),
            class: self.text(),
            message: self.text(),
            given_up: self.percent(50),
        }
    }

    fn span(&mut self) -> Span {
        Span { first: self.stamp(), last: self.stamp() }
    }

    /// A stamp; some stamps differ in one part only.
    fn stamp(&mut self) -> Stamp {
        let key = self.text();
        Stamp {
            time: self.moment(),
            received: self.maybe(Self::moment),
            key: Arc::from(key),
            revision: self.pick([0, 0, 1, u32::MAX]),
        }
    }

    fn moment(&mut self) -> Moment {
        let usual = 1_790_000_000_000_000;
        let any = self.next().cast_signed();
        Moment(self.pick([usual, usual, usual + 1, 0, -1, i64::MIN, i64::MAX, any]))
    }

    fn count(&mut self) -> u32 {
        self.pick([0, 1, 300, u32::MAX])
    }

    /// One of a few digests that occur again, or one that occurs nowhere else.
    fn digest(&mut self) -> Digest {
        let number = if self.percent(70) { self.below(8) } else { self.next() };
        Digest(u128::from(number).to_be_bytes())
    }

    /// A text with a length near those at which the form or the hash changes.
    fn text(&mut self) -> String {
        let length = self.pick([0, 1, 3, 7, 8, 9, 16, 63, 64, 127, 128, 129, 300]);
        let letter = self.pick(['a', 'b', 'ß', '漢', '\0']);
        let mut text = String::new();
        while text.len() + letter.len_utf8() <= length {
            text.push(letter);
        }
        text
    }

    fn maybe<T>(&mut self, one: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.percent(50).then(|| one(self))
    }

    fn many<T, All: FromIterator<T>>(&mut self, most: u64, mut one: impl FnMut(&mut Self) -> T) -> All {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }

    fn pick<T: Clone, const N: usize>(&mut self, of: [T; N]) -> T {
        of[self.below(N as u64) as usize].clone()
    }
}
