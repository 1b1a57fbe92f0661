//! The graphs of a batch while it is folded, joined as its events link them.

use identity::audiences::Counted;
use identity::bounds::{Bounds, MAX_LINKS, Shed, shed_values};
use identity::directory::{DirectoryEntries, apply_directory};
use identity::eligibility::Rules;
use identity::fold::{merge, retract};
use identity::graph::{Graph, Identifier};
use identity::plan::{Act, Step};
use identity::shared::{Apart, most_linked, split_graph};
use identity::tombstones::Tombstones;
use identity::{Digest, DigestMap};
use jiff::Timestamp;
use ledger::{Changes, GraphRow, Row, Save};
use uuid::Uuid;

use super::read::Reading;
use super::shared::Tally;
use crate::Worker;
use crate::settle::settle_save;

/// Maximum number of linked identifiers in one graph: more cannot belong to one person, and would slow down other graphs.
const MAX_IDENTIFIERS: usize = 500;

/// Part of [`MAX_IDENTIFIERS`] that is reserved for userIds and addresses: a source may make up an anonymousId for every
/// event.
const ROOM: usize = 100;

/// A graph of the batch.
pub(super) struct Slot {
    row: Option<Row>,
    /// The contribution of this graph, and of the graphs that were joined into it, to counts in the ledger.
    counted: Counted,
    pub(super) graph: Graph,
    /// The identifiers that the ledger finds it by, in order.
    indexed: Vec<Digest>,
    touched: bool,
    /// Bytes that this batch has added since the bounds of the graph were last checked.
    grown: usize,
}

impl Slot {
    /// A graph that is not in the ledger yet.
    fn new() -> Self {
        Self {
            row: None,
            counted: Counted::default(),
            graph: Graph::default(),
            indexed: Vec::new(),
            touched: true,
            grown: 0,
        }
    }

    /// Counts bytes that the batch adds to the graph. Drops values over the bounds as soon as the batch alone has added more than a
    /// graph may hold, because such a graph must not grow further until it is settled.
    pub(super) fn add_bytes(&mut self, bytes: usize, rules: &Rules) -> Shed {
        self.grown += bytes;
        if self.grown <= Bounds::STANDARD.bytes {
            return Shed::default();
        }
        self.grown = 0;
        shed_values(&mut self.graph, rules, &Bounds::STANDARD)
    }
}

/// The graphs of the batch, by the identifiers that they hold.
#[derive(Default)]
pub(super) struct GraphSet {
    slots: Vec<Option<Slot>>,
    slot_of: DigestMap<usize>,
    dissolved: Vec<Row>,
    /// The shared identifiers that the events name.
    pub(super) shared: Tally,
}

impl GraphSet {
    pub(super) fn of(graphs: Vec<GraphRow>) -> Self {
        let mut set = Self::default();
        for row in graphs {
            let indexed: Vec<Digest> = row.graph.identifiers.keys().copied().collect();
            set.slot_of.extend(indexed.iter().map(|digest| (*digest, set.slots.len())));
            let GraphRow { row, graph, counted } = row;
            let slot = Slot { row: Some(row), graph, counted, indexed, touched: false, ..Slot::new() };
            set.slots.push(Some(slot));
        }
        set
    }

    /// Marks the graphs of these identifiers, so that they are settled.
    pub(super) fn touch(&mut self, digests: &[Digest]) {
        // Events change nothing in the graph of a shared identifier, so it is not settled for each of them.
        let linking = digests.iter().copied().filter(|digest| !self.is_shared(*digest));
        for slot in self.slots_of(&linking.collect::<Vec<Digest>>()) {
            if let Some(slot) = &mut self.slots[slot] {
                slot.touched = true;
            }
        }
    }

    /// Removes an event that ends without a graph from the graphs of these identifiers.
    pub(super) fn forget(&mut self, digests: &[Digest], event: Uuid) {
        for slot in self.slots_of(digests) {
            if let Some(slot) = self.slots[slot].as_mut() {
                slot.touched |= slot.graph.forget(event);
            }
        }
    }

    /// Whether a graph keeps an older version of the event than the one that an operator made of it.
    pub(super) fn lacks_revision(&mut self, reading: &Reading) -> bool {
        let slots = self.slots_of(&reading.names_to_lock());
        let former = |slot: usize| {
            let kept = self.slots[slot].as_mut()?.graph.event_mut(reading.event)?;
            Some(kept.stamp.revision < reading.revision)
        };
        slots.into_iter().find_map(former).unwrap_or(false)
    }

    /// Removes what former versions of a repaired event stated.
    pub(super) fn retract(&mut self, reading: &Reading) {
        let Some(stamp) = reading.repairs() else { return };
        for slot in self.slots_of(&reading.names_to_lock()) {
            if let Some(slot) = self.slots[slot].as_mut() {
                slot.touched |= retract(&mut slot.graph, reading.event, stamp);
            }
        }
    }

    /// The slots that hold any of these identifiers, each once.
    fn slots_of(&self, digests: &[Digest]) -> Vec<usize> {
        let mut slots: Vec<usize> =
            digests.iter().filter_map(|digest| self.slot_of.get(digest)).copied().collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    fn identifier(&self, digest: Digest) -> Option<&Identifier> {
        let slot = self.slots[*self.slot_of.get(&digest)?].as_ref()?;
        slot.graph.identifiers.get(&digest)
    }

    /// Whether an identifier has stopped linking.
    pub(super) fn is_shared(&self, digest: Digest) -> bool {
        self.identifier(digest).is_some_and(Identifier::is_shared)
    }

    /// Whether the graph has noted that an identifier was named with a shared one.
    pub(super) fn has_noted(&self, apart: &Apart) -> bool {
        self.identifier(apart.identifier).is_some_and(|it| it.is_apart_from(apart.shared))
    }

    /// The largest number of identifiers that any single identifier links, in the graphs of `digests`.
    pub(super) fn most_linked(&self, digests: &[Digest]) -> usize {
        let slots = self.slots_of(digests).into_iter().filter_map(|slot| self.slots[slot].as_ref());
        slots.map(|slot| most_linked(&slot.graph)).max().unwrap_or(0)
    }

    /// Splits the graphs of `digests` at each identifier that links more than `after` others. Returns whether there was one.
    pub(super) fn split(&mut self, digests: &[Digest], after: usize, rules: &Rules) -> bool {
        let mut any = false;
        for place in self.slots_of(digests) {
            let Some(slot) = self.slots[place].as_mut() else { continue };
            let Some((parts, shared)) = split_graph(&mut slot.graph, after, rules) else { continue };
            self.shared.count(&shared, 0);
            any = true;
            // Every part is a new graph: an identifier can leave a graph in the ledger only if the graph is dissolved.
            let whole = self.slots[place].take();
            self.dissolved.extend(whole.as_ref().and_then(|slot| slot.row));
            // Until it is settled, the first part has the whole contribution to the counts.
            let mut counted = whole.map(|slot| slot.counted).unwrap_or_default();
            for graph in parts {
                self.slot_of.extend(graph.identifiers.keys().map(|digest| (*digest, self.slots.len())));
                let counted = std::mem::take(&mut counted);
                self.slots.push(Some(Slot { graph, counted, ..Slot::new() }));
            }
        }
        any
    }

    /// Whether one graph with all of these would have too many identifiers or links.
    pub(super) fn is_too_large(&self, digests: &[Digest]) -> bool {
        self.is_larger_than(digests, MAX_IDENTIFIERS)
    }

    /// Whether a graph with these identifiers would leave no room for further userIds and addresses.
    pub(super) fn has_no_room_for_anonymous(&self, digests: &[Digest]) -> bool {
        self.is_larger_than(digests, MAX_IDENTIFIERS - ROOM)
    }

    fn is_larger_than(&self, digests: &[Digest], most: usize) -> bool {
        let slots = self.slots_of(digests);
        let new = digests.iter().filter(|digest| !self.slot_of.contains_key(digest)).count();
        let held = slots.iter().filter_map(|slot| self.slots[*slot].as_ref());
        let held: usize = held.map(|slot| slot.graph.identifiers.len()).sum();
        let too_many = (new > 0 || slots.len() > 1) && held + new > most;
        too_many || self.has_too_many_links(digests, &slots)
    }

    /// Whether `digests`, strongest first, need a new link and their graphs already have [`MAX_LINKS`] links.
    fn has_too_many_links(&self, digests: &[Digest], slots: &[usize]) -> bool {
        let graphs = || slots.iter().filter_map(|slot| self.slots[*slot].as_ref()).map(|slot| &slot.graph);
        let Some((strongest, others)) = digests.split_first() else { return false };
        let is_linked = |other: &Digest| graphs().any(|graph| graph.is_linked(*strongest, *other));
        graphs().map(Graph::links).sum::<usize>() >= MAX_LINKS && !others.iter().all(is_linked)
    }

    /// The slot of all these identifiers, joined if necessary; `None` if it would become too large.
    pub(super) fn join(&mut self, digests: &[Digest]) -> Option<&mut Slot> {
        if self.is_too_large(digests) {
            return None;
        }
        let slots = self.slots_of(digests);
        let into = match slots.first() {
            Some(first) => *first,
            None => {
                self.slots.push(Some(Slot::new()));
                self.slots.len() - 1
            }
        };
        for other in slots.into_iter().skip(1) {
            self.merge_slots(other, into);
        }
        self.slot_of.extend(digests.iter().map(|digest| (*digest, into)));
        let slot = self.slots[into].as_mut()?;
        slot.touched = true;
        Some(slot)
    }

    fn merge_slots(&mut self, from: usize, into: usize) {
        let Some(other) = self.slots[from].take() else { return };
        // Only its own identifiers point to it, so the many other graphs need not be searched.
        self.slot_of.extend(other.graph.identifiers.keys().map(|digest| (*digest, into)));
        let Some(target) = self.slots[into].as_mut() else { return };
        match (target.row, other.row) {
            (None, row) => {
                target.row = row;
                target.indexed = other.indexed;
            }
            // Identifiers that were indexed under the other row have to be indexed under this one.
            (Some(_), Some(gone)) => self.dissolved.push(gone),
            (Some(_), None) => {}
        }
        target.grown += other.grown;
        target.counted.add_all(&other.counted);
        merge(&mut target.graph, other.graph);
    }

    /// The graphs that events were folded into.
    pub(super) fn into_touched(self) -> impl Iterator<Item = Graph> {
        self.slots.into_iter().flatten().filter(|slot| slot.touched).map(|slot| slot.graph)
    }

    /// Settles the touched graphs, and returns the edits that can be sent at once.
    pub(super) fn finish(
        mut self,
        worker: &Worker,
        (rules, directory): (&Rules, &DirectoryEntries),
        now: Timestamp,
        changes: &mut Changes,
    ) -> Vec<(usize, Vec<Step>)> {
        // `record` drops an orphaned dead letter that a tombstone covers. The graphs of its identifiers are saved too, so that a tombstone
        // that another worker adds meanwhile is a conflict.
        changes.orphans.iter().for_each(|orphan| self.touch(&orphan.named));
        changes.dissolved = self.dissolved;
        // Those of a shared identifier are in a graph that is not touched.
        let has_orphans = !changes.orphans.is_empty();
        for slot in self.slots.iter().flatten().filter(|slot| slot.touched || has_orphans) {
            changes.tombstones.extend(Tombstones::of(&slot.graph).all());
        }
        let mut edits = Vec::new();
        for mut slot in self.slots.into_iter().flatten().filter(|slot| slot.touched) {
            apply_directory(&mut slot.graph, rules, directory);
            let new = slot
                .graph
                .identifiers
                .keys()
                .filter(|digest| slot.indexed.binary_search(digest).is_err())
                .copied();
            let new_digests = new.collect();
            let Slot { row, graph, counted, .. } = slot;
            let mut save = Save { row, graph, counted, new_digests, work: None, dirty: 0, waiting: 0 };
            let steps = settle_save(changes, &mut save, rules, now, worker.limits.bulk_waits);
            if can_be_sent_at_once(&save, &steps) {
                edits.push((changes.saves.len(), steps));
            }
            changes.saves.push(save);
        }
        edits
    }
}

/// Whether all steps are first tries of edits, and the graph is stored: the next holder finds the graph of an open call in the
/// ledger, so a graph that is not stored yet must not have one.
fn can_be_sent_at_once(save: &Save, steps: &[Step]) -> bool {
    let tried = |step: &Step| save.graph.retries.contains_key(&step.anchor);
    let is_edit = |step: &Step| matches!(step.act, Act::Edit { .. });
    save.row.is_some() && !steps.is_empty() && steps.iter().all(|step| is_edit(step) && !tried(step))
}
