//! Which affiliate code a numeric id belongs to.

use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlx::PgConnection;

use super::failure::Failure;
use super::text::text;
use super::{rows, sql};

const NOTE: &str = "INSERT INTO affiliate_codes (connection, affiliate, code)
    SELECT $1, affiliate, code FROM UNNEST($2::bigint[], $3::text[]) AS new (affiliate, code) ORDER BY affiliate
    ON CONFLICT (connection, affiliate) DO UPDATE SET code = excluded.code";

/// One look into the index for each id, whatever the planner knows of the table.
const READ: &str = "SELECT asked.id, found.code FROM UNNEST($2::bigint[]) AS asked (id) CROSS JOIN LATERAL (
        SELECT code FROM affiliate_codes WHERE connection = $1 AND affiliate = asked.id OFFSET 0) AS found";

/// Notes pairs of ids and codes.
pub(super) async fn note(
    db: &mut PgConnection,
    connection: ConnectionId,
    pairs: &[(u64, String)],
) -> Result<(), Failure> {
    if pairs.is_empty() {
        return Ok(());
    }
    // One statement cannot write a row twice: the last pair counts.
    let pairs: BTreeMap<u64, &String> = pairs.iter().map(|(id, code)| (*id, code)).collect();
    let ids: Vec<i64> = pairs.keys().map(|id| id.cast_signed()).collect();
    let codes: Vec<_> = pairs.values().map(|code| text(code)).collect();
    sql(NOTE).bind(connection).bind(ids).bind(codes).execute(db).await?;
    Ok(())
}

/// The codes that ids belong to, as far as they are known.
pub(super) async fn read(
    db: &mut PgConnection,
    connection: ConnectionId,
    ids: &[u64],
) -> Result<BTreeMap<u64, String>, Failure> {
    let ids: Vec<i64> = ids.iter().map(|id| id.cast_signed()).collect();
    let found: Vec<(i64, String)> = rows(READ).bind(connection).bind(ids).fetch_all(db).await?;
    Ok(found.into_iter().map(|(id, code)| (id.cast_unsigned(), code)).collect())
}
