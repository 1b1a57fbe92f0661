//! Tests of the work for a page: a later page of a list takes about as many steps of SQLite's virtual machine as the
//! first one. Source: <https://sqlite.org/c3ref/c_stmtstatus_counter.html>.

use sqlite::rusqlite::{Connection, StatementStatus};

use super::MIGRATIONS;

/// The number of rows of a list in these tests.
pub(super) const ROWS: i64 = 3_000;

/// A ledger in memory with plans, dead letters, items of one plan and lines of the audit, [`ROWS`] of each. Ten of them are of
/// the same microsecond.
pub(super) fn ledger() -> Connection {
    let mut database = Connection::open_in_memory().expect("memory");
    sqlite::migrate(&mut database, &MIGRATIONS).expect("migrated");
    database
        .execute_batch(&format!(
            "CREATE TEMP TABLE n AS
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) SELECT i FROM n;
            INSERT INTO events (id, event_id, connection, kind, lane, received_at, found_by, state, outcome, ended_at)
                SELECT i, CAST(printf('%016d', i) AS BLOB), 1, 'identify', 'live', 0, x'', 'dead', 1, 5 FROM n;
            INSERT INTO dead_letters (id, event, connection, class, cause, attempts, died_at, state, group_key, person)
                SELECT i, i, 1, 'refused', 'cause', 1, i / 10, 'open', 'group', CAST(printf('%016d', i) AS BLOB) FROM n;
            INSERT INTO plan_items (plan, letter, event, connection, person, group_key, state, died_at)
                SELECT 9, i, CAST(printf('%016d', i) AS BLOB), 1, CAST(printf('%016d', i) AS BLOB), 'group', 'planned', 5 FROM n;
            INSERT INTO plans (id, state, created_at, expires_at, frame, options, progress)
                SELECT i, 'done', 0, 0, '{{}}', '{{}}', '{{}}' FROM n;
            INSERT INTO audit (connection, at, actor, action, subject) SELECT 1, i / 10, 'ann', 'act', '' FROM n;"
        ))
        .expect("filled");
    database
}

/// The number of steps that a cached statement takes during some work.
pub(super) fn steps(database: &Connection, statement: &str, work: impl FnOnce(&Connection)) -> i32 {
    let prepared = || database.prepare_cached(statement).expect("a statement");
    prepared().reset_status(StatementStatus::VmStep);
    work(database);
    prepared().get_status(StatementStatus::VmStep)
}

/// Fails if a late page took more than one and a half times the steps of the first one.
pub(super) fn assert_as_cheap(late: i32, first: i32) {
    assert!(first > 0 && late > 0, "both pages were read: {first}, {late}");
    assert!(2 * late <= 3 * first, "{late} steps, and {first} for the first page");
}
