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
