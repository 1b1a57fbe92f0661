//! Records the changes of one step of absorb or reconcile in one transaction.

use sqlite::rusqlite::Connection;

use super::accounts::removal;
use super::failure::Failure;
use super::tally::Tally;
use super::words::micros;
use super::{audiences, claims, codes, events, graphs, leases, letters, orphans, unmapped};
use crate::body::Body;
use crate::tallies::{HELD_BACK, STUCK};
use crate::{Changes, State};

const AUDIT: &str = "INSERT INTO audit (connection, at, actor, action, subject) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Changes with the bodies of their graphs, which are packed outside of the database's thread.
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

    /// Whether the changes carry out a delete: afterwards the deleted data must not stay in the write-ahead log.
    pub(super) fn forgets(&self) -> bool {
        let deletes = self.changes.outcomes.iter().any(|outcome| outcome.state == State::Deleted);
        deletes || !self.changes.erased.is_empty()
    }
}

/// Writes everything. The caller's transaction makes it atomic.
///
/// The order matters: digests of dissolved graphs become free before other graphs take them, an event is recorded
/// before it ends, and erasing comes last.
pub(super) fn record(database: &Connection, prepared: &Prepared) -> Result<(), Failure> {
    let Prepared { changes, bodies } = prepared;
    let connection = changes.connection;
    if let Some(fence) = changes.fence {
        leases::check(database, connection, fence)?;
    }
    if !changes.saves.is_empty() || !changes.dead_letters.is_empty() {
        removal::check(database, connection)?;
        claims::check(database, changes)?;
    }
    let mut tally = Tally::default();
    tally.add(connection, HELD_BACK, changes.held_back);
    for (field, change) in &changes.stuck {
        tally.add(connection, format!("{STUCK}{field}"), *change);
    }
    graphs::dissolve(database, connection, &changes.dissolved, &mut tally)?;
    for (save, body) in changes.saves.iter().zip(bodies) {
        graphs::save(database, connection, save, body, &mut tally)?;
    }
    let ended = events::begin(database, changes, &mut tally)?;
    events::reopen(database, connection, &changes.reopened, &mut tally)?;
    letters::replaying(database, connection, &changes.reopened)?;
    events::end(database, connection, (&changes.outcomes, &ended), &mut tally)?;
    letters::remembered(database, connection, &changes.outcomes)?;
    events::attempted(database, connection, &changes.attempts)?;
    letters::write(database, connection, &changes.dead_letters)?;
    letters::note_resolvers(database, connection, &changes.resolved_by)?;
    letters::resolve(database, connection, &changes.resolved)?;
    letters::discard_ended(database, connection, &changes.discarded)?;
    letters::repeat(database, connection, &changes.repeated)?;
    orphans::remember(database, connection, &changes.orphans)?;
    events::erase(database, connection, &changes.erased)?;
    orphans::erase(database, connection, &changes.tombstones)?;
    leases::close_calls(database, connection, &changes.closed_calls)?;
    codes::note(database, connection, &changes.affiliates)?;
    take_notes(database, changes)?;
    tally.write(database)
}

fn take_notes(database: &Connection, changes: &Changes) -> Result<(), Failure> {
    unmapped::count(database, changes.connection, &changes.unmapped)?;
    audiences::add(database, changes.connection, &changes.audiences, changes.now)?;
    for audit in &changes.audit {
        let values = (changes.connection, micros(audit.at), &audit.actor, &audit.action, &audit.subject);
        database.prepare_cached(AUDIT)?.execute(values)?;
    }
    Ok(())
}
