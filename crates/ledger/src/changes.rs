//! The changes that one transaction writes.

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

/// The changes of one step of absorb or reconcile. All of them are written, or none.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The connection of all changes.
    pub connection: ConnectionId,
    /// The time of the changes. Claims are judged by it.
    pub now: Timestamp,
    /// The lease under which they may be written; absorb needs none.
    pub fence: Option<Fence>,
    /// The claim under which they are written, if there is one.
    pub claim: Option<Claim>,
    /// Graphs that are new or have changed.
    pub saves: Vec<Save>,
    /// Graphs that were merged into another one of `saves`.
    pub dissolved: Vec<Row>,
    /// Events that are seen for the first time.
    pub events: Vec<NewEvent>,
    /// Whether the caller did not look `events` up, because nearly always all of them are new. If one is recorded already, nothing is
    /// written ([`crate::LedgerError::Conflict`]), and the caller looks them up. If false, an event that is recorded already is left as it
    /// is.
    pub assume_new: bool,
    /// Outcomes of events, new or pending ones. An event with an outcome is no longer pending, and its payload is
    /// deleted unless a dead letter keeps it.
    pub outcomes: Vec<Outcome>,
    /// Dead or remembered events that are pending again.
    pub reopened: Vec<Uuid>,
    /// Failed calls, by event.
    pub attempts: Vec<Attempt>,
    /// Dead letters to write.
    pub dead_letters: Vec<DeadLetter>,
    /// Events whose dead letters are resolved, because the events were delivered.
    pub resolved: Vec<Uuid>,
    /// For events of [`Changes::resolved`], the newer events that delivered the same values to Refersion; no entry for
    /// events that were replayed.
    pub resolved_by: BTreeMap<Uuid, Uuid>,
    /// Events whose dead letters are discarded: the events ended, but their values were not delivered to Refersion.
    pub discarded: Vec<Uuid>,
    /// Events that other events repeat: each occurrence here counts as a repeat of the event's dead letter.
    pub repeated: Vec<Uuid>,
    /// Events whose personal data is erased: payloads, dead letters' payloads and causes, attempts' messages.
    pub erased: Vec<Uuid>,
    /// Dead letters of events that no graph keeps.
    pub orphans: Vec<OrphanedDeadLetter>,
    /// Identifiers with a tombstone, and its time: orphaned dead letters that name one and are not newer lose their
    /// personal data.
    pub tombstones: Vec<(Digest, Moment)>,
    /// Numeric ids of affiliates with their codes, as Refersion stated them.
    pub affiliates: Vec<(u64, String)>,
    /// Open calls whose answers these changes record.
    pub closed_calls: Vec<CallId>,
    /// Traits that no setting maps, with the number of events that stated them; also the counts of other left-out data,
    /// under fixed names ([`crate::unmapped`]).
    pub unmapped: Vec<Unmapped>,
    /// The change of the number of affiliates with a payout field that is held back; may be negative.
    pub held_back: i64,
    /// By field (`country`, `custom:7`): the change of the number of affiliates that keep a value that should be removed.
    pub stuck: BTreeMap<String, i64>,
    /// By audience: the changes of its counts of persons, in the order of
    /// [`MemberCounts::figures`](identity::audiences::MemberCounts::figures).
    pub audiences: BTreeMap<u64, [i64; FIGURES]>,
    /// Lines for the audit.
    pub audit: Vec<Audit>,
}

impl Changes {
    /// Adds the difference between the counts of a graph in the ledger (`before`) and its counts now.
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
    /// Its new content.
    pub graph: Graph,
    /// Its new counts for audiences. The difference to the counts that were read is in [`Changes::audiences`].
    pub counted: Counted,
    /// The identifiers by which it is found and that are not in its index yet.
    pub new_digests: Vec<Digest>,
    /// The work that it needs next, if any: only if something is dirty.
    pub work: Option<Work>,
    /// The number of its dirty affiliates and persons.
    pub dirty: u32,
    /// The number of its waiting persons and identifiers.
    pub waiting: u32,
}

/// The next work of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// The lane.
    pub lane: Lane,
    /// The kind of call.
    pub step: StepKind,
    /// The earliest time.
    pub due_at: Timestamp,
}

/// An event that absorb sees for the first time. Without an outcome in the same changes it is pending.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id, a UUIDv7.
    pub event: Uuid,
    /// `identify`, `delete`, another type of Segment's, `other`, or `unknown` if the type could not be read.
    pub kind: String,
    /// When the ingest endpoint accepted it.
    pub received_at: Timestamp,
    /// Its lane.
    pub lane: Lane,
    /// The raw JSON without any key; kept while the event is pending or dead.
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
    /// Refersion's message, without any value of a person.
    pub message: String,
    /// The request, without any value of a person.
    pub request: Option<String>,
}

/// A trait that no setting maps. Traits beyond [`MAX_UNMAPPED_TRAITS`](crate::unmapped::MAX_UNMAPPED_TRAITS) are
/// counted under [`MORE`](crate::unmapped::MORE).
#[derive(Clone, Debug)]
pub struct Unmapped {
    /// The folded key.
    pub key: String,
    /// One spelling of it.
    pub spelling: String,
    /// How many events stated it.
    pub events: u64,
}

impl Unmapped {
    /// A count under one of our keys, which is not a trait.
    #[must_use]
    pub fn counted(key: String, events: u64) -> Self {
        Self { spelling: key.clone(), key, events }
    }
}

/// A line for the audit: actor, action and subject; ids only, no personal data.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The time.
    pub at: Timestamp,
    /// `worker`, `ingest`, `operator`, or `cli:` with the user of the operating system.
    pub actor: String,
    /// The act, as a fixed word.
    pub action: String,
    /// The subject of the act, as ids.
    pub subject: String,
}
