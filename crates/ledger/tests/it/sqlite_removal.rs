//! A connection is removed page by page, so that others can write meanwhile; none of its data stays.

use connections::Registry as _;
use jiff::Timestamp;
use ledger::sqlite::SqliteLedger;
use ledger::{Expiring, Housekeeping as _};
use sqlite::rusqlite::Connection;
use tempfile::TempDir;

const REMOVED: i64 = 1;
const KEPT: i64 = 2;

/// The number of events of each connection: more than fit on one page.
const EVENTS: i64 = 1_500;

/// Events of two connections in turn, half of them dead letters that a plan has reserved, and the data of their persons.
fn fill(file: &Connection) {
    file.execute_batch(&format!(
        "BEGIN;
        INSERT INTO connections (id, name, settings, created_at, write_key)
            VALUES ({REMOVED}, 'gone', '{{}}', 0, 'w1'), ({KEPT}, 'stays', '{{}}', 0, 'w2');
        CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {EVENTS} * 2)
            SELECT i, 1 + i % 2 AS connection FROM n;
        INSERT INTO events (id, event_id, connection, kind, lane, received_at, found_by, state, outcome, ended_at)
            SELECT i, CAST(printf('%016d', i) AS BLOB), connection, 'identify', 'live', 0, x'', 'dead', 1, 5 FROM n;
        INSERT INTO payloads SELECT i, '{{}}' FROM n;
        INSERT INTO outcomes (event, number, state, at) SELECT i, 1, 'dead', 5 FROM n;
        INSERT INTO dead_letters (id, event, connection, class, cause, attempts, died_at, state, group_key, person)
            SELECT i, i, connection, 'refused', 'cause', 1, 5, 'open', 'group', CAST(i AS BLOB) FROM n WHERE i % 4 < 2;
        INSERT INTO graphs (connection, version, dirty, waiting, body) SELECT connection, 1, 0, 0, x'' FROM n;
        INSERT INTO graph_digests (connection, digest, graph)
            SELECT connection, CAST(printf('%016d', i) AS BLOB), i FROM n;
        INSERT INTO affiliate_codes SELECT connection, i, 'code' FROM n;
        INSERT INTO plans (id, state, created_at, expires_at, frame, options, progress)
            VALUES (9, 'ready', 0, 0, '{{}}', '{{}}', '{{}}');
        INSERT INTO plan_items (plan, letter, event, connection, person, group_key, state, died_at)
            SELECT 9, i, x'', connection, x'', 'group', 'planned', 5 FROM n WHERE i % 4 < 2;
        INSERT INTO plan_holds SELECT i, 9 FROM n WHERE i % 4 < 2;
        INSERT INTO plan_counts SELECT 9, 'planned', '', COUNT(*) FROM n WHERE i % 4 < 2;
        COMMIT;"
    ))
    .expect("filled");
}

/// Rows of a connection in every table that has a column of this name, apart from the audit.
fn rows_of(file: &Connection, connection: i64) -> Vec<(String, i64)> {
    let mut tables = file
        .prepare(
            "SELECT t.name FROM sqlite_master t JOIN pragma_table_info(t.name) c ON c.name = 'connection'
            WHERE t.type = 'table' AND t.name <> 'audit' ORDER BY t.name",
        )
        .expect("the tables");
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).expect("listed");
    let count = |table: String| {
        let query = format!("SELECT COUNT(*) FROM {table} WHERE connection = {connection}");
        let count = file.query_row(&query, [], |row| row.get(0)).expect("counted");
        (table, count)
    };
    tables.map(|table| count(table.expect("a name"))).filter(|(_, count)| *count > 0).collect()
}

fn number(file: &Connection, query: &str) -> i64 {
    file.query_row(query, [], |row| row.get(0)).expect("read")
}

async fn filled() -> (TempDir, SqliteLedger, Connection) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).await.expect("opened");
    let file = Connection::open(&path).expect("opened");
    fill(&file);
    assert!(rows_of(&file, REMOVED).len() >= 6, "{:?}", rows_of(&file, REMOVED));
    (folder, ledger, file)
}

fn assert_removed(file: &Connection, others: &[(String, i64)]) {
    assert_eq!(rows_of(file, REMOVED), []);
    assert_eq!(rows_of(file, KEPT), others);
    for table in ["payloads", "outcomes", "graphs"] {
        assert_eq!(number(file, &format!("SELECT COUNT(*) FROM {table}")), EVENTS, "{table}");
    }
    let counted = number(file, "SELECT count FROM plan_counts WHERE plan = 9");
    assert_eq!(counted, number(file, "SELECT COUNT(*) FROM plan_items WHERE plan = 9"));
    assert_eq!(counted, number(file, "SELECT COUNT(*) FROM plan_holds"));
    let open = number(file, "SELECT COUNT(*) FROM dead_letters WHERE state = 'open'");
    assert_eq!(number(file, "SELECT SUM(count) FROM letter_counts WHERE what = 'open' AND hour = 0"), open);
}

#[tokio::test]
async fn a_removal_by_pages_leaves_nothing_of_a_connection_and_all_of_others() {
    let (_folder, ledger, file) = filled().await;
    let others = rows_of(&file, KEPT);
    ledger.remove(REMOVED).await.expect("removed");
    ledger::finish_removals(&ledger, Timestamp::UNIX_EPOCH).await.expect("finished");
    assert_removed(&file, &others);
}

#[tokio::test]
async fn sweeps_finish_a_killed_removal() {
    let (_folder, ledger, file) = filled().await;
    let others = rows_of(&file, KEPT);
    file.execute_batch(&format!(
        "DELETE FROM connections WHERE id = {REMOVED};
        DELETE FROM letter_counts WHERE connection = {REMOVED};
        INSERT INTO removed_connections (id, is_emptied) VALUES ({REMOVED}, 0);"
    ))
    .expect("the first transaction of a removal");
    let long_ago = Timestamp::UNIX_EPOCH;
    let mut pages = 0;
    while ledger.expire(Expiring::RemovedConnections, long_ago, long_ago, 100).await.expect("swept") > 0 {
        pages += 1;
    }
    assert!(pages > 20, "{pages} pages");
    assert_removed(&file, &others);
}
