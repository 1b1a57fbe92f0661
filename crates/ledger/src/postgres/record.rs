//! One transaction of absorb or reconcile, from its checks to its counts.

use sqlx::PgConnection;

use super::accounts::removal;
use super::failure::Failure;
use super::notes::{self, Tally};
use super::{audiences, claims, codes, events, graphs, leases, letters, orphans, unmapped};
use crate::Changes;
use crate::body::Body;

/// Changes with the bodies of their graphs, which are packed before a transaction is begun.
pub(super) struct Prepared {
    changes: Changes,
    bodies: Vec<Body>,
}

impl Prepared {
    /// Packs the graphs.
    pub(super) fn of(changes: Changes) -> Self {
        let bodies = changes.saves.iter().map(Body::of).collect();
        Self { changes, bodies }
    }

    /// How many rows it appends to counts that may have many.
    pub(super) fn appended(&self) -> usize {
        self.changes.unmapped.len() + self.changes.audiences.len()
    }
}

/// Writes everything; the caller's transaction makes it all or nothing.
///
/// The order matters: it is the one in which locks are taken, digests of dissolved graphs are free before others take
/// them, an event is there before it ends, and what is erased is erased last.
pub(super) async fn record(connection: &mut PgConnection, prepared: &Prepared) -> Result<(), Failure> {
    let Prepared { changes, bodies } = prepared;
    let of = changes.connection;
    if let Some(fence) = changes.fence {
        leases::check(connection, of, fence).await?;
    }
    if !changes.saves.is_empty() || !changes.dead_letters.is_empty() {
        claims::check(changes, removal::check(connection, of).await?)?;
    }
    let mut tally = Tally::default();
    graphs::write(connection, changes, bodies, &mut tally).await?;
    let stories = events::write(connection, changes, &mut tally).await?;
    letters::replaying(connection, &changes.reopened, &stories).await?;
    letters::remembered(connection, &changes.outcomes, &stories).await?;
    events::attempted(connection, &changes.attempts, &stories).await?;
    letters::write(connection, of, &changes.dead_letters, &stories).await?;
    letters::note_resolvers(connection, &changes.resolved_by, &stories).await?;
    letters::resolve(connection, &changes.resolved, &stories).await?;
    letters::discard_ended(connection, &changes.discarded, &stories).await?;
    letters::repeat(connection, &changes.repeated).await?;
    orphans::remember(connection, of, &changes.orphans, &stories).await?;
    events::erase(connection, &changes.erased, &stories).await?;
    orphans::erase(connection, of, &changes.tombstones).await?;
    leases::close_calls(connection, of, &changes.closed_calls).await?;
    codes::note(connection, of, &changes.affiliates).await?;
    unmapped::append(connection, of, &changes.unmapped).await?;
    audiences::append(connection, of, &changes.audiences, changes.now).await?;
    notes::audit(connection, of, &changes.audit).await?;
    tally.held_back(changes.held_back);
    tally.stuck(&changes.stuck);
    tally.write(connection, of).await
}
