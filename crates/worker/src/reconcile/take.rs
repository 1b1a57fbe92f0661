//! Taking what is due and making calls of it: live before bulk, batches filled up, bulk never starved.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{DueGraph, GraphId, LedgerError, Want};
use people::Digest;
use people::graph::{Graph, Lane, Status};
use people::needs::Rules;
use people::plan::{Act, Picture, Step, StepKind};
use people::stamp::Moment;

use super::Holder;
use crate::deliver::{Item, Wish};
use crate::rules::rules;
use crate::translate::open;

/// At most so many affiliates in one call. Source: Refersion REST v2, `/affiliate/status_change`.
const BATCH: usize = 50;
/// Where both lanes are due, at least one call in so many begins with bulk.
const BULK_EVERY: u64 = 10;

/// A call that is planned and not written down yet.
pub(super) struct Planned {
    pub(super) kind: StepKind,
    pub(super) items: Vec<Item>,
    pub(super) graphs: Vec<GraphId>,
}

/// One step of a due graph.
struct Candidate {
    lane: Lane,
    graph: GraphId,
    item: Item,
    sort: Sort,
}

/// What may share a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Disable,
    Activate,
    Search,
    Create,
    Edit,
}

impl Sort {
    fn kind(self) -> StepKind {
        match self {
            Self::Disable | Self::Activate => StepKind::Status,
            Self::Search => StepKind::Search,
            Self::Create => StepKind::Create,
            Self::Edit => StepKind::Edit,
        }
    }

    fn per_call(self) -> usize {
        match self {
            Self::Search | Self::Create => 1,
            Self::Disable | Self::Activate | Self::Edit => BATCH,
        }
    }
}

impl Holder {
    /// At most `room` calls out of what is due.
    pub(super) async fn take(&mut self, room: usize) -> Result<Vec<Planned>, LedgerError> {
        let now = self.worker.now();
        let due = self.worker.ledger.due(self.connection.id, now, &self.want(room)).await?;
        let rules = rules(&self.connection.settings);
        let mut candidates = Vec::new();
        for graph in due {
            fault_point!("reconcile.taken");
            candidates.extend(self.candidates(&graph, &rules, now.into()));
        }
        let mut calls = Vec::new();
        let mut lanes = by_lane(candidates);
        while calls.len() < room {
            let bulk_first = (self.calls_made + calls.len() as u64) % BULK_EVERY == BULK_EVERY - 1;
            match next_call(&mut lanes, bulk_first) {
                Some(call) => calls.push(call),
                None => break,
            }
        }
        self.calls_made += calls.len() as u64;
        Ok(calls)
    }

    fn want(&self, room: usize) -> Want {
        let mut want = Want { except: self.in_flight.graphs.iter().copied().collect(), ..Want::default() };
        for lane in [Lane::Live, Lane::Bulk] {
            for (kind, limit) in [
                (StepKind::Status, room * BATCH),
                (StepKind::Search, room),
                (StepKind::Create, room),
                (StepKind::Edit, room * BATCH),
            ] {
                want.limits.insert((lane, kind), limit);
            }
        }
        want
    }

    /// The steps of a graph that can go out now. A graph with a call under way is left alone as a whole, also when it
    /// was merged meanwhile and has another id.
    fn candidates(&self, due: &DueGraph, rules: &Rules, now: Moment) -> Vec<Candidate> {
        let graph = &due.row.graph;
        if graph.identifiers.keys().any(|digest| self.in_flight.anchors.contains(digest)) {
            return Vec::new();
        }
        let picture = Picture::of(graph, rules);
        let ready = |step: &&Step| {
            graph.troubles.get(&step.anchor).is_none_or(|trouble| !trouble.given_up && trouble.due_at <= now)
        };
        let steps = picture.steps.iter().filter(ready);
        steps
            .filter_map(|step| {
                let (sort, item) = self.item(graph, step)?;
                Some(Candidate { lane: due.lane, graph: due.row.id, item, sort })
            })
            .collect()
    }

    /// The step with the texts that go out. A name that cannot be opened cannot be told.
    fn item(&self, graph: &Graph, step: &Step) -> Option<(Sort, Item)> {
        let name = |digest: Digest| {
            let sealed = graph.identifiers.get(&digest)?.sealed.as_deref()?;
            open(&self.worker.vault, digest, sealed)
        };
        let (sort, wish) = match &step.act {
            Act::Create { user, fields } => {
                let wish = Wish::Create {
                    email: name(step.anchor)?,
                    merchant_id: user.and_then(name),
                    fields: fields.clone(),
                    first_try: !graph.troubles.contains_key(&step.anchor),
                };
                (Sort::Create, wish)
            }
            Act::Edit { affiliate, email, fields } => {
                let email = match email {
                    Some(digest) => Some((*digest, name(*digest)?)),
                    None => None,
                };
                (Sort::Edit, Wish::Edit { id: *affiliate, email, fields: fields.clone(), scrub: false })
            }
            Act::Scrub { affiliate, fields } => {
                let fields: BTreeMap<String, String> =
                    fields.iter().map(|f| (f.clone(), String::new())).collect();
                (Sort::Edit, Wish::Edit { id: *affiliate, email: None, fields, scrub: true })
            }
            Act::Status { affiliate, status } => {
                let sort = if *status == Status::Disabled { Sort::Disable } else { Sort::Activate };
                (sort, Wish::Status { id: *affiliate, status: *status })
            }
            Act::Search { .. } => (Sort::Search, Wish::Search { email: name(step.anchor)? }),
        };
        Some((sort, Item { anchor: step.anchor, wish }))
    }
}

/// Candidates by lane and sort, in the order in which they are due.
type Lanes = BTreeMap<(Lane, Sort), Vec<Candidate>>;

fn by_lane(candidates: Vec<Candidate>) -> Lanes {
    let mut lanes = Lanes::new();
    for candidate in candidates.into_iter().rev() {
        lanes.entry((candidate.lane, candidate.sort)).or_default().push(candidate);
    }
    lanes
}

/// The next call: the first sort of the first lane that has any; a batch that live persons began fills up with bulk.
fn next_call(lanes: &mut Lanes, bulk_first: bool) -> Option<Planned> {
    let first = if bulk_first { Lane::Bulk } else { Lane::Live };
    let second = if bulk_first { Lane::Live } else { Lane::Bulk };
    let filled = |lanes: &Lanes, lane: Lane| {
        lanes.iter().find(|((of, _), rows)| *of == lane && !rows.is_empty()).map(|((_, sort), _)| *sort)
    };
    let sort = filled(lanes, first).or_else(|| filled(lanes, second))?;
    let mut call = Planned { kind: sort.kind(), items: Vec::new(), graphs: Vec::new() };
    let mut told: BTreeSet<Digest> = BTreeSet::new();
    for lane in [first, second] {
        let Some(rows) = lanes.get_mut(&(lane, sort)) else { continue };
        while call.items.len() < sort.per_call() {
            let Some(candidate) = rows.pop() else { break };
            if told.insert(candidate.item.anchor) {
                call.graphs.push(candidate.graph);
                call.items.push(candidate.item);
            }
        }
    }
    Some(call)
}
