//! The port by which audiences are counted. Engines keep the counts with the graphs, in the same transactions.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::audiences::FIGURES;
use jiff::Timestamp;

use crate::{GraphId, LedgerError};

/// Upper limit of audiences that are kept of one connection: a source that makes up names must not fill the ledger.
pub const MAX_AUDIENCES: usize = 1_000;

/// Upper limit of groups of dead letters that are read of the audiences of one connection, the largest first.
pub const MAX_REJECTIONS: usize = 5_000;

/// An audience, computed trait or journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The number under which graphs are counted.
    pub id: u64,
    /// Its connection.
    pub connection: ConnectionId,
    /// What events say of it.
    pub named: NamedAudience,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// An audience as events name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedAudience {
    /// The folded key of its trait.
    pub key: String,
    /// The key as it was written when the audience was first seen.
    pub name: String,
    /// Segment's class of it (`audience`, `trait`, `journey_step`); `None` where a lone boolean was taken for one.
    pub class: Option<String>,
    /// The id of its space at Segment.
    pub space: Option<String>,
    /// Its id at Segment.
    pub segment_id: Option<String>,
}

/// What is counted of one audience: persons, in the figures of [`identity::audiences::MemberCounts`].
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
    /// Members whose membership Refersion has.
    pub held: u64,
    /// Persons, in or out, whose affiliate has the newest value.
    pub delivered: u64,
    /// Persons, in or out, for whom a call with it is due.
    pub waiting: u64,
    /// Persons, in or out, whose value Refersion refused.
    pub refused: u64,
    /// When any of these changed last.
    pub changed_at: Option<Timestamp>,
}

impl AudienceCounts {
    /// Counts of figures in their order; sums of what was added and taken away never fall below 0.
    pub(crate) fn of(audience: Audience, figures: [i64; FIGURES], changed_at: Option<Timestamp>) -> Self {
        let [members, left, affiliates, held, delivered, waiting, refused] = figures.map(crate::words::count);
        Self { audience, members, left, affiliates, held, delivered, waiting, refused, changed_at }
    }
}

/// How far the graphs of a connection are counted that were there before its newest audience.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    /// The newest audience; 0 while there is none.
    pub newest: u64,
    /// The last graph that the walk for it has seen; `None` once all are counted.
    pub position: Option<GraphId>,
    /// There were more audiences than [`MAX_AUDIENCES`]: the others are not counted.
    pub beyond: bool,
}

/// Open dead letters of an audience with one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejections {
    /// The audience's key as the events wrote it.
    pub name: String,
    /// The failure's class.
    pub class: String,
    /// The field that was refused, if one is to blame.
    pub field: Option<String>,
    /// The newest cause in words.
    pub cause: String,
    /// How many.
    pub letters: u64,
}

/// Audiences and their counts. What a transaction adds to the counts is in [`Changes::audiences`](crate::Changes).
#[async_trait]
pub trait Audiences: Send + Sync {
    /// The audiences of all connections with greater numbers than `after`, in their order, at most `limit`. One that was
    /// met before another has a lesser number, and is never seen after it.
    async fn audiences_after(&self, after: u64, limit: usize) -> Result<Vec<Audience>, LedgerError>;

    /// Notes audiences of a connection: new ones, of which [`MAX_AUDIENCES`] are kept, and new information about known
    /// ones. A walk counts what graphs state about new ones already. Of a connection that was removed nothing is noted.
    async fn record_audiences(
        &self,
        connection: ConnectionId,
        named: &[NamedAudience],
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// What is counted, of all connections or of one, in the order of connections and names.
    async fn audience_counts(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<AudienceCounts>, LedgerError>;

    /// How far the graphs of a connection are counted.
    async fn counting(&self, connection: ConnectionId) -> Result<Counting, LedgerError>;

    /// Remembers how far the walk for an audience has come; `None` = done. A walk for an older audience than the newest one
    /// that was walked for is passed over.
    async fn set_counting(
        &self,
        connection: ConnectionId,
        audience: u64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError>;

    /// The open dead letters of a connection's audiences by cause, the most frequent first, at most [`MAX_REJECTIONS`].
    async fn rejections(&self, connection: ConnectionId) -> Result<Vec<Rejections>, LedgerError>;
}
