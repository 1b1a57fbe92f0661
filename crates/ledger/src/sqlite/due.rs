//! Due graphs, and the progress of a walk through all graphs.

use std::collections::HashSet;

use connections::ConnectionId;
use identity::graph::Lane;
use identity::plan::StepKind;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::failure::Failure;
use super::graphs::{self, Stored};
use super::rows::all;
use super::words::{LANES, lane_word, limit, micros, step_word, time};
use crate::{FURTHEST_DUE, GraphId, Want};

const DUE: &str = "SELECT id, due_at FROM graphs
    WHERE connection = ?1 AND lane = ?2 AND step = ?3 AND due_at <= ?4
    ORDER BY due_at, id LIMIT ?5";

/// Times that were written while the clock was wrong, the nearest first.
const DUE_TOO_FAR: &str = "SELECT id, due_at FROM graphs
    WHERE connection = ?1 AND lane = ?2 AND step = ?3 AND due_at > ?4
    ORDER BY due_at, id LIMIT ?5";

const NEXT: &str = "SELECT MIN(due_at) FROM graphs WHERE connection = ?1 AND lane = ?2 AND step = ?3
    AND due_at IS NOT NULL";

const SETTINGS_VERSION: &str = "SELECT settings_version FROM connections WHERE id = ?1";

const WALK: &str = "SELECT settings_version, position FROM walks WHERE connection = ?1";

const SET_WALK: &str = "INSERT INTO walks (connection, settings_version, position) VALUES (?1, ?2, ?3)
    ON CONFLICT (connection) DO UPDATE SET
        settings_version = excluded.settings_version, position = excluded.position
    WHERE walks.settings_version <= excluded.settings_version";

/// A due graph in its stored form.
pub(super) struct StoredDue {
    pub(super) graph: Stored,
    pub(super) lane: Lane,
    pub(super) step: StepKind,
    pub(super) due_at: Timestamp,
}

/// Due graphs, oldest first within each lane and step, as far as there is room.
pub(super) fn graphs(
    database: &Connection,
    connection: ConnectionId,
    now: Timestamp,
    want: &Want,
) -> Result<Vec<StoredDue>, Failure> {
    let mut found = Vec::new();
    let except: HashSet<GraphId> = want.except.iter().copied().collect();
    for ((lane, step), most) in &want.limits {
        let mut room = graphs::Room::new();
        let rows = most.saturating_add(except.len());
        let kind = (connection, *lane, *step);
        let mut ids = ids(database, DUE, kind, now, rows)?;
        if ids.len() < rows {
            let furthest = now.saturating_add(FURTHEST_DUE).unwrap_or(Timestamp::MAX);
            ids.extend(self::ids(database, DUE_TOO_FAR, kind, furthest, rows - ids.len())?);
        }
        for (id, due_at) in ids.into_iter().filter(|(id, _)| !except.contains(id)).take(*most) {
            for graph in graphs::by_ids(database, [id])? {
                if !room.takes(&graph) {
                    continue;
                }
                found.push(StoredDue { graph, lane: *lane, step: *step, due_at: time(due_at)? });
            }
        }
    }
    Ok(found)
}

/// The graphs that one of the statements finds on one side of a time.
fn ids(
    database: &Connection,
    statement: &str,
    (connection, lane, step): (ConnectionId, Lane, StepKind),
    time: Timestamp,
    rows: usize,
) -> Result<Vec<(GraphId, i64)>, Failure> {
    let values = (connection, lane_word(lane), step_word(step), micros(time), limit(rows));
    all(database, statement, values, |row| Ok((row.get(0)?, row.get(1)?)))
}

/// When the next graph becomes due.
pub(super) fn next(database: &Connection, connection: ConnectionId) -> Result<Option<Timestamp>, Failure> {
    let mut next = database.prepare_cached(NEXT)?;
    let mut earliest: Option<i64> = None;
    for lane in LANES {
        for step in StepKind::ALL {
            let due: Option<i64> =
                next.query_row((connection, lane_word(lane), step_word(step)), |row| row.get(0))?;
            earliest = earliest.into_iter().chain(due).min();
        }
    }
    Ok(earliest.map(time).transpose()?)
}

/// The progress of the walk for the newest settings; see [`crate::Schedule::walk_position`].
pub(super) fn walk_position(
    database: &Connection,
    connection: ConnectionId,
) -> Result<Option<(i64, GraphId)>, Failure> {
    let newest: Option<i64> =
        database.prepare_cached(SETTINGS_VERSION)?.query_row([connection], |row| row.get(0)).optional()?;
    let Some(newest) = newest else { return Ok(None) };
    let walk: Option<(i64, Option<GraphId>)> = database
        .prepare_cached(WALK)?
        .query_row([connection], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match walk {
        Some((version, position)) if version >= newest => position.map(|position| (version, position)),
        _ => Some((newest, 0)),
    })
}

/// Stores the progress of a walk. Progress for older settings than those of the current walk is ignored.
pub(super) fn set_walk_position(
    database: &Connection,
    connection: ConnectionId,
    version: i64,
    position: Option<GraphId>,
) -> Result<(), Failure> {
    database.prepare_cached(SET_WALK)?.execute((connection, version, position))?;
    Ok(())
}
