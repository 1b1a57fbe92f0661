//! Reads all rows of a query.

use sqlite::rusqlite::{Connection, Params, Row};

use super::failure::Failure;

/// The results of `read` for all rows, in their order.
pub(super) fn all<R, C: FromIterator<R>>(
    database: &Connection,
    query: &str,
    parameters: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<R, Failure>,
) -> Result<C, Failure> {
    let mut statement = database.prepare_cached(query)?;
    let rows = statement.query_and_then(parameters, |row| read(row))?;
    rows.collect()
}
