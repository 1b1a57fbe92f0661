//! The order of calls: live before bulk, deletes before everything else, then the work that has been due longest. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use identity::Digest;
use identity::graph::Lane;
use jiff::{SignedDuration, Timestamp};
use ledger::GraphId;

use crate::deliver::CallRequest;

/// Upper limit of affiliates in one call. Source: Refersion REST v2, `/affiliate/status_change`.
pub(super) const BATCH: usize = 50;
/// Every Nth call begins with bulk if both lanes have due work.
const BULK_EVERY: u64 = 10;
/// The time by which edits are ordered later than their due time among other calls. Each create may cause another edit, and
/// fifty edits share one call.
const BATCHING_DELAY: SignedDuration = SignedDuration::from_secs(10);

/// A call that is planned and not recorded yet.
pub(super) struct Planned {
    pub(super) request: CallRequest,
    /// The graph of each item.
    pub(super) graphs: Vec<GraphId>,
}

impl Planned {
    /// Adds a request about a graph, or returns it if it is of another kind or there is no room for it.
    pub(super) fn add(&mut self, graph: GraphId, request: CallRequest) -> Option<CallRequest> {
        match (&mut self.request, request) {
            (CallRequest::Edit(items), CallRequest::Edit(more)) if items.len() < BATCH => items.extend(more),
            (CallRequest::Status(status, items), CallRequest::Status(same, more))
                if *status == same && items.len() < BATCH =>
            {
                items.extend(more);
            }
            (_, request) => return Some(request),
        }
        self.graphs.push(graph);
        None
    }
}

/// One step of a due graph.
pub(super) struct Candidate {
    pub(super) lane: Lane,
    pub(super) graph: GraphId,
    pub(super) due_at: Timestamp,
    pub(super) anchor: Digest,
    /// A call for this step alone.
    pub(super) request: CallRequest,
    pub(super) kind: CallKind,
}

/// The kind of a call: steps of one kind may share a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CallKind {
    Disable,
    /// A search that a delete waits for.
    SearchToDisable,
    Activate,
    Search,
    Create,
    Edit,
}

impl CallKind {
    fn is_batched(self) -> bool {
        matches!(self, Self::Disable | Self::Activate | Self::Edit)
    }

    fn serves_a_delete(self) -> bool {
        matches!(self, Self::Disable | Self::SearchToDisable)
    }

    /// The time by which work of this kind is ordered: its due time, later by [`BATCHING_DELAY`] for edits.
    fn order_time(self, due_at: Timestamp) -> Timestamp {
        let waits = if self == Self::Edit { BATCHING_DELAY } else { SignedDuration::ZERO };
        due_at.checked_add(waits).unwrap_or(Timestamp::MAX)
    }
}

/// Candidates by lane and kind, each in the order in which they are due. Candidates that are not due yet fill up calls, and begin one
/// only if they fill it.
pub(super) struct Batcher {
    queues: BTreeMap<(Lane, CallKind), VecDeque<Candidate>>,
    now: Timestamp,
}

impl Batcher {
    pub(super) fn of(candidates: impl IntoIterator<Item = Candidate>, now: Timestamp) -> Self {
        let mut queues: BTreeMap<_, VecDeque<Candidate>> = BTreeMap::new();
        for candidate in candidates {
            queues.entry((candidate.lane, candidate.kind)).or_default().push_back(candidate);
        }
        Self { queues, now }
    }

    /// At most `room` calls, after `made` others.
    pub(super) fn calls(&mut self, room: usize, made: u64) -> Vec<Planned> {
        (made..)
            .take(room)
            .map_while(|number| self.next_call(number % BULK_EVERY == BULK_EVERY - 1))
            .collect()
    }

    /// The next call: begins with the first candidate of the first lane that has work, and is filled up with candidates of the same
    /// kind, also from the other lane.
    fn next_call(&mut self, bulk_first: bool) -> Option<Planned> {
        let order = if bulk_first { [Lane::Bulk, Lane::Live] } else { [Lane::Live, Lane::Bulk] };
        let kind = order.into_iter().find_map(|lane| self.first(lane))?;
        let first = order.iter().find_map(|lane| self.queues.get_mut(&(*lane, kind))?.pop_front())?;
        let mut anchors = BTreeSet::from([first.anchor]);
        let mut call = Planned { request: first.request, graphs: vec![first.graph] };
        for lane in order {
            let Some(queue) = self.queues.get_mut(&(lane, kind)) else { continue };
            while let Some(next) = queue.pop_front() {
                // An affiliate is in a batch once.
                if !anchors.insert(next.anchor) {
                    continue;
                }
                if let Some(request) = call.add(next.graph, next.request) {
                    queue.push_front(Candidate { request, ..next });
                    break;
                }
            }
        }
        Some(call)
    }

    fn first(&self, of: Lane) -> Option<CallKind> {
        let lane = self.queues.iter().filter(|((lane, _), _)| *lane == of);
        let heads = lane.filter_map(|((_, kind), queue)| {
            let due_at = queue.front()?.due_at;
            let is_full = kind.is_batched() && queue.len() >= BATCH;
            (due_at <= self.now || is_full).then_some((*kind, due_at))
        });
        heads
            .map(|(kind, due_at)| (!kind.serves_a_delete(), kind.order_time(due_at), kind))
            .min()
            .map(|(.., kind)| kind)
    }
}

#[cfg(test)]
mod tests {
    use identity::graph::Status;

    use super::*;
    use crate::deliver::{Edit, Search, StatusChange, Texts};

    const NOW: Timestamp = Timestamp::constant(100, 0);

    /// A candidate that has been due since `due_at` seconds after the epoch.
    fn candidate(lane: Lane, kind: CallKind, number: u8, due_at: i64) -> Candidate {
        let anchor = Digest([number; 16]);
        // Only edits have to share a call here.
        let request = match kind {
            CallKind::Edit => {
                let (id, fields) = (number.into(), Texts::new());
                CallRequest::Edit(vec![Edit { anchor, id, email: None, fields, scrub: false }])
            }
            _ => CallRequest::Search(Search { anchor, email: String::new(), code: None }),
        };
        let due_at = Timestamp::from_second(due_at).expect("a time");
        Candidate { lane, graph: number.into(), due_at, anchor, request, kind }
    }

    fn many(lane: Lane, kind: CallKind, numbers: std::ops::Range<u8>) -> impl Iterator<Item = Candidate> {
        numbers.map(move |number| candidate(lane, kind, number, 0))
    }

    fn firsts(calls: &[Planned]) -> Vec<GraphId> {
        calls.iter().map(|call| call.graphs[0]).collect()
    }

    #[test]
    fn live_calls_go_first_and_every_tenth_call_is_bulk() {
        let live = many(Lane::Live, CallKind::Create, 0..40);
        let mut batcher = Batcher::of(live.chain(many(Lane::Bulk, CallKind::Create, 100..140)), NOW);
        let calls = batcher.calls(20, 0);
        let bulk: Vec<usize> =
            firsts(&calls).iter().enumerate().filter(|(_, graph)| **graph >= 100).map(|(at, _)| at).collect();
        assert_eq!(bulk, [9, 19]);
        // It is the calls that count, not the rounds in which they are chosen.
        let bulk = (20..40).filter(|made| firsts(&batcher.calls(1, *made))[0] >= 100).count();
        assert_eq!(bulk, 2);
    }

    #[test]
    fn fifty_edits_share_one_call_and_bulk_edits_fill_a_live_one() {
        let live = many(Lane::Live, CallKind::Edit, 0..30);
        let mut batcher = Batcher::of(live.chain(many(Lane::Bulk, CallKind::Edit, 100..140)), NOW);
        let sizes: Vec<usize> =
            batcher.calls(9, 0).iter().map(|call| call.request.anchors().count()).collect();
        assert_eq!(sizes, [50, 20]);
    }

    #[test]
    fn an_affiliate_is_in_a_batch_once() {
        let twice = [1, 1].map(|number| candidate(Lane::Live, CallKind::Edit, number, 0));
        let calls = Batcher::of(twice, NOW).calls(9, 0);
        assert_eq!(calls.iter().map(|call| call.request.anchors().count()).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_call_gives_one_status_to_all_its_affiliates() {
        let anchor = Digest([1; 16]);
        let change = |status| CallRequest::Status(status, vec![StatusChange { anchor, id: 1 }]);
        let mut call = Planned { request: change(Status::Active), graphs: vec![1] };
        assert!(call.add(2, change(Status::Active)).is_none());
        assert!(call.add(3, change(Status::Denied)).is_some());
        assert_eq!(call.graphs, [1, 2]);
    }

    #[test]
    fn deletes_go_first_even_if_they_came_last() {
        let mut batcher = Batcher::of(
            [
                candidate(Lane::Live, CallKind::Create, 1, 0),
                candidate(Lane::Live, CallKind::Search, 2, 0),
                candidate(Lane::Live, CallKind::SearchToDisable, 3, 90),
                candidate(Lane::Live, CallKind::Disable, 4, 91),
            ],
            NOW,
        );
        assert_eq!(firsts(&batcher.calls(9, 0)), [3, 4, 2, 1]);
    }

    #[test]
    fn work_that_is_not_due_fills_a_call_and_starts_one_only_if_it_is_full() {
        let edits = |due: u8, early: u8| {
            let early = (50..50 + early).map(|number| candidate(Lane::Bulk, CallKind::Edit, number, 101));
            many(Lane::Bulk, CallKind::Edit, 0..due).chain(early)
        };
        let sizes = |due, early| {
            let calls = Batcher::of(edits(due, early), NOW).calls(9, 0);
            calls.iter().map(|call| call.request.anchors().count()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(1, 20), [21]);
        assert_eq!(sizes(30, 40), [50]);
        assert!(sizes(0, 49).is_empty());
        assert_eq!(sizes(0, 60), [50]);
        let create = Batcher::of([candidate(Lane::Bulk, CallKind::Create, 1, 101)], NOW).calls(9, 0);
        assert!(create.is_empty());
    }

    /// A steady stream of creates must not delay edits for ever; one call has fifty edits, but one create.
    #[test]
    fn edits_are_delayed_to_fill_a_call_and_then_go_before_later_creates() {
        let (create, edit) = (CallKind::Create, CallKind::Edit);
        let mut batcher = Batcher::of(
            [
                candidate(Lane::Bulk, create, 1, 5),
                candidate(Lane::Bulk, create, 2, 11),
                candidate(Lane::Bulk, edit, 3, 0),
                candidate(Lane::Bulk, edit, 4, 10),
            ],
            NOW,
        );
        let calls = batcher.calls(9, 0);
        assert_eq!(firsts(&calls), [1, 3, 2]);
        assert_eq!(calls[1].graphs, [3, 4], "the call has both due edits");
    }
}
