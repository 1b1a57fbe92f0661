//! The port of the directory: the affiliates that Refersion lists, and the progress of the walks through its list.
//!
//! A row contains a keyed digest of the address, the affiliate code, the status and, once a webhook has stated it, the numeric id. No other
//! personal data is stored, so a delete does not remove rows, as it does not remove tombstones; they are removed with their connection.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use identity::directory::DirectoryEntries;
use identity::graph::Status;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::words::time;
use crate::{Fence, FinishedWalk, LedgerError, Walk, WalkRequest};

/// Maximum number of affiliates of one connection whose drift is stored and read.
pub const MAX_DRIFT: usize = 10_000;

/// The directory of each connection. Writing under a fence fails with [`LedgerError::Fenced`] unless the token is the newest.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The directory's entries for some addresses. If several affiliates have one address, the one that was seen last counts.
    async fn look_up(
        &self,
        connection: ConnectionId,
        addresses: &[Digest],
    ) -> Result<DirectoryEntries, LedgerError>;

    /// The walks of a connection: the requested one, the one under way, and the last finished one.
    async fn directory(&self, connection: ConnectionId) -> Result<DirectoryState, LedgerError>;

    /// Requests a walk; the lease holder begins it when nothing else is due. A waiting request is replaced.
    async fn request_walk(&self, connection: ConnectionId, request: WalkRequest) -> Result<(), LedgerError>;

    /// Begins a walk, or stores its state without a page. The request that the walk answers is removed; another request that came meanwhile
    /// stays.
    async fn save_walk(&self, connection: ConnectionId, fence: Fence, walk: &Walk)
    -> Result<(), LedgerError>;

    /// Stores a page and the progress of the walk, in one transaction. Returns the walk with the counts of the page:
    /// [`Walk::seen`] and [`Walk::fresh`] are counted here.
    async fn note_page(
        &self,
        connection: ConnectionId,
        fence: Fence,
        page: &Page,
    ) -> Result<Walk, LedgerError>;

    /// Ends the walk. If it is complete, affiliates that it did not meet are removed, and the directory counts as complete since the walk
    /// began.
    async fn end_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        finished: &FinishedWalk,
    ) -> Result<(), LedgerError>;

    /// Stores affiliates as a source other than a walk showed them. If the source does not know an id or an address, the stored one stays.
    async fn note_affiliates(
        &self,
        connection: ConnectionId,
        affiliates: &[ListedAffiliate],
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// The drift that the last comparison found, by code, at most `limit`.
    async fn drift(&self, connection: ConnectionId, limit: usize) -> Result<Vec<Drift>, LedgerError>;
}

/// An affiliate as Refersion listed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAffiliate {
    /// Its code.
    pub code: String,
    /// The keyed digest of its address; `None` if none was shown.
    pub address: Option<Digest>,
    /// Its numeric id, if that was shown.
    pub id: Option<u64>,
    /// Its status, if that could be read.
    pub status: Option<Status>,
}

/// One page of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The walk after this page, without the counts of the page.
    pub walk: Walk,
    /// The time of the request to Refersion.
    pub asked_at: Timestamp,
    /// Its affiliates.
    pub affiliates: Vec<ListedAffiliate>,
    /// The compared ones of these affiliates, each with the fields that differ; no fields mean no drift. The stored drift of the others
    /// stays.
    pub drift: Vec<Drift>,
}

/// An affiliate whose fields differ from the values that were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Its code.
    pub code: String,
    /// The digest of the address that was sent for it.
    pub address: Option<Digest>,
    /// The fields: `first_name`, …, `email`, `status`, `custom:123`.
    pub fields: Vec<String>,
    /// When the drift was found.
    pub found_at: Timestamp,
}

/// The state of a connection's walks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryState {
    /// The requested walk.
    pub requested: Option<WalkRequest>,
    /// The walk that is under way.
    pub walk: Option<Walk>,
    /// The last one that ended.
    pub finished: Option<FinishedWalk>,
    /// The time since which the directory lists all affiliates; `None`: it does not.
    pub complete_since: Option<Timestamp>,
}

impl DirectoryState {
    /// Whether a walk has ever begun: without one, the directory contains only affiliates that webhooks showed.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.walk.is_some() || self.finished.is_some()
    }
}

/// The stored columns of a connection's walks: the request, the walk and the finished one as JSON, and the time since which the directory
/// is complete.
pub(crate) type Stored = (Option<String>, Option<String>, Option<String>, Option<i64>);

/// Parses the stored columns; there are none before the first request.
pub(crate) fn state<D>(stored: Option<Stored>) -> Result<DirectoryState, Failure<D>> {
    let Some((asked, walk, finished, complete_since)) = stored else { return Ok(DirectoryState::default()) };
    Ok(DirectoryState {
        requested: parsed(asked)?,
        walk: parsed(walk)?,
        finished: parsed(finished)?,
        complete_since: complete_since.map(time).transpose()?,
    })
}

/// Whether a walk answers the stored request. A request that came after the walk was decided on is another one.
pub(crate) fn answers(walk: &Walk, asked: Option<String>) -> serde_json::Result<bool> {
    let asked: Option<WalkRequest> = parsed(asked)?;
    Ok(asked.as_ref() == Some(&walk.request))
}

fn parsed<T: DeserializeOwned>(text: Option<String>) -> serde_json::Result<Option<T>> {
    text.map(|text| serde_json::from_str(&text)).transpose()
}

/// Whether an affiliate is new to the pass, and to the walk, by the pass in which it was met last. A pass in the future was written by
/// a clock that was ahead.
pub(crate) fn is_new(before: Option<i64>, walk_started_at: i64, pass: i64) -> (bool, bool) {
    let is_of_walk = |before| (walk_started_at..=pass).contains(&before);
    (before != Some(pass), !before.is_some_and(is_of_walk))
}

/// A status as it is stored: Refersion's word.
pub(crate) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Active => "ACTIVE",
        Status::Pending => "PENDING",
        Status::Denied => "DENIED",
        Status::Disabled => "DISABLED",
    }
}
