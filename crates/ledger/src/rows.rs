//! The types that the ledger exchanges with absorb and reconcile: graphs, leases, calls.

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
    /// Its content.
    pub graph: Graph,
    /// Its counts in the ledger.
    pub counted: Counted,
}

/// The data that absorb needs before it folds a batch.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// Every graph with one of the requested digests, once.
    pub graphs: Vec<GraphRow>,
    /// The requested events that were recorded before.
    pub known: BTreeMap<Uuid, KnownEvent>,
    /// Whether some graphs are left out, because all together are larger than [`READ_BYTES`]: request fewer.
    pub partial: bool,
    /// The directory's entries for some addresses, if the caller looked them up ([`crate::Directory::look_up`]).
    pub directory: DirectoryEntries,
}

/// Maximum size of stored graphs that are read at once, in bytes, unless a single one is larger: the graphs are kept in memory, processed
/// and written together.
pub const READ_BYTES: usize = 4 * 1024 * 1024;

/// The exclusive right to change the graphs of a connection for a moment, for a worker that cannot make progress
/// because others change them so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The holder: a random id for each claim.
    pub holder: Uuid,
    /// When it expires.
    pub until: Timestamp,
}

/// The state of an event that was recorded before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownEvent {
    /// Its current state.
    pub state: State,
    /// The number of its outcomes so far.
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

/// The number of graphs of each kind that reconcile can process now.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// Limits by lane and next step; no graphs are returned for other pairs.
    pub limits: BTreeMap<(Lane, StepKind), usize>,
    /// Graphs to skip, because they have a call under way.
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
    /// The time since which it is due.
    pub due_at: Timestamp,
}

/// A call that is about to be sent, or whose answer was never recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCall {
    /// Its row id; 0 before it is written.
    pub id: CallId,
    /// The operation's name in Refersion's words.
    pub operation: String,
    /// When it was recorded.
    pub started_at: Timestamp,
    /// Its affiliates, without any value of a person.
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
