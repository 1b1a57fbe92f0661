//! Dead letters of events that no graph keeps: a delete finds them by the identifiers that they name.

use connections::ConnectionId;
use identity::Digest;
use identity::stamp::Moment;
use sqlx::PgConnection;
use uuid::Uuid;

use super::events::{self, EventHistories};
use super::failure::Failure;
use super::{rows, sql};
use crate::OrphanedDeadLetter;

const INSERT: &str = "INSERT INTO stray_letters (connection, digest, event_id, said_at)
    SELECT $1, digest, event_id, said_at
    FROM UNNEST($2::bytea[], $3::uuid[], $4::bigint[]) AS new (digest, event_id, said_at)
    ORDER BY digest, event_id ON CONFLICT DO NOTHING";

/// The rows are never updated, so their places stay. `OFFSET 0` makes each look use the connection and the digest, whatever the planner
/// knows of the table.
const COVERED: &str = "DELETE FROM stray_letters WHERE ctid = ANY(ARRAY(
        SELECT covered.place FROM UNNEST($2::bytea[], $3::bigint[]) AS tomb (digest, at) CROSS JOIN LATERAL (
            SELECT s.ctid AS place FROM stray_letters s
            WHERE s.connection = $1 AND s.digest = tomb.digest AND s.said_at <= tomb.at OFFSET 0) AS covered))
    RETURNING event_id";

/// Remembers whom the events of dead letters name.
pub(super) async fn remember(
    db: &mut PgConnection,
    connection: ConnectionId,
    orphans: &[OrphanedDeadLetter],
    histories: &EventHistories,
) -> Result<(), Failure> {
    let known = orphans.iter().filter(|orphan| histories.contains_key(&orphan.event));
    let named = known.flat_map(|orphan| orphan.named.iter().map(move |digest| (digest, orphan)));
    let (mut digests, mut events, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for (digest, orphan) in named {
        digests.push(&digest.0[..]);
        events.push(orphan.event);
        times.push(orphan.stated_at.0);
    }
    if !digests.is_empty() {
        sql(INSERT).bind(connection).bind(digests).bind(events).bind(times).execute(db).await?;
    }
    Ok(())
}

/// Erases what tombstones cover.
pub(super) async fn erase(
    db: &mut PgConnection,
    connection: ConnectionId,
    tombstones: &[(Digest, Moment)],
) -> Result<(), Failure> {
    if tombstones.is_empty() {
        return Ok(());
    }
    let digests: Vec<&[u8]> = tombstones.iter().map(|(digest, _)| &digest.0[..]).collect();
    let times: Vec<i64> = tombstones.iter().map(|(_, at)| at.0).collect();
    let covered = rows(COVERED).bind(connection).bind(digests).bind(times);
    let covered: Vec<(Uuid,)> = covered.fetch_all(&mut *db).await?;
    let mut covered: Vec<Uuid> = covered.into_iter().map(|(event,)| event).collect();
    covered.sort_unstable();
    covered.dedup();
    events::erase_all(db, &covered).await
}
