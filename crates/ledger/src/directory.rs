//! The port of the directory: which affiliates Refersion lists, and how far the walks through its list have come.
//!
//! A row holds a keyed digest of the address, the affiliate code, the status and, once a webhook named it, the numeric id.
//! Nothing else of a person is kept, so rows outlive a delete as tombstones do; they go with their connection.

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

/// Drift of one connection that is kept, and the most that is read, in affiliates.
pub const MAX_DRIFT: usize = 10_000;

/// The directory of each connection. Writing under a fence fails with [`LedgerError::Fenced`] unless the token is the newest.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The directory's entries for some addresses. Of several affiliates at one address the one that was seen last counts.
    async fn look_up(
        &self,
        connection: ConnectionId,
        addresses: &[Digest],
    ) -> Result<DirectoryEntries, LedgerError>;

    /// The walks of a connection: what is wanted, what is under way, what was finished last.
    async fn directory(&self, connection: ConnectionId) -> Result<DirectoryState, LedgerError>;

    /// Asks for a walk; the lease holder begins it when nothing else is due. A request that waits is replaced.
    async fn request_walk(&self, connection: ConnectionId, request: WalkRequest) -> Result<(), LedgerError>;

    /// Begins a walk, or writes down what became of one without a page. The request that the walk answers is ended; another
    /// one, asked for meanwhile, stays.
    async fn save_walk(&self, connection: ConnectionId, fence: Fence, walk: &Walk)
    -> Result<(), LedgerError>;

    /// Writes a page and how far the walk is by now, in one transaction. Returns the walk with what the page brought:
    /// [`Walk::seen`] and [`Walk::fresh`] are counted here.
    async fn note_page(
        &self,
        connection: ConnectionId,
        fence: Fence,
        page: &Page,
    ) -> Result<Walk, LedgerError>;

    /// Ends the walk. If it is complete, affiliates that it did not meet are dropped, and the directory is complete from
    /// its beginning on.
    async fn end_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        finished: &FinishedWalk,
    ) -> Result<(), LedgerError>;

    /// Writes what a source other than a walk showed of affiliates. An id or an address that it does not know stays.
    async fn note_affiliates(
        &self,
        connection: ConnectionId,
        affiliates: &[ListedAffiliate],
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// What the last comparison found, by code, at most `limit`.
    async fn drift(&self, connection: ConnectionId, limit: usize) -> Result<Vec<Drift>, LedgerError>;
}

/// An affiliate as Refersion listed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAffiliate {
    /// Its code.
    pub code: String,
    /// The keyed digest of its address; `None` if none was shown.
    pub address: Option<Digest>,
    /// Its numeric id, where that was shown.
    pub id: Option<u64>,
    /// Its status, where that could be read.
    pub status: Option<Status>,
}

/// One page of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How far the walk is after it, without what the page brought.
    pub walk: Walk,
    /// When Refersion was asked for it.
    pub asked_at: Timestamp,
    /// Its affiliates.
    pub affiliates: Vec<ListedAffiliate>,
    /// Those of them that were compared, each with the fields that differ; without any it is as it was sent. What was found of the
    /// others before stays.
    pub drift: Vec<Drift>,
}

/// An affiliate that differs from what it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Its code.
    pub code: String,
    /// The digest of the address that it was sent.
    pub address: Option<Digest>,
    /// The fields: `first_name`, …, `email`, `status`, `custom:123`.
    pub fields: Vec<String>,
    /// When that was found.
    pub found_at: Timestamp,
}

/// What is known of a connection's walks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryState {
    /// The walk that is wanted.
    pub requested: Option<WalkRequest>,
    /// The walk that is under way.
    pub walk: Option<Walk>,
    /// The last one that ended.
    pub finished: Option<FinishedWalk>,
    /// Since when the directory lists everybody; `None`: it does not.
    pub complete_since: Option<Timestamp>,
}

impl DirectoryState {
    /// Whether a walk has ever begun: without one, the directory knows only what webhooks showed.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.walk.is_some() || self.finished.is_some()
    }
}

/// What is stored of a connection's walks: the request, the walk and the finished one as JSON, and since when the directory
/// is complete.
pub(crate) type Stored = (Option<String>, Option<String>, Option<String>, Option<i64>);

/// What is stored, read; nothing is stored before the first request.
pub(crate) fn state<D>(stored: Option<Stored>) -> Result<DirectoryState, Failure<D>> {
    let Some((asked, walk, finished, complete_since)) = stored else { return Ok(DirectoryState::default()) };
    Ok(DirectoryState {
        requested: parsed(asked)?,
        walk: parsed(walk)?,
        finished: parsed(finished)?,
        complete_since: complete_since.map(time).transpose()?,
    })
}

/// Whether a walk is what the stored request asks for. A request that came after the walk was decided on is another one.
pub(crate) fn answers(walk: &Walk, asked: Option<String>) -> serde_json::Result<bool> {
    let asked: Option<WalkRequest> = parsed(asked)?;
    Ok(asked.as_ref() == Some(&walk.request))
}

fn parsed<T: DeserializeOwned>(text: Option<String>) -> serde_json::Result<Option<T>> {
    text.map(|text| serde_json::from_str(&text)).transpose()
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
