//! Records the changes of one step of absorb or reconcile in one transaction.

use sqlx::PgConnection;

use super::accounts::removal;
use super::failure::Failure;
use super::notes::{self, Tally};
use super::{audiences, claims, codes, events, graphs, leases, letters, orphans, unmapped};
use crate::Changes;
use crate::body::Body;

/// Changes with the bodies of their graphs, which are packed before the transaction begins.
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

    /// The number of rows that it appends to the counts of unmapped traits and audiences.
    pub(super) fn appended(&self) -> usize {
        self.changes.unmapped.len() + self.changes.audiences.len()
    }
}

/// Writes everything. The caller's transaction makes it atomic.
///
/// The order matters: it is the order of locks, digests of dissolved graphs become free before other graphs take them,
/// an event is recorded before it ends, and erasing comes last.
pub(super) async fn record(db: &mut PgConnection, prepared: &Prepared) -> Result<(), Failure> {
    let Prepared { changes, bodies } = prepared;
    let connection = changes.connection;
    if let Some(fence) = changes.fence {
        leases::check(db, connection, fence).await?;
    }
    if !changes.saves.is_empty() || !changes.dead_letters.is_empty() {
        claims::check(changes, removal::check(db, connection).await?)?;
    }
    let mut tally = Tally::default();
    graphs::write(db, changes, bodies, &mut tally).await?;
    let histories = events::write(db, changes, &mut tally).await?;
    letters::replaying(db, &changes.reopened, &histories).await?;
    letters::remembered(db, &changes.outcomes, &histories).await?;
    events::attempted(db, &changes.attempts, &histories).await?;
    letters::write(db, connection, &changes.dead_letters, &histories).await?;
    letters::note_resolvers(db, &changes.resolved_by, &histories).await?;
    letters::resolve(db, &changes.resolved, &histories).await?;
    letters::discard_ended(db, &changes.discarded, &histories).await?;
    letters::repeat(db, &changes.repeated).await?;
    orphans::remember(db, connection, &changes.orphans, &histories).await?;
    events::erase(db, &changes.erased, &histories).await?;
    orphans::erase(db, connection, &changes.tombstones).await?;
    leases::close_calls(db, connection, &changes.closed_calls).await?;
    codes::note(db, connection, &changes.affiliates).await?;
    unmapped::append(db, connection, &changes.unmapped).await?;
    audiences::append(db, connection, &changes.audiences, changes.now).await?;
    notes::audit(db, connection, &changes.audit).await?;
    tally.held_back(changes.held_back);
    tally.stuck(&changes.stuck);
    tally.write(db, connection).await
}
