//! Graphs: reads them by digest or id, and writes them with their version checked.

use std::collections::BTreeSet;

use connections::ConnectionId;
use identity::Digest;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};

use super::failure::Failure;
use super::tally::Tally;
use super::words::{lane_word, limit, micros, step_word};
use crate::body::Body;
use crate::tallies::{DIRTY, WAITING};
use crate::{GraphId, READ_BYTES, Save};

const HOLDER_OF: &str = "SELECT graph FROM graph_digests WHERE connection = ?1 AND digest = ?2";

const READ: &str = "SELECT id, version, body, dirty, waiting, counted FROM graphs WHERE id = ?1";

const WALK: &str = "SELECT id, version, body, dirty, waiting, counted FROM graphs WHERE connection = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

const COUNTED: &str = "SELECT dirty, waiting FROM graphs WHERE id = ?1 AND connection = ?2 AND version = ?3";

const DELETE: &str = "DELETE FROM graphs WHERE id = ?1";

const INSERT: &str =
    "INSERT INTO graphs (connection, version, lane, step, due_at, dirty, waiting, body, counted)
    VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const UPDATE: &str = "UPDATE graphs SET version = version + 1, dirty = ?1, waiting = ?2, body = ?3, counted = ?4 WHERE id = ?5";

/// Separate from [`UPDATE`], so that the index of due graphs is not written if nothing changes.
const SET_WORK: &str = "UPDATE graphs SET lane = ?1, step = ?2, due_at = ?3
    WHERE id = ?4 AND (lane, step, due_at) IS NOT (?1, ?2, ?3)";

/// A digest moves to another graph only if its previous graph no longer exists.
const INDEX: &str = "INSERT INTO graph_digests (connection, digest, graph) VALUES (?1, ?2, ?3)
    ON CONFLICT (connection, digest) DO UPDATE SET graph = excluded.graph
    WHERE graph_digests.graph = excluded.graph
        OR NOT EXISTS (SELECT 1 FROM graphs WHERE id = graph_digests.graph)";

/// A graph in its stored form; its body is parsed outside of the database's thread.
pub(super) struct Stored {
    pub(super) id: GraphId,
    pub(super) version: i64,
    pub(super) body: Body,
    pub(super) dirty: u32,
    pub(super) waiting: u32,
}

impl Stored {
    fn from_row(row: &Row<'_>) -> Result<Self, sqlite::rusqlite::Error> {
        Ok(Self {
            id: row.get(0)?,
            version: row.get(1)?,
            body: Body { graph: row.get(2)?, counted: row.get(5)? },
            dirty: row.get(3)?,
            waiting: row.get(4)?,
        })
    }
}

/// The graphs for which there is room, and whether some are left out.
pub(super) type Read = (Vec<Stored>, bool);

/// Room for graphs: a first one of any size, and further ones within [`READ_BYTES`].
pub(super) struct Room {
    left: Option<usize>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { left: None }
    }

    /// Takes room for one more graph. Returns whether there was enough.
    pub(super) fn takes(&mut self, graph: &Stored) -> bool {
        let left = match self.left {
            None => Some(READ_BYTES.saturating_sub(graph.body.graph.len())),
            Some(left) => left.checked_sub(graph.body.graph.len()),
        };
        self.left = left.or(self.left);
        left.is_some()
    }
}

/// Every graph with one of the digests, once, in the order of ids, as far as there is room.
pub(super) fn holding(
    database: &Connection,
    connection: ConnectionId,
    digests: &[Digest],
) -> Result<Read, Failure> {
    let mut holder_of = database.prepare_cached(HOLDER_OF)?;
    let mut ids = BTreeSet::new();
    for digest in digests {
        let holder: Option<GraphId> =
            holder_of.query_row((connection, &digest.0), |row| row.get(0)).optional()?;
        ids.extend(holder);
    }
    let mut read = database.prepare_cached(READ)?;
    let (mut graphs, mut room) = (Vec::new(), Room::new());
    for id in ids {
        let graph = read.query_row([id], Stored::from_row).optional()?;
        if graph.as_ref().is_some_and(|graph| !room.takes(graph)) {
            return Ok((graphs, true));
        }
        graphs.extend(graph);
    }
    Ok((graphs, false))
}

/// Graphs by id; deleted ones are left out.
pub(super) fn by_ids(
    database: &Connection,
    ids: impl IntoIterator<Item = GraphId>,
) -> Result<Vec<Stored>, Failure> {
    let mut read = database.prepare_cached(READ)?;
    let mut graphs = Vec::new();
    for id in ids {
        graphs.extend(read.query_row([id], Stored::from_row).optional()?);
    }
    Ok(graphs)
}

/// Graphs of a connection in the order of ids, as far as there is room.
pub(super) fn walk(
    database: &Connection,
    connection: ConnectionId,
    after: GraphId,
    rows: usize,
) -> Result<Vec<Stored>, Failure> {
    let mut walk = database.prepare_cached(WALK)?;
    let mut rows = walk.query((connection, after, limit(rows)))?;
    let (mut graphs, mut room) = (Vec::new(), Room::new());
    while let Some(row) = rows.next()? {
        let graph = Stored::from_row(row)?;
        if !room.takes(&graph) {
            break;
        }
        graphs.push(graph);
    }
    Ok(graphs)
}

/// Deletes graphs that were merged into another one, so that their digests are free.
pub(super) fn dissolve(
    database: &Connection,
    connection: ConnectionId,
    graphs: &[crate::Row],
    tally: &mut Tally,
) -> Result<(), Failure> {
    for row in graphs {
        forget_counts(database, connection, (row.id, row.version), tally)?;
        database.prepare_cached(DELETE)?.execute([row.id])?;
    }
    Ok(())
}

/// Writes a graph and indexes its new digests.
pub(super) fn save(
    database: &Connection,
    connection: ConnectionId,
    save: &Save,
    body: &Body,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let id = match save.row {
        None => insert(database, connection, save, body)?,
        Some(row) => {
            forget_counts(database, connection, (row.id, row.version), tally)?;
            update(database, row.id, save, body)?;
            row.id
        }
    };
    tally.add(connection, DIRTY, save.dirty.into());
    tally.add(connection, WAITING, save.waiting.into());
    index(database, connection, id, &save.new_digests)
}

/// Subtracts the stored counts of a graph from the tally, and makes sure that its version has not changed since it was read.
fn forget_counts(
    database: &Connection,
    connection: ConnectionId,
    (id, version): (GraphId, i64),
    tally: &mut Tally,
) -> Result<(), Failure> {
    let (dirty, waiting): (i64, i64) = database
        .prepare_cached(COUNTED)?
        .query_row((id, connection, version), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or(Failure::Moved)?;
    tally.add(connection, DIRTY, -dirty);
    tally.add(connection, WAITING, -waiting);
    Ok(())
}

fn insert(
    database: &Connection,
    connection: ConnectionId,
    save: &Save,
    body: &Body,
) -> Result<GraphId, Failure> {
    let (lane, step, due_at) = work(save);
    let Body { graph, counted } = body;
    let values = (connection, lane, step, due_at, save.dirty, save.waiting, graph, counted);
    Ok(database.prepare_cached(INSERT)?.insert(values)?)
}

fn update(database: &Connection, id: GraphId, save: &Save, body: &Body) -> Result<(), Failure> {
    database.prepare_cached(UPDATE)?.execute((save.dirty, save.waiting, &body.graph, &body.counted, id))?;
    let (lane, step, due_at) = work(save);
    database.prepare_cached(SET_WORK)?.execute((lane, step, due_at, id))?;
    Ok(())
}

fn work(save: &Save) -> (Option<&'static str>, Option<&'static str>, Option<i64>) {
    let work = save.work;
    (
        work.map(|work| lane_word(work.lane)),
        work.map(|work| step_word(work.step)),
        work.map(|work| micros(work.due_at)),
    )
}

fn index(
    database: &Connection,
    connection: ConnectionId,
    id: GraphId,
    digests: &[Digest],
) -> Result<(), Failure> {
    let mut index = database.prepare_cached(INDEX)?;
    for digest in digests {
        if index.execute((connection, &digest.0, id))? == 0 {
            return Err(Failure::Moved);
        }
    }
    Ok(())
}
