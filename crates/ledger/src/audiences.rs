//! The port by which audiences are counted. Engines keep the counts with the graphs, in the same transactions.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::audiences::FIGURES;
use jiff::Timestamp;

use crate::{GraphId, LedgerError};

/// Maximum number of stored audiences of one connection: a source that invents names must not fill the ledger.
pub const MAX_AUDIENCES: usize = 1_000;

/// Maximum number of groups of dead letters that are read for the audiences of one connection, the largest first.
pub const MAX_REJECTIONS: usize = 5_000;

/// An audience, computed trait or journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// Its number, under which graphs are counted.
    pub id: u64,
    /// Its connection.
    pub connection: ConnectionId,
    /// The information in events about it.
    pub named: NamedAudience,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// An audience as it is named in events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedAudience {
    /// The folded key of its trait.
    pub key: String,
    /// The key as it was written when the audience was first seen.
    pub name: String,
    /// Segment's class of it (`audience`, `trait`, `journey_step`); `None` if a single boolean trait was taken for an audience.
    pub class: Option<String>,
    /// The id of its space at Segment.
    pub space: Option<String>,
    /// Its id at Segment.
    pub segment_id: Option<String>,
}

/// The counts of one audience: persons, in the figures of [`identity::audiences::MemberCounts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudienceCounts {
    /// The audience.
    pub audience: Audience,
    /// Members.
    pub members: u64,
    /// Persons who were members, or were stated not to be.
    pub left: u64,
    /// Members that are affiliates.
    pub affiliates: u64,
    /// Members whose membership was delivered to Refersion.
    pub held: u64,
    /// Persons, members or not, whose affiliate has the newest value.
    pub delivered: u64,
    /// Persons, members or not, for whom a call with the value is due.
    pub waiting: u64,
    /// Persons, members or not, whose value Refersion refused.
    pub refused: u64,
    /// When any of these counts last changed.
    pub changed_at: Option<Timestamp>,
}

impl AudienceCounts {
    /// Converts counts of figures, in their order; a negative sum counts as 0.
    pub(crate) fn of(audience: Audience, figures: [i64; FIGURES], changed_at: Option<Timestamp>) -> Self {
        let [members, left, affiliates, held, delivered, waiting, refused] = figures.map(crate::words::count);
        Self { audience, members, left, affiliates, held, delivered, waiting, refused, changed_at }
    }
}

/// The progress of the walk that counts older graphs for the newest audience of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    /// The newest audience; 0 while there is none.
    pub newest: u64,
    /// The last graph that the walk has visited; `None` once all are counted.
    pub position: Option<GraphId>,
    /// Whether there were more audiences than [`MAX_AUDIENCES`]: the others are not counted.
    pub beyond: bool,
}

/// Open dead letters of an audience with one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejections {
    /// The audience's key as the events wrote it.
    pub name: String,
    /// The failure's class.
    pub class: String,
    /// The refused field, if the failure is about one.
    pub field: Option<String>,
    /// The text of the newest cause.
    pub cause: String,
    /// Their number.
    pub letters: u64,
}

/// Audiences and their counts. [`Changes::audiences`](crate::Changes) contains the additions of a transaction.
#[async_trait]
pub trait Audiences: Send + Sync {
    /// The audiences of all connections with greater numbers than `after`, in their order, at most `limit`. An audience that was first seen
    /// before another one has a lower number, and never becomes visible after it.
    async fn audiences_after(&self, after: u64, limit: usize) -> Result<Vec<Audience>, LedgerError>;

    /// Stores audiences of a connection: new ones, up to [`MAX_AUDIENCES`], and new information about known ones. A
    /// walk then counts the existing graphs for new ones. Audiences of a removed connection are not stored.
    async fn record_audiences(
        &self,
        connection: ConnectionId,
        named: &[NamedAudience],
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// The counts of one connection or of all, in the order of connections and names.
    async fn audience_counts(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<AudienceCounts>, LedgerError>;

    /// The progress of counting the graphs of a connection.
    async fn counting(&self, connection: ConnectionId) -> Result<Counting, LedgerError>;

    /// Stores the progress of the walk for an audience; `None` = done. The progress for an older audience than that of the newest walk is
    /// ignored.
    async fn set_counting(
        &self,
        connection: ConnectionId,
        audience: u64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError>;

    /// The open dead letters of a connection's audiences by cause, the most frequent first, at most [`MAX_REJECTIONS`].
    async fn rejections(&self, connection: ConnectionId) -> Result<Vec<Rejections>, LedgerError>;
}
