//! What the ledger hands to absorb and reconcile, and what it takes from them: graphs, leases, calls.

use std::collections::BTreeMap;

use identity::Digest;
use identity::audiences::Counted;
use identity::directory::DirectoryEntries;
use identity::graph::{Graph, Lane};
use identity::plan::StepKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{CallId, GraphId, Row, State};

/// A graph as it was read.
#[derive(Clone, Debug)]
pub struct GraphRow {
    /// Its row.
    pub row: Row,
    /// What it holds.
    pub graph: Graph,
    /// What is counted of it in the ledger.
    pub counted: Counted,
}

/// What absorb needs to know before it folds a batch.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// Every graph that holds one of the digests asked for, once.
    pub graphs: Vec<GraphRow>,
    /// The events asked for that were recorded before.
    pub known: BTreeMap<Uuid, KnownEvent>,
    /// Some of the graphs are left out, because all together are larger than [`READ_BYTES`]: ask for fewer.
    pub partial: bool,
    /// The directory's entries for some addresses, as far as the caller looked them up ([`crate::Directory::look_up`]).
    pub directory: DirectoryEntries,
}

/// Bytes of stored graphs that are read at once, at most, unless a single one is larger: what is read is in memory, and is
/// worked on and written in one piece.
pub const READ_BYTES: usize = 4 * 1024 * 1024;

/// The right to change the graphs of a connection while everybody else is refused, for a moment: for a worker that
/// cannot make progress because others change them so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who has it; a random name for each claim.
    pub holder: Uuid,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// Where an event stands that was recorded before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownEvent {
    /// Its current state.
    pub state: State,
    /// How many outcomes it has had.
    pub outcomes: u32,
}

/// The right to serve a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The fencing token: it grows with every change of the holder.
    pub token: i64,
    /// When the lease ends unless it is renewed.
    pub expires_at: Timestamp,
}

/// A holder's claim, checked in the transaction that records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The token of its lease.
    pub token: i64,
}

/// How many graphs of each kind reconcile can use now.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// Limits by lane and next step; what is not named is not wanted.
    pub limits: BTreeMap<(Lane, StepKind), usize>,
    /// Graphs with a call in flight, to be passed over.
    pub except: Vec<GraphId>,
}

/// A due graph.
#[derive(Clone, Debug)]
pub struct DueGraph {
    /// The graph.
    pub graph: GraphRow,
    /// The lane that it is due in.
    pub lane: Lane,
    /// Its next step.
    pub step: StepKind,
    /// Since when it is due.
    pub due_at: Timestamp,
}

/// A call that is about to go out, or whose answer was never recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCall {
    /// Its row id; 0 before it is written.
    pub id: CallId,
    /// The operation's name in Refersion's words.
    pub operation: String,
    /// When it was written down.
    pub started_at: Timestamp,
    /// What it is about; no value of a person.
    pub items: Vec<CallItem>,
}

/// One affiliate of an open call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallItem {
    /// An identifier of the affiliate's graph: its address when the call was planned.
    pub anchor: Digest,
    /// The numeric id, unless the call is a create.
    pub affiliate: Option<u64>,
    /// The fields that the call sends.
    pub fields: Vec<identity::Text>,
}
