//! Orphaned dead letters: a delete finds them by the identifiers that they name.

use connections::ConnectionId;
use identity::Digest;
use identity::stamp::Moment;
use sqlx::PgConnection;
use uuid::Uuid;

use super::events::{self, EventHistories};
use super::failure::Failure;
use super::{rows, sql};
use crate::OrphanedDeadLetter;
use crate::words::limit;

const INSERT: &str = "INSERT INTO stray_letters (connection, digest, event_id, said_at)
    SELECT $1, digest, event_id, said_at
    FROM UNNEST($2::bytea[], $3::uuid[], $4::bigint[]) AS new (digest, event_id, said_at)
    ORDER BY digest, event_id ON CONFLICT DO NOTHING";

/// The rows are never updated, so their places (`ctid`) do not change. `OFFSET 0` makes each lookup use the connection and the digest,
/// regardless of the table's statistics.
const COVERED: &str = "DELETE FROM stray_letters WHERE ctid = ANY(ARRAY(
        SELECT covered.place FROM UNNEST($2::bytea[], $3::bigint[]) AS tomb (digest, at) CROSS JOIN LATERAL (
            SELECT s.ctid AS place FROM stray_letters s
            WHERE s.connection = $1 AND s.digest = tomb.digest AND s.said_at <= tomb.at OFFSET 0) AS covered))
    RETURNING event_id";

/// The newest events whose dead letters, or repairs of them, name identifiers in any connection.
const NAMING: &str = "SELECT found.event_id
    FROM connections c CROSS JOIN UNNEST($1::bytea[]) AS wanted (digest) CROSS JOIN LATERAL (
        SELECT event_id FROM stray_letters WHERE connection = c.id AND digest = wanted.digest
        ORDER BY connection DESC, digest DESC, event_id DESC LIMIT $2) AS found";

/// The events whose dead letters name any of some identifiers, at most `most` for each.
pub(super) async fn naming(
    db: &mut PgConnection,
    digests: &[Digest],
    most: usize,
) -> Result<Vec<Uuid>, Failure> {
    let digests: Vec<&[u8]> = digests.iter().map(|digest| &digest.0[..]).collect();
    let found: Vec<(Uuid,)> = rows(NAMING).bind(digests).bind(limit(most)).fetch_all(db).await?;
    Ok(found.into_iter().map(|(event,)| event).collect())
}

/// Stores the identifiers that the events of dead letters name.
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

/// Erases the dead letters that tombstones cover.
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
