//! Affiliate codes by numeric id.

use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::failure::Failure;

const NOTE: &str = "INSERT INTO affiliate_codes (connection, affiliate, code) VALUES (?1, ?2, ?3)
    ON CONFLICT (connection, affiliate) DO UPDATE SET code = excluded.code";

const READ: &str = "SELECT code FROM affiliate_codes WHERE connection = ?1 AND affiliate = ?2";

/// Notes pairs of ids and codes.
pub(super) fn note(
    database: &Connection,
    connection: ConnectionId,
    pairs: &[(u64, String)],
) -> Result<(), Failure> {
    let mut note = database.prepare_cached(NOTE)?;
    for (id, code) in pairs {
        note.execute((connection, id.cast_signed(), code))?;
    }
    Ok(())
}

/// The known codes of ids.
pub(super) fn read(
    database: &Connection,
    connection: ConnectionId,
    ids: &[u64],
) -> Result<BTreeMap<u64, String>, Failure> {
    let mut read = database.prepare_cached(READ)?;
    let mut codes = BTreeMap::new();
    for id in ids {
        let code = read.query_row((connection, id.cast_signed()), |row| row.get(0)).optional()?;
        codes.extend(code.map(|code| (*id, code)));
    }
    Ok(codes)
}
