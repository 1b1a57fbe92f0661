//! Bounds on one graph. Beyond a bound, values are refused one by one, and the rest of the person is processed.
//!
//! An order that does not depend on the arrival of events decides which values stay: standard traits stay before custom
//! traits that a setting maps, these before unmapped ones, and within a class the smaller key stays. The number of unmapped
//! traits of a profile is therefore bounded in the same way in every order of events, unless a delete comes between them.
//! The bytes of a graph are not: a value that gets shorter makes room for another one that was refused before.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use uuid::Uuid;

use crate::digest::Digest;
use crate::eligibility::{CUSTOM, Rules};
use crate::graph::packed::pack;
use crate::graph::{EventState, Graph, Kind, TrackedEvent, TraitValue};
use crate::stamp::{Moment, Stamp};
use crate::{Map, Text};

/// The limits of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Custom traits of one profile that no setting maps.
    pub unmapped_traits: usize,
    /// Size of the packed graph, in bytes.
    pub bytes: usize,
    /// Events without a final outcome.
    pub events: usize,
}

impl Bounds {
    /// The bounds of every graph in the ledger. A person of an ordinary source has some dozen traits and takes less than
    /// 2 KiB. At 512 KiB a graph is still read, folded and written within milliseconds, and 64 of them fit into memory.
    pub const STANDARD: Self = Self { unmapped_traits: 1_000, bytes: 512 * 1024, events: 2_000 };
}

/// Maximum number of claims and sightings of one graph. With 500 identifiers a normal graph has hardly more links than that;
/// every one can be linked to every other only by a source that sends placeholders.
pub const MAX_LINKS: usize = 2_000;

/// The bound that refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// [`Bounds::unmapped_traits`].
    UnmappedTraits,
    /// [`Bounds::bytes`].
    Bytes,
    /// [`Bounds::events`].
    Events,
}

/// A pending event that ends because a bound refused a part of it. Its graph no longer keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The event.
    pub event: Uuid,
    /// The number of the outcome that it ends with.
    pub number: u32,
    /// The identifiers under which a delete has to find it.
    pub named: Vec<Digest>,
    /// Its time.
    pub stated_at: Moment,
    /// The bound that refused it.
    pub bound: Bound,
    /// The smallest of the refused trait keys; `None` if the event itself was refused.
    pub key: Option<Text>,
    /// Number of its values that were refused.
    pub values: usize,
}

/// Everything that bounds have refused in one graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shed {
    /// Number of values that were dropped, including those of events that had ended.
    pub values: usize,
    /// Pending events that end because of that.
    pub refused: Vec<Refused>,
}

impl Shed {
    /// Adds what was refused later.
    pub fn extend(&mut self, other: Self) {
        self.values += other.values;
        self.refused.extend(other.refused);
    }
}

/// Values that were dropped, by the profile and the stamp of their statement.
type Dropped = BTreeMap<(Digest, Stamp), (Bound, Text, usize)>;

/// Drops the values of a graph that exceed its bounds, and ends the pending events that had set them.
pub fn shed_values(graph: &mut Graph, rules: &Rules, bounds: &Bounds) -> Shed {
    let mut dropped = Dropped::new();
    shed_unmapped(graph, rules, bounds, &mut dropped);
    shed_bytes(graph, rules, bounds, &mut dropped);
    let values = dropped.values().map(|(_, _, values)| values).sum();
    Shed { values, refused: end_events(graph, &dropped) }
}

/// Keeps the smallest keys of each profile. A key that is dropped once never comes back, because a key that is among the smallest
/// of all is among the smallest of any part of them.
fn shed_unmapped(graph: &mut Graph, rules: &Rules, bounds: &Bounds, dropped: &mut Dropped) {
    for (digest, profile) in &mut graph.identifiers {
        if profile.traits.len() <= bounds.unmapped_traits {
            continue;
        }
        let mut unmapped = 0;
        profile.traits.retain(|key, stated| {
            unmapped += usize::from(!rules.is_mapped(key));
            let stays = rules.is_mapped(key) || unmapped <= bounds.unmapped_traits;
            if !stays {
                note(dropped, *digest, &stated.stamp, Bound::UnmappedTraits, key);
            }
            stays
        });
    }
}

fn shed_bytes(graph: &mut Graph, rules: &Rules, bounds: &Bounds, dropped: &mut Dropped) {
    if at_most(graph) <= bounds.bytes || pack(graph).len() <= bounds.bytes {
        return;
    }
    // The traits that are kept with claims go first: they are needed only if a userId turns out to be shared.
    graph.claims.iter_mut().for_each(|claim| claim.beside = Map::new());
    for kept in &mut graph.events {
        kept.keys.retain(|key| rules.is_mapped(key));
    }
    let mut values = in_order_of_refusal(graph, rules);
    let mut size = pack(graph).len();
    while size > bounds.bytes && !values.is_empty() {
        let last = how_many(&values, size - bounds.bytes * 7 / 8);
        drop_values(graph, values.drain(..last), dropped);
        size = pack(graph).len();
    }
}

/// A value that may be refused: its profile, its key, and about how many bytes it takes.
type Candidate = (Digest, Text, usize);

/// All values, in the order in which they are refused.
fn in_order_of_refusal(graph: &Graph, rules: &Rules) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (digest, profile) in &graph.identifiers {
        let rank = match profile.kind {
            Kind::Anonymous => 0,
            Kind::Address => 1,
            Kind::User => 2,
        };
        for (key, stated) in &profile.traits {
            let class = class(key, rules);
            let bytes = key.len() + stated.value.as_ref().map_or(0, Text::len);
            all.push(((class, rank, Reverse(key.clone()), *digest), bytes));
        }
    }
    all.sort_unstable();
    all.into_iter().map(|((_, _, Reverse(key), digest), bytes)| (digest, key, bytes)).collect()
}

/// Unmapped traits are refused first, standard traits last.
fn class(key: &str, rules: &Rules) -> u8 {
    match (key.starts_with(CUSTOM), rules.is_mapped(key)) {
        (true, false) => 0,
        (true, true) => 1,
        (false, _) => 2,
    }
}

/// Number of values that make up `bytes`; at least a sixteenth of them, because texts that occur twice take room once.
fn how_many(values: &[Candidate], bytes: usize) -> usize {
    let mut freed = 0;
    let enough = values.iter().position(|(_, _, size)| {
        freed += size;
        freed >= bytes
    });
    let enough = enough.map_or(values.len(), |place| place + 1);
    enough.max(values.len().div_ceil(16))
}

fn drop_values(graph: &mut Graph, values: impl Iterator<Item = Candidate>, dropped: &mut Dropped) {
    let mut by_profile: BTreeMap<Digest, Vec<Text>> = BTreeMap::new();
    values.for_each(|(digest, key, _)| by_profile.entry(digest).or_default().push(key));
    for (digest, mut keys) in by_profile {
        keys.sort_unstable();
        let Some(profile) = graph.identifiers.get_mut(&digest) else { continue };
        profile.traits.retain(|key, stated| {
            let goes = keys.binary_search(key).is_ok();
            if goes {
                note(dropped, digest, &stated.stamp, Bound::Bytes, key);
            }
            !goes
        });
    }
}

fn note(dropped: &mut Dropped, digest: Digest, stamp: &Stamp, bound: Bound, key: &Text) {
    let entry = dropped.entry((digest, stamp.clone())).or_insert_with(|| (bound, key.clone(), 0));
    entry.2 += 1;
    if *key < entry.1 {
        entry.1 = key.clone();
    }
}

fn end_events(graph: &mut Graph, dropped: &Dropped) -> Vec<Refused> {
    if dropped.is_empty() {
        return Vec::new();
    }
    let mut refused = Vec::new();
    graph.events.retain(|kept| {
        if kept.delete || kept.state != EventState::Pending {
            return true;
        }
        let Some((bound, key, values)) = dropped.get(&(kept.identifier, kept.stamp.clone())) else {
            return true;
        };
        refused.push(Refused { key: Some(key.clone()), values: *values, ..refused_event(kept, *bound) });
        false
    });
    refused
}

/// Keeps at most [`Bounds::events`] of `events`, the oldest. Events that ended are dropped first, without a further
/// outcome; then pending ones are refused, whose values stay. Returns those, and the ended ones whose
/// payloads, repairs and causes are no longer kept.
pub fn shed_events(events: &mut Vec<TrackedEvent>, bounds: &Bounds) -> (Vec<Refused>, Vec<Uuid>) {
    let (mut refused, mut erased) = (Vec::new(), Vec::new());
    if events.len() <= bounds.events {
        return (refused, erased);
    }
    let mut all = std::mem::take(events);
    all.sort_by(|one, other| {
        let order = |kept: &TrackedEvent| kept.state != EventState::Pending;
        order(one).cmp(&order(other)).then_with(|| one.stamp.cmp(&other.stamp))
    });
    for kept in all.split_off(bounds.events) {
        match kept.state {
            EventState::Pending => refused.push(refused_event(&kept, Bound::Events)),
            // It died before, and a delete of the person finds its dead letter no longer.
            EventState::Remembered if kept.outcomes > 1 => erased.push(kept.event),
            EventState::Remembered => {}
            EventState::Dead => erased.push(kept.event),
        }
    }
    *events = all;
    (refused, erased)
}

fn refused_event(kept: &TrackedEvent, bound: Bound) -> Refused {
    Refused {
        event: kept.event,
        number: kept.outcomes + 1,
        named: [kept.identifier].into_iter().chain(kept.address).collect(),
        stated_at: kept.stamp.time,
        bound,
        key: None,
        values: 0,
    }
}

/// An upper limit of the packed graph's bytes, computed without packing it.
fn at_most(graph: &Graph) -> usize {
    /// Numbers, moments and flags of one part of a graph.
    const NUMBERS: usize = 64;
    let text = |text: Option<&str>| text.map_or(0, str::len);
    let stamp = |stamp: &Stamp| NUMBERS + stamp.key.len();
    let traits = |traits: &Map<Text, TraitValue>| {
        let traits = traits.iter().map(|(key, stated)| {
            let texts = text(stated.value.as_deref()) + text(stated.refused.as_deref());
            key.len() + texts + stamp(&stated.stamp) + stated.blame.map_or(0, |_| NUMBERS)
        });
        traits.sum::<usize>()
    };
    let identifiers = graph.identifiers.values().map(|it| {
        let apart = it.apart.len() * NUMBERS;
        NUMBERS + text(it.sealed.as_deref()) + text(it.refused.as_deref()) + traits(&it.traits) + apart
    });
    let beside = graph.claims.iter().map(|claim| traits(&claim.beside));
    let claims = graph.claims.iter().flat_map(|claim| claim.spans());
    let spans = claims.chain(graph.sightings.iter().map(|sighting| &sighting.span));
    let spans = spans.map(|span| NUMBERS + stamp(&span.first) + stamp(&span.last));
    let affiliates = graph.affiliates.iter().map(|affiliate| {
        let fields = affiliate.delivered.iter().chain(&affiliate.shown);
        let fields = fields.map(|(field, value)| NUMBERS + field.len() + text(value.as_deref()));
        let stuck = affiliate.stuck.iter().map(|field| NUMBERS + field.len());
        NUMBERS + text(affiliate.code.as_deref()) + fields.sum::<usize>() + stuck.sum::<usize>()
    });
    let events = graph.events.iter().map(|kept| {
        let keys = kept.keys.iter().map(|key| NUMBERS + key.len());
        let texts = text(kept.unusable.as_deref()) + text(kept.refused_key.as_deref());
        NUMBERS + stamp(&kept.stamp) + keys.sum::<usize>() + texts
    });
    let retries = graph.retries.values().map(|retry| NUMBERS + retry.class.len() + retry.message.len());
    identifiers.chain(beside).chain(spans).chain(affiliates).chain(events).chain(retries).sum()
}
