//! Affiliate codes by numeric id.

use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlx::PgConnection;

use super::failure::Failure;
use super::text::text;
use super::{rows, sql};

const NOTE: &str = "INSERT INTO affiliate_codes (connection, affiliate, code)
    SELECT $1, affiliate, code FROM UNNEST($2::bigint[], $3::text[]) AS new (affiliate, code) ORDER BY affiliate
    ON CONFLICT (connection, affiliate) DO UPDATE SET code = excluded.code";

/// One index lookup for each id, even if the statistics of the table are out of date.
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
    // One statement cannot write a row twice, so the last pair counts.
    let pairs: BTreeMap<u64, &String> = pairs.iter().map(|(id, code)| (*id, code)).collect();
    let ids: Vec<i64> = pairs.keys().map(|id| id.cast_signed()).collect();
    let codes: Vec<_> = pairs.values().map(|code| text(code)).collect();
    sql(NOTE).bind(connection).bind(ids).bind(codes).execute(db).await?;
    Ok(())
}

/// The known codes of ids.
pub(super) async fn read(
    db: &mut PgConnection,
    connection: ConnectionId,
    ids: &[u64],
) -> Result<BTreeMap<u64, String>, Failure> {
    let ids: Vec<i64> = ids.iter().map(|id| id.cast_signed()).collect();
    let found: Vec<(i64, String)> = rows(READ).bind(connection).bind(ids).fetch_all(db).await?;
    Ok(found.into_iter().map(|(id, code)| (id.cast_unsigned(), code)).collect())
}
