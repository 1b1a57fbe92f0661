//! Graphs: reads them by digest or id, and writes them with their versions checked under locks.

use std::collections::BTreeMap;

use connections::ConnectionId;
use identity::Digest;
use sqlx::PgConnection;

use super::failure::Failure;
use super::notes::Tally;
use super::text::integer;
use super::{rows, sql};
use crate::body::Body;
use crate::words::{lane_word, limit, micros, step_word};
use crate::{Changes, GraphId, READ_BYTES, Row, Save, Work};

/// The index scan sorts the array of ids and removes duplicates, so that no bodies are sorted. A body beyond the limit, unless it is the
/// first, is not returned. Digests are looked up one by one: while a table looks small, Postgres would read all digests of the connection
/// for `digest = ANY($2)`, and compare each with each.
const HOLDING: &str = "SELECT id, version, dirty, waiting, counted,
        CASE WHEN SUM(octet_length(body)) OVER all_before <= $3 OR row_number() OVER all_before = 1 THEN body END
    FROM graphs WHERE id = ANY (ARRAY(
        SELECT held.graph FROM UNNEST($2::bytea[]) AS asked (digest) CROSS JOIN LATERAL
            (SELECT graph FROM graph_digests WHERE connection = $1 AND digest = asked.digest OFFSET 0) AS held))
    WINDOW all_before AS (ORDER BY id ROWS UNBOUNDED PRECEDING) ORDER BY id";

const BY_IDS: &str =
    "SELECT id, version, body, dirty, waiting, counted FROM graphs WHERE id = ANY($1) ORDER BY id";

const WALK: &str = "SELECT id, version, dirty, waiting, counted,
        CASE WHEN SUM(octet_length(body)) OVER all_before <= $4 OR row_number() OVER all_before = 1 THEN body END
    FROM (SELECT * FROM graphs WHERE connection = $1 AND id > $2 ORDER BY id LIMIT $3) AS graphs
    WINDOW all_before AS (ORDER BY id ROWS UNBOUNDED PRECEDING) ORDER BY id";

/// Locks in the order of ids.
const LOCK: &str =
    "SELECT id, version FROM graphs WHERE id = ANY($1) AND connection = $2 ORDER BY id FOR UPDATE";

const NEW_IDS: &str = "SELECT nextval(pg_get_serial_sequence('graphs', 'id')) FROM generate_series(1, $1)";

const INSERT: &str = "INSERT INTO graphs (id, connection, version, dirty, waiting, body, counted)
    SELECT id, $1, 1, dirty, waiting, body, counted
    FROM UNNEST($2::bigint[], $3::integer[], $4::integer[], $5::bytea[], $6::bytea[])
        AS new (id, dirty, waiting, body, counted)";

/// The rows come in the order of their ids, and are locked in it. A row whose version has changed is not written, so the number of written
/// rows is too low.
const UPDATE: &str = "UPDATE graphs
    SET version = graphs.version + 1, dirty = new.dirty, waiting = new.waiting, body = new.body, counted = new.counted
    FROM UNNEST($2::bigint[], $3::integer[], $4::integer[], $5::bytea[], $6::bytea[], $7::bigint[])
        AS new (id, dirty, waiting, body, counted, version)
    WHERE graphs.id = new.id AND graphs.version = new.version AND graphs.connection = $1";

const DELETE: &str = "DELETE FROM graphs WHERE id = ANY($1)";

const SET_WORK: &str = "INSERT INTO work (graph, connection, lane, step, due_at)
    SELECT graph, $1, lane, step, due_at
    FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::bigint[]) AS new (graph, lane, step, due_at)
    ON CONFLICT (graph) DO UPDATE
        SET lane = excluded.lane, step = excluded.step, due_at = excluded.due_at
        WHERE (work.lane, work.step, work.due_at) <> (excluded.lane, excluded.step, excluded.due_at)";

const NO_WORK: &str = "DELETE FROM work WHERE graph = ANY($1)";

/// A digest moves to another graph only if its previous graph dissolves in this transaction. A refused digest is locked
/// as well, so that [`TAKE_OVER`] can check it.
const INDEX: &str = "INSERT INTO graph_digests (connection, digest, graph)
    SELECT $1, digest, graph FROM UNNEST($2::bytea[], $3::bigint[]) AS new (digest, graph)
    ON CONFLICT (connection, digest) DO UPDATE SET graph = excluded.graph
        WHERE graph_digests.graph = excluded.graph OR graph_digests.graph = ANY($4)";

/// Takes digests whose graph was dissolved before. It is a separate statement, because it has to see rows that were written meanwhile. It
/// finds rows by their places (`ctid`) with one index lookup each, because a generic plan may read all digests of the connection; [`INDEX`]
/// has locked them, so their places do not change.
const TAKE_OVER: &str = "UPDATE graph_digests SET graph = new.graph
    FROM UNNEST($2::bytea[], $3::bigint[]) AS new (digest, graph)
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM graph_digests WHERE connection = $1 AND digest = new.digest OFFSET 0) AS found
    WHERE graph_digests.ctid = found.place
        AND (graph_digests.graph = new.graph
            OR NOT EXISTS (SELECT 1 FROM graphs WHERE id = graph_digests.graph))";

/// A graph in its stored form.
pub(super) type Stored = (GraphId, i64, Vec<u8>, i32, i32, Option<Vec<u8>>);

/// A graph that was found, without its body if there is no room for it.
type LookedAt = (GraphId, i64, i32, i32, Option<Vec<u8>>, Option<Vec<u8>>);

/// The graphs for which there was room, and whether some are left out.
fn with_bodies(found: Vec<LookedAt>) -> (Vec<Stored>, bool) {
    let all = found.len();
    let with_body = |(id, version, dirty, waiting, counted, body): LookedAt| {
        Some((id, version, body?, dirty, waiting, counted))
    };
    let graphs: Vec<Stored> = found.into_iter().map_while(with_body).collect();
    let partial = graphs.len() < all;
    (graphs, partial)
}

/// Every graph with one of the digests, once, in the order of ids, as far as there is room; and whether some are left
/// out.
pub(super) async fn holding(
    db: &mut PgConnection,
    connection: ConnectionId,
    digests: &[Digest],
) -> Result<(Vec<Stored>, bool), Failure> {
    let digests: Vec<&[u8]> = digests.iter().map(|digest| &digest.0[..]).collect();
    let holding = rows(HOLDING).bind(connection).bind(digests).bind(limit(READ_BYTES));
    Ok(with_bodies(holding.fetch_all(db).await?))
}

/// Graphs by id; deleted ones are left out.
pub(super) async fn by_ids(db: &mut PgConnection, ids: &[GraphId]) -> Result<Vec<Stored>, Failure> {
    Ok(rows(BY_IDS).bind(ids).fetch_all(db).await?)
}

/// Graphs of a connection in the order of ids, as far as there is room.
pub(super) async fn walk(
    db: &mut PgConnection,
    connection: ConnectionId,
    after: GraphId,
    most: usize,
) -> Result<Vec<Stored>, Failure> {
    let walk = rows(WALK).bind(connection).bind(after).bind(limit(most)).bind(limit(READ_BYTES));
    Ok(with_bodies(walk.fetch_all(db).await?).0)
}

/// Writes graphs, dissolves others, and indexes digests. `bodies` are those of the saves, in their order.
///
/// Rows are locked beforehand only if graphs dissolve. Otherwise the version is enough: if the update finds the same version, all data that
/// was read with it is unchanged.
pub(super) async fn write(
    db: &mut PgConnection,
    changes: &Changes,
    bodies: &[Body],
    tally: &mut Tally,
) -> Result<(), Failure> {
    let Changes { connection, saves, dissolved, .. } = changes;
    let connection = *connection;
    let gone: Vec<GraphId> = dissolved.iter().map(|row| row.id).collect();
    if !gone.is_empty() {
        lock(db, connection, saves, dissolved).await?;
        sql(DELETE).bind(&gone).execute(&mut *db).await?;
    }
    for row in dissolved.iter().copied().chain(saves.iter().filter_map(|save| save.row)) {
        tally.graph(-i64::from(row.dirty), -i64::from(row.waiting));
    }
    for save in saves {
        tally.graph(save.dirty.into(), save.waiting.into());
    }
    let ids = ids(db, saves).await?;
    insert(db, connection, saves, bodies, &ids).await?;
    update(db, connection, saves, bodies).await?;
    write_work(db, connection, saves, &ids, dissolved).await?;
    index(db, connection, saves, &ids, &gone).await
}

/// Locks all rows that were read, in the order of ids, and makes sure that the ones to dissolve have not changed.
async fn lock(
    db: &mut PgConnection,
    connection: ConnectionId,
    saves: &[Save],
    dissolved: &[Row],
) -> Result<(), Failure> {
    let read = saves.iter().filter_map(|save| save.row).chain(dissolved.iter().copied());
    let ids: Vec<GraphId> = read.map(|row| row.id).collect();
    let locked: Vec<(GraphId, i64)> = rows(LOCK).bind(ids).bind(connection).fetch_all(db).await?;
    let locked: BTreeMap<GraphId, i64> = locked.into_iter().collect();
    let stands = |row: &Row| locked.get(&row.id) == Some(&row.version);
    if dissolved.iter().all(stands) { Ok(()) } else { Err(Failure::Moved) }
}

/// The ids of the saves, new ones for new graphs.
async fn ids(db: &mut PgConnection, saves: &[Save]) -> Result<Vec<GraphId>, Failure> {
    let new = saves.iter().filter(|save| save.row.is_none()).count();
    let mut new_ids: Vec<(GraphId,)> = Vec::new();
    if new > 0 {
        new_ids = rows(NEW_IDS).bind(limit(new)).fetch_all(db).await?;
    }
    let mut new_ids = new_ids.into_iter();
    let mut id = |save: &Save| save.row.map(|row| row.id).or_else(|| new_ids.next().map(|id| id.0));
    saves.iter().map(&mut id).collect::<Option<_>>().ok_or_else(|| Failure::Broken("ids ran out".to_owned()))
}

/// Rows of graphs, column by column.
#[derive(Default)]
struct Columns<'b> {
    ids: Vec<GraphId>,
    dirty: Vec<i32>,
    waiting: Vec<i32>,
    bodies: Vec<&'b [u8]>,
    counted: Vec<Option<&'b [u8]>>,
}

impl<'b> Columns<'b> {
    fn add(&mut self, id: GraphId, save: &Save, body: &'b Body) {
        self.ids.push(id);
        self.dirty.push(integer(save.dirty));
        self.waiting.push(integer(save.waiting));
        self.bodies.push(&body.graph);
        self.counted.push(body.counted.as_deref());
    }
}

async fn insert(
    db: &mut PgConnection,
    connection: ConnectionId,
    saves: &[Save],
    bodies: &[Body],
    ids: &[GraphId],
) -> Result<(), Failure> {
    let mut new = Columns::default();
    for ((save, body), id) in saves.iter().zip(bodies).zip(ids).filter(|((save, _), _)| save.row.is_none()) {
        new.add(*id, save, body);
    }
    if !new.ids.is_empty() {
        let insert = sql(INSERT).bind(connection).bind(new.ids).bind(new.dirty).bind(new.waiting);
        insert.bind(new.bodies).bind(new.counted).execute(db).await?;
    }
    Ok(())
}

async fn update(
    db: &mut PgConnection,
    connection: ConnectionId,
    saves: &[Save],
    bodies: &[Body],
) -> Result<(), Failure> {
    let mut read: Vec<(Row, &Save, &Body)> =
        saves.iter().zip(bodies).filter_map(|(save, body)| Some((save.row?, save, body))).collect();
    if read.is_empty() {
        return Ok(());
    }
    read.sort_by_key(|(row, ..)| row.id);
    let versions: Vec<i64> = read.iter().map(|(row, ..)| row.version).collect();
    let mut known = Columns::default();
    for (row, save, body) in read {
        known.add(row.id, save, body);
    }
    let all = u64::try_from(versions.len()).unwrap_or(u64::MAX);
    let update = sql(UPDATE).bind(connection).bind(known.ids).bind(known.dirty).bind(known.waiting);
    let written = update.bind(known.bodies).bind(known.counted).bind(versions).execute(db).await?;
    if written.rows_affected() == all { Ok(()) } else { Err(Failure::Moved) }
}

/// A graph without anything dirty had no work.
async fn write_work(
    db: &mut PgConnection,
    connection: ConnectionId,
    saves: &[Save],
    ids: &[GraphId],
    dissolved: &[Row],
) -> Result<(), Failure> {
    let idle = saves.iter().filter(|save| save.work.is_none()).filter_map(|save| save.row);
    let idle: Vec<GraphId> =
        idle.chain(dissolved.iter().copied()).filter(|row| row.dirty > 0).map(|row| row.id).collect();
    if !idle.is_empty() {
        sql(NO_WORK).bind(idle).execute(&mut *db).await?;
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
    sql(SET_WORK).bind(connection).bind(graphs).bind(lanes).bind(steps).bind(due).execute(db).await?;
    Ok(())
}

async fn index(
    db: &mut PgConnection,
    connection: ConnectionId,
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
    let insert = sql(INDEX).bind(connection).bind(&digests).bind(&graphs).bind(gone);
    let all = u64::try_from(new.len()).unwrap_or(u64::MAX);
    if insert.execute(&mut *db).await?.rows_affected() == all {
        return Ok(());
    }
    let taken = sql(TAKE_OVER).bind(connection).bind(&digests).bind(&graphs).execute(db).await?;
    if taken.rows_affected() == all { Ok(()) } else { Err(Failure::Moved) }
}
