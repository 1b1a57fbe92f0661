//! What one transaction writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use connections::ConnectionId;
use identity::audiences::{Counted, FIGURES};
use identity::graph::Lane;
use identity::plan::StepKind;
use identity::stamp::Moment;
use identity::{Digest, Graph};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{CallId, Claim, DeadLetter, Fence, OrphanedDeadLetter, Outcome, Row};

/// All that one step of absorb or reconcile changes, written together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The connection that all of it belongs to.
    pub connection: ConnectionId,
    /// When it was made: by it claims end.
    pub now: Timestamp,
    /// The lease under which it may be written; absorb needs none.
    pub fence: Option<Fence>,
    /// The claim under which it is written, if there is one.
    pub claim: Option<Claim>,
    /// Graphs that are new or have changed.
    pub saves: Vec<Save>,
    /// Graphs that were merged into another one of `saves`.
    pub dissolved: Vec<Row>,
    /// Events that are seen for the first time.
    pub events: Vec<NewEvent>,
    /// Whether the caller did not look `events` up, because nearly always none of them is there. If one is, nothing is
    /// written ([`crate::LedgerError::Conflict`]), and the caller looks them up. If false, an event that is there is left
    /// as it is.
    pub assume_new: bool,
    /// Ends of events, new or pending ones. An event that ends is pending no more and its payload goes, unless a dead
    /// letter keeps it.
    pub outcomes: Vec<Outcome>,
    /// Dead or remembered events that are pending again.
    pub reopened: Vec<Uuid>,
    /// Failed calls, by event.
    pub attempts: Vec<Attempt>,
    /// Dead letters to write.
    pub dead_letters: Vec<DeadLetter>,
    /// Events whose dead letters are resolved: delivered after all.
    pub resolved: Vec<Uuid>,
    /// The newer events that brought to Refersion what events of [`Changes::resolved`] state; none for those that were
    /// replayed.
    pub resolved_by: BTreeMap<Uuid, Uuid>,
    /// Events whose dead letters are discarded: the events ended, and not because Refersion holds what they stated.
    pub discarded: Vec<Uuid>,
    /// Events that others repeat: each time that one is named here counts as a repeat of its dead letter.
    pub repeated: Vec<Uuid>,
    /// Events of which no personal data may remain: payloads, dead letters' payloads and causes, attempts' messages.
    pub erased: Vec<Uuid>,
    /// Dead letters of events that no graph keeps.
    pub orphans: Vec<OrphanedDeadLetter>,
    /// Identifiers with a tombstone, and its time: orphaned dead letters that name one and are not newer keep nothing
    /// personal.
    pub tombstones: Vec<(Digest, Moment)>,
    /// Numeric ids of affiliates with the codes that they belong to, as Refersion named them.
    pub affiliates: Vec<(u64, String)>,
    /// Open calls whose answer is recorded by this.
    pub closed_calls: Vec<CallId>,
    /// Traits that no setting maps, with how often they were stated; also what was left out, under names of its own
    /// ([`crate::unmapped`]).
    pub unmapped: Vec<Unmapped>,
    /// How many more affiliates have a payout field held back than before; less than 0 where fewer have.
    pub held_back: i64,
    /// By field (`country`, `custom:7`): how many more affiliates keep a value of it that has to go than before.
    pub stuck: BTreeMap<String, i64>,
    /// By audience: how many more persons are what than before, in the order of
    /// [`MemberCounts::figures`](identity::audiences::MemberCounts::figures).
    pub audiences: BTreeMap<u64, [i64; FIGURES]>,
    /// What an operator should be able to read later.
    pub audit: Vec<Audit>,
}

impl Changes {
    /// Notes what is counted of a graph now, where `before` is in the ledger.
    pub fn count(&mut self, before: &Counted, now: &Counted) {
        for (audience, change) in now.since(before) {
            let figures = self.audiences.entry(audience).or_default();
            figures.iter_mut().zip(change).for_each(|(figure, more)| *figure += more);
        }
    }
}

/// A graph to write.
#[derive(Clone, Debug)]
pub struct Save {
    /// Its row as it was read; `None` for a new graph.
    pub row: Option<Row>,
    /// What it holds now.
    pub graph: Graph,
    /// What is counted of it now, for audiences. The difference to what was read is in [`Changes::audiences`].
    pub counted: Counted,
    /// The identifiers to be found under, those that are not indexed to this graph yet.
    pub new_digests: Vec<Digest>,
    /// What it needs next, if anything: only where something is dirty.
    pub work: Option<Work>,
    /// How many of its affiliates or persons differ from what Refersion knows.
    pub dirty: u32,
    /// How many of its persons and identifiers wait.
    pub waiting: u32,
}

/// What a graph needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// In which lane.
    pub lane: Lane,
    /// Which kind of call.
    pub step: StepKind,
    /// Not before this.
    pub due_at: Timestamp,
}

/// An event that absorb sees for the first time. Without an outcome in the same changes it is pending.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id, a UUIDv7.
    pub event: Uuid,
    /// `identify`, `delete`, another type of Segment's, `other`, or `unknown` where it could not be read.
    pub kind: String,
    /// When the ingest endpoint accepted it.
    pub received_at: Timestamp,
    /// Its lane.
    pub lane: Lane,
    /// The raw JSON, less any key; kept while it is pending or dead.
    pub payload: Arc<str>,
    /// The digests that it can be found by (message id, addresses, user id). The message id itself is not stored: it
    /// may name a person, and the event outlives a delete.
    pub found_by: Vec<Digest>,
}

/// A failed call, as one event saw it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The event.
    pub event: Uuid,
    /// When the call failed.
    pub at: Timestamp,
    /// Refersion's name of the operation.
    pub operation: String,
    /// The status of the answer, if there was one.
    pub http_status: Option<u16>,
    /// The failure's class.
    pub class: String,
    /// What Refersion said, less any value of a person.
    pub message: String,
    /// What was sent, less any value of a person.
    pub request: Option<String>,
}

/// A trait that no setting maps. One beyond [`MAX_UNMAPPED_TRAITS`](crate::unmapped::MAX_UNMAPPED_TRAITS) is counted
/// under [`MORE`](crate::unmapped::MORE).
#[derive(Clone, Debug)]
pub struct Unmapped {
    /// The folded key.
    pub key: String,
    /// A spelling of it.
    pub spelling: String,
    /// How many events stated it.
    pub events: u64,
}

impl Unmapped {
    /// A count under a key of ours, which is no trait.
    #[must_use]
    pub fn counted(key: String, events: u64) -> Self {
        Self { spelling: key.clone(), key, events }
    }
}

/// A line for the audit: who did what to which thing; ids only, no personal data.
#[derive(Clone, Debug)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// `worker` or `operator`.
    pub actor: String,
    /// What was done, in a fixed word.
    pub action: String,
    /// To what, as ids.
    pub subject: String,
}
