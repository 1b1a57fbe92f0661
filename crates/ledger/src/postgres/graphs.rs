//! Graphs: read by digest or id, written with their versions checked under locks.

use std::collections::BTreeMap;

use connections::ConnectionId;
use people::Digest;
use sqlx_postgres::PgConnection;

use super::failure::Failure;
use super::notes::Tally;
use super::{rows, sql};
use crate::words::{lane_word, limit, micros, step_word};
use crate::{GraphId, Save, Work};

const HOLDING: &str = "SELECT id, version, body FROM graphs WHERE id IN
    (SELECT graph FROM graph_digests WHERE connection = $1 AND digest = ANY($2)) ORDER BY id";

const BY_IDS: &str = "SELECT id, version, body FROM graphs WHERE id = ANY($1) ORDER BY id";

const WALK: &str =
    "SELECT id, version, body FROM graphs WHERE connection = $1 AND id > $2 ORDER BY id LIMIT $3";

/// Locks in the order of ids. Work changes only with its graph's version, so if that is the one that was read, the rest
/// of the row is as it is now.
const LOCK: &str = "SELECT g.id, g.version, g.dirty, g.waiting, w.graph IS NOT NULL
    FROM graphs g LEFT JOIN work w ON w.graph = g.id
    WHERE g.id = ANY($1) AND g.connection = $2 ORDER BY g.id FOR UPDATE OF g";

const NEW_IDS: &str = "SELECT nextval(pg_get_serial_sequence('graphs', 'id')) FROM generate_series(1, $1)";

const INSERT: &str = "INSERT INTO graphs (id, connection, version, dirty, waiting, body)
    SELECT id, $1, 1, dirty, waiting, body
    FROM UNNEST($2::bigint[], $3::integer[], $4::integer[], $5::text[]) AS new (id, dirty, waiting, body)";

const UPDATE: &str = "UPDATE graphs
    SET version = version + 1, dirty = new.dirty, waiting = new.waiting, body = new.body
    FROM UNNEST($1::bigint[], $2::integer[], $3::integer[], $4::text[]) AS new (id, dirty, waiting, body)
    WHERE graphs.id = new.id";

const DELETE: &str = "DELETE FROM graphs WHERE id = ANY($1)";

const SET_WORK: &str = "INSERT INTO work (graph, connection, lane, step, due_at)
    SELECT graph, $1, lane, step, due_at
    FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::bigint[]) AS new (graph, lane, step, due_at)
    ON CONFLICT (graph) DO UPDATE
        SET lane = excluded.lane, step = excluded.step, due_at = excluded.due_at
        WHERE (work.lane, work.step, work.due_at) <> (excluded.lane, excluded.step, excluded.due_at)";

const NO_WORK: &str = "DELETE FROM work WHERE graph = ANY($1)";

/// A digest changes hands only where the graph that had it dissolves in this transaction. One that is refused is locked
/// all the same, so that [`TAKE_OVER`] can judge it.
const INDEX: &str = "INSERT INTO graph_digests (connection, digest, graph)
    SELECT $1, digest, graph FROM UNNEST($2::bytea[], $3::bigint[]) AS new (digest, graph)
    ON CONFLICT (connection, digest) DO UPDATE SET graph = excluded.graph
        WHERE graph_digests.graph = excluded.graph OR graph_digests.graph = ANY($4)";

/// Digests whose graph was dissolved before: a statement of its own, because it has to see who wrote meanwhile.
const TAKE_OVER: &str = "UPDATE graph_digests SET graph = new.graph
    FROM UNNEST($2::bytea[], $3::bigint[]) AS new (digest, graph)
    WHERE graph_digests.connection = $1 AND graph_digests.digest = new.digest
        AND (graph_digests.graph = new.graph
            OR NOT EXISTS (SELECT 1 FROM graphs WHERE id = graph_digests.graph))";

/// A graph as it is stored.
pub(super) type Stored = (GraphId, i64, String);

/// A locked graph: id, version, dirty, waiting, whether it has work.
type Locked = (GraphId, i64, i32, i32, bool);

/// Every graph that holds one of the digests, once, in the order of ids.
pub(super) async fn holding(
    connection: &mut PgConnection,
    of: ConnectionId,
    digests: &[Digest],
) -> Result<Vec<Stored>, Failure> {
    let digests: Vec<&[u8]> = digests.iter().map(|digest| &digest.0[..]).collect();
    Ok(rows(HOLDING).bind(of).bind(digests).fetch_all(connection).await?)
}

/// Graphs by id; those that are gone are left out.
pub(super) async fn by_ids(connection: &mut PgConnection, ids: &[GraphId]) -> Result<Vec<Stored>, Failure> {
    Ok(rows(BY_IDS).bind(ids).fetch_all(connection).await?)
}

/// Graphs of a connection in the order of ids.
pub(super) async fn walk(
    connection: &mut PgConnection,
    of: ConnectionId,
    after: GraphId,
    most: usize,
) -> Result<Vec<Stored>, Failure> {
    Ok(rows(WALK).bind(of).bind(after).bind(limit(most)).fetch_all(connection).await?)
}

/// Writes graphs, dissolves others, and indexes digests; what `bodies` holds belongs to the saves in their order.
pub(super) async fn write(
    connection: &mut PgConnection,
    of: ConnectionId,
    saves: &[Save],
    bodies: &[String],
    dissolved: &[(GraphId, i64)],
    tally: &mut Tally,
) -> Result<(), Failure> {
    let locked = lock(connection, of, saves, dissolved, tally).await?;
    let ids = ids(connection, saves).await?;
    let gone: Vec<GraphId> = dissolved.iter().map(|(id, _)| *id).collect();
    if !gone.is_empty() {
        sql(DELETE).bind(&gone).execute(&mut *connection).await?;
    }
    for save in saves {
        tally.graph(save.dirty.into(), save.waiting.into());
    }
    write_bodies(connection, of, saves, bodies, &ids).await?;
    write_work(connection, of, saves, &ids, &gone, &locked).await?;
    index(connection, of, saves, &ids, &gone).await
}

/// Locks the rows that were read, makes sure that they are the versions that were read, and takes them off the counts.
async fn lock(
    connection: &mut PgConnection,
    of: ConnectionId,
    saves: &[Save],
    dissolved: &[(GraphId, i64)],
    tally: &mut Tally,
) -> Result<BTreeMap<GraphId, Locked>, Failure> {
    let read: BTreeMap<GraphId, i64> =
        saves.iter().filter_map(|save| save.row).chain(dissolved.iter().copied()).collect();
    if read.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<GraphId> = read.keys().copied().collect();
    let locked: Vec<Locked> = rows(LOCK).bind(ids).bind(of).fetch_all(connection).await?;
    let locked: BTreeMap<GraphId, Locked> = locked.into_iter().map(|row| (row.0, row)).collect();
    for (id, version) in read {
        let row = locked.get(&id).filter(|row| row.1 == version).ok_or(Failure::Moved)?;
        tally.graph(-i64::from(row.2), -i64::from(row.3));
    }
    Ok(locked)
}

/// The ids of the saves, new ones for new graphs.
async fn ids(connection: &mut PgConnection, saves: &[Save]) -> Result<Vec<GraphId>, Failure> {
    let new = saves.iter().filter(|save| save.row.is_none()).count();
    let mut new_ids: Vec<(GraphId,)> = Vec::new();
    if new > 0 {
        new_ids = rows(NEW_IDS).bind(limit(new)).fetch_all(connection).await?;
    }
    let mut new_ids = new_ids.into_iter();
    let mut id = |save: &Save| save.row.map(|row| row.0).or_else(|| new_ids.next().map(|id| id.0));
    saves.iter().map(&mut id).collect::<Option<_>>().ok_or_else(|| Failure::Broken("ids ran out".to_owned()))
}

async fn write_bodies(
    connection: &mut PgConnection,
    of: ConnectionId,
    saves: &[Save],
    bodies: &[String],
    ids: &[GraphId],
) -> Result<(), Failure> {
    for new in [false, true] {
        let (mut rows, mut dirty, mut waiting, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let all = saves.iter().zip(bodies).zip(ids);
        for ((save, body), id) in all.filter(|((save, _), _)| save.row.is_none() == new) {
            rows.push(*id);
            dirty.push(super::text::integer(save.dirty));
            waiting.push(super::text::integer(save.waiting));
            texts.push(body.as_str());
        }
        if rows.is_empty() {
            continue;
        }
        let write = if new { sql(INSERT).bind(of) } else { sql(UPDATE) };
        write.bind(rows).bind(dirty).bind(waiting).bind(texts).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_work(
    connection: &mut PgConnection,
    of: ConnectionId,
    saves: &[Save],
    ids: &[GraphId],
    gone: &[GraphId],
    locked: &BTreeMap<GraphId, Locked>,
) -> Result<(), Failure> {
    let had_work = |id: &GraphId| locked.get(id).is_some_and(|row| row.4);
    let idle = saves.iter().zip(ids).filter(|(save, _)| save.work.is_none()).map(|(_, id)| *id);
    let idle: Vec<GraphId> = idle.chain(gone.iter().copied()).filter(had_work).collect();
    if !idle.is_empty() {
        sql(NO_WORK).bind(idle).execute(&mut *connection).await?;
    }
    let busy: Vec<(GraphId, Work)> =
        saves.iter().zip(ids).filter_map(|(save, id)| Some((*id, save.work?))).collect();
    if busy.is_empty() {
        return Ok(());
    }
    let graphs: Vec<GraphId> = busy.iter().map(|(id, _)| *id).collect();
    let lanes: Vec<&str> = busy.iter().map(|(_, work)| lane_word(work.lane)).collect();
    let steps: Vec<&str> = busy.iter().map(|(_, work)| step_word(work.step)).collect();
    let due: Vec<i64> = busy.iter().map(|(_, work)| micros(work.due_at)).collect();
    sql(SET_WORK).bind(of).bind(graphs).bind(lanes).bind(steps).bind(due).execute(connection).await?;
    Ok(())
}

async fn index(
    connection: &mut PgConnection,
    of: ConnectionId,
    saves: &[Save],
    ids: &[GraphId],
    gone: &[GraphId],
) -> Result<(), Failure> {
    let mut new = BTreeMap::new();
    for (save, id) in saves.iter().zip(ids) {
        for digest in &save.new_digests {
            if new.insert(*digest, *id).is_some_and(|other| other != *id) {
                return Err(Failure::Moved);
            }
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let digests: Vec<&[u8]> = new.keys().map(|digest| &digest.0[..]).collect();
    let graphs: Vec<GraphId> = new.values().copied().collect();
    let insert = sql(INDEX).bind(of).bind(&digests).bind(&graphs).bind(gone);
    let all = u64::try_from(new.len()).unwrap_or(u64::MAX);
    if insert.execute(&mut *connection).await?.rows_affected() == all {
        return Ok(());
    }
    let taken = sql(TAKE_OVER).bind(of).bind(&digests).bind(&graphs).execute(connection).await?;
    if taken.rows_affected() == all { Ok(()) } else { Err(Failure::Moved) }
}
