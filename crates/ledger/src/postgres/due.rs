//! Due graphs, and the progress of a walk through all graphs.

use connections::ConnectionId;
use identity::graph::Lane;
use identity::plan::StepKind;
use jiff::Timestamp;
use sqlx::PgConnection;

use super::failure::Failure;
use super::graphs::Stored;
use super::{rows, sql};
use crate::words::{LANES, lane_word, limit, micros, step_word, time};
use crate::{FURTHEST_DUE, GraphId, READ_BYTES, Want};

/// One index lookup for each lane and step, and one for times that were written while the clock was wrong; then reads the bodies of the
/// found graphs.
const DUE: &str = "SELECT g.id, g.version, g.dirty, g.waiting, g.counted,
        CASE WHEN SUM(octet_length(g.body)) OVER all_before <= $7 OR row_number() OVER all_before = 1 THEN g.body END,
        due.place, due.due_at
    FROM UNNEST($2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS want (lane, step, most, place)
    CROSS JOIN LATERAL (
        (SELECT w.graph, w.due_at, want.place FROM work w
        WHERE w.connection = $1 AND w.lane = want.lane AND w.step = want.step AND w.due_at <= $5
            AND w.graph NOT IN (SELECT UNNEST($6::bigint[]))
        ORDER BY w.due_at, w.graph LIMIT want.most)
        UNION ALL
        (SELECT w.graph, w.due_at, want.place FROM work w
        WHERE w.connection = $1 AND w.lane = want.lane AND w.step = want.step AND w.due_at > $8
            AND w.graph NOT IN (SELECT UNNEST($6::bigint[]))
        ORDER BY w.due_at, w.graph LIMIT want.most)
        LIMIT want.most
    ) due
    JOIN graphs g ON g.id = due.graph
    WINDOW all_before AS (PARTITION BY due.place ORDER BY due.due_at, g.id ROWS UNBOUNDED PRECEDING)
    ORDER BY due.place, due.due_at, g.id";

/// The first entry of the index for each lane and step.
const NEXT: &str = "SELECT MIN(first.due_at)
    FROM UNNEST($2::text[], $3::text[]) AS kind (lane, step)
    CROSS JOIN LATERAL (
        SELECT w.due_at FROM work w
        WHERE w.connection = $1 AND w.lane = kind.lane AND w.step = kind.step ORDER BY w.due_at LIMIT 1
    ) first";

const WALK: &str = "SELECT c.settings_version, w.settings_version, w.position
    FROM connections c LEFT JOIN walks w ON w.connection = c.id WHERE c.id = $1";

const SET_WALK: &str = "INSERT INTO walks (connection, settings_version, position) VALUES ($1, $2, $3)
    ON CONFLICT (connection) DO UPDATE SET
        settings_version = excluded.settings_version, position = excluded.position
    WHERE walks.settings_version <= excluded.settings_version";

/// A graph, its body if there is room for it, the place of its kind among the requested ones, and its due time.
type Found = (GraphId, i64, i32, i32, Option<Vec<u8>>, Option<Vec<u8>>, i64, i64);

/// A due graph in its stored form.
pub(super) struct StoredDue {
    pub(super) graph: Stored,
    pub(super) lane: Lane,
    pub(super) step: StepKind,
    pub(super) due_at: Timestamp,
}

/// Due graphs, oldest first within each lane and step, as far as there is room.
pub(super) async fn graphs(
    db: &mut PgConnection,
    connection: ConnectionId,
    now: Timestamp,
    want: &Want,
) -> Result<Vec<StoredDue>, Failure> {
    let kinds: Vec<(Lane, StepKind)> = want.limits.keys().copied().collect();
    let lanes: Vec<&str> = kinds.iter().map(|kind| lane_word(kind.0)).collect();
    let steps: Vec<&str> = kinds.iter().map(|kind| step_word(kind.1)).collect();
    let most: Vec<i64> = want.limits.values().map(|most| limit(*most)).collect();
    let furthest = now.saturating_add(FURTHEST_DUE).unwrap_or(Timestamp::MAX);
    let query =
        rows(DUE).bind(connection).bind(lanes).bind(steps).bind(most).bind(micros(now)).bind(&want.except);
    let query = query.bind(limit(READ_BYTES)).bind(micros(furthest));
    let found: Vec<Found> = query.fetch_all(db).await?;
    let with_body = |(id, version, dirty, waiting, counted, body, place, due_at): Found| {
        Some(((id, version, body?, dirty, waiting, counted), place, due_at))
    };
    let due = |(graph, place, due_at): (Stored, i64, i64)| {
        let kind = usize::try_from(place - 1).ok().and_then(|place| kinds.get(place));
        let (lane, step) =
            *kind.ok_or_else(|| Failure::Broken("a kind that was not asked for".to_owned()))?;
        Ok(StoredDue { graph, lane, step, due_at: time(due_at)? })
    };
    found.into_iter().filter_map(with_body).map(due).collect()
}

/// When the next graph becomes due.
pub(super) async fn next(
    db: &mut PgConnection,
    connection: ConnectionId,
) -> Result<Option<Timestamp>, Failure> {
    let kinds = LANES
        .iter()
        .flat_map(|lane| StepKind::ALL.iter().map(move |step| (lane_word(*lane), step_word(*step))));
    let (lanes, steps): (Vec<&str>, Vec<&str>) = kinds.unzip();
    let (earliest,): (Option<i64>,) =
        rows(NEXT).bind(connection).bind(lanes).bind(steps).fetch_one(db).await?;
    Ok(earliest.map(time).transpose()?)
}

/// The progress of the walk for the newest settings; see [`crate::Schedule::walk_position`].
pub(super) async fn walk_position(
    db: &mut PgConnection,
    connection: ConnectionId,
) -> Result<Option<(i64, GraphId)>, Failure> {
    let found: Option<(i64, Option<i64>, Option<GraphId>)> =
        rows(WALK).bind(connection).fetch_optional(db).await?;
    Ok(found.and_then(|(newest, walked, position)| match walked {
        Some(version) if version >= newest => position.map(|position| (version, position)),
        _ => Some((newest, 0)),
    }))
}

/// Stores the progress of a walk. Progress for older settings than those of the current walk is ignored.
pub(super) async fn set_walk_position(
    db: &mut PgConnection,
    connection: ConnectionId,
    version: i64,
    position: Option<GraphId>,
) -> Result<(), Failure> {
    sql(SET_WALK).bind(connection).bind(version).bind(position).execute(db).await?;
    Ok(())
}
