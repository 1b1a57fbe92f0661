//! A connection is removed page by page, so that others can write meanwhile; nothing of it stays.

use connections::Registry as _;
use ledger::postgres::PostgresLedger;
use ledger::{Expiring, Housekeeping as _};
use testbed::postgres::psql;
use uuid::Uuid;

use super::postgres_plans::{ROUNDS, assert_reads_few_entries, fill as fill_table};
use super::postgres_server::{at, open, url};

const REMOVED: i64 = 1;
const KEPT: i64 = 2;

/// Events of each connection: more than some pages have.
const EVENTS: i64 = 1_500;

/// Events of two connections in turn, in a week and in no week, half of them dead letters that a plan has reserved, and what is kept of
/// their people.
fn fill(url: &str) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let week = Uuid::from_u128(now.as_millis() << 80 | 7 << 76).to_string();
    let fill = format!(
        "BEGIN;
        INSERT INTO connections (id, name, settings, created_at, write_key) OVERRIDING SYSTEM VALUE
            VALUES ({REMOVED}, 'gone', '{{}}', 0, 'w1'), ({KEPT}, 'stays', '{{}}', 0, 'w2');
        CREATE TEMP TABLE n AS SELECT i, 1 + i % 2 AS connection, decode(lpad(to_hex(i), 32, '0'), 'hex') AS digest,
            ((CASE WHEN i % 3 = 0 THEN '00000000-0000-0000-0000-' ELSE '{}' END) || lpad(to_hex(i), 12, '0'))::uuid AS event
            FROM generate_series(1, {EVENTS} * 2) AS i;
        INSERT INTO events (event_id, connection, kind, lane, received_at, found_by, first_state, first_at)
            SELECT event, connection, 'identify', 'live', 0, '', 'updated', 5 FROM n;
        INSERT INTO pending SELECT event, true, '{{}}' FROM n;
        INSERT INTO outcomes (event_id, number, state, at) SELECT event, 2, 'dead', 5 FROM n;
        INSERT INTO attempts (event_id, at, operation, class, message) SELECT event, 5, 'edit', 'refused', '' FROM n;
        INSERT INTO dead_letters (id, event_id, connection, class, cause, attempts, died_at, state, group_key, person)
            OVERRIDING SYSTEM VALUE
            SELECT i, event, connection, 'refused', 'cause', 1, 5, 'open', 'group', digest FROM n WHERE i % 4 < 2;
        INSERT INTO stray_letters SELECT connection, digest, event, 5 FROM n;
        INSERT INTO graphs (id, connection, version, dirty, waiting, body) SELECT i, connection, 1, 0, 0, '' FROM n;
        INSERT INTO work SELECT i, connection, 'live', 'edit', 5 FROM n;
        INSERT INTO graph_digests SELECT connection, digest, i FROM n;
        INSERT INTO affiliate_codes SELECT connection, i, 'code' FROM n;
        INSERT INTO directory (connection, code, seen_at, pass) SELECT connection, i, 5, 1 FROM n;
        INSERT INTO drift (connection, code, fields, found_at) SELECT connection, i, '', 5 FROM n;
        INSERT INTO plans (id, state, created_at, expires_at, frame, options, progress) OVERRIDING SYSTEM VALUE
            VALUES (9, 'ready', 0, 0, '{{}}', '{{}}', '{{}}');
        INSERT INTO plan_items (plan, letter, event, connection, person, group_key, state, died_at)
            SELECT 9, i, event, connection, digest, 'group', 'planned', 5 FROM n WHERE i % 4 < 2;
        INSERT INTO plan_holds SELECT i, 9 FROM n WHERE i % 4 < 2;
        INSERT INTO plan_counts SELECT 9, 'planned', '', COUNT(*) FROM n WHERE i % 4 < 2;
        COMMIT;",
        &week[..24]
    );
    psql(url, &fill).expect("filled");
}

fn number(url: &str, query: &str) -> i64 {
    psql(url, query).expect("read").trim().parse().expect("a number")
}

/// Rows of a connection in every table that has a column of this name, apart from the audit.
fn rows_of(url: &str, connection: i64) -> Vec<(String, i64)> {
    let tables = psql(
        url,
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'connection'
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'audit' ORDER BY 1",
    )
    .expect("the tables");
    let count = |table: &str| {
        (
            table.to_owned(),
            number(url, &format!("SELECT COUNT(*) FROM {table} WHERE connection = {connection}")),
        )
    };
    tables.lines().map(count).filter(|(_, count)| *count > 0).collect()
}

/// A ledger after the first transaction of a removal, and the rows of the other connection.
async fn removal_begun() -> (String, PostgresLedger, Vec<(String, i64)>) {
    let url = url();
    let ledger = open(&url).await;
    fill(&url);
    assert!(rows_of(&url, REMOVED).len() >= 11, "{:?}", rows_of(&url, REMOVED));
    let others = rows_of(&url, KEPT);
    ledger.remove(REMOVED).await.expect("removed");
    (url, ledger, others)
}

fn assert_removed(url: &str, others: &[(String, i64)]) {
    assert_eq!(rows_of(url, REMOVED), []);
    assert_eq!(rows_of(url, KEPT), others);
    for table in ["events", "pending", "outcomes", "attempts"] {
        assert_eq!(number(url, &format!("SELECT COUNT(*) FROM {table}")), EVENTS, "{table}");
    }
    let counted = number(url, "SELECT count FROM plan_counts WHERE plan = 9");
    assert_eq!(counted, number(url, "SELECT COUNT(*) FROM plan_items WHERE plan = 9"));
    assert_eq!(counted, number(url, "SELECT COUNT(*) FROM plan_holds"));
    let open = number(url, "SELECT COUNT(*) FROM dead_letters WHERE state = 'open'");
    let of_hours = "SELECT SUM(change) FROM (
        SELECT what, change FROM letter_count_changes UNION ALL SELECT what, count FROM letter_counts) AS counted
        WHERE what = 'open'";
    assert_eq!(number(url, of_hours), open);
}

/// Removes all pages; how many there were.
async fn remove_pages(ledger: &PostgresLedger) -> usize {
    let mut pages = 0;
    while ledger.expire(Expiring::RemovedConnections, at(0), at(0), 100).await.expect("swept") > 0 {
        pages += 1;
    }
    pages
}

#[tokio::test]
async fn a_removal_by_pages_leaves_nothing_of_a_connection_and_all_of_others() {
    let (url, ledger, others) = removal_begun().await;
    ledger::finish_removals(&ledger, at(0)).await.expect("finished");
    assert_removed(&url, &others);
}

#[tokio::test]
async fn sweeps_finish_a_killed_removal() {
    let (url, ledger, others) = removal_begun().await;
    let pages = remove_pages(&ledger).await;
    assert!(pages > 100, "{pages} pages");
    assert_removed(&url, &others);
}

/// Other connections get events all the time, so a removal must not wait for a moment without any.
#[tokio::test]
async fn a_removal_ends_while_events_arrive() {
    let (url, ledger, _) = removal_begun().await;
    let mut pages = 0;
    while ledger.expire(Expiring::RemovedConnections, at(0), at(0), 100).await.expect("swept") > 0 {
        pages += 1;
        assert!(pages < 1_000, "it has not ended after {pages} pages");
        let arrival = format!(
            "INSERT INTO events (event_id, connection, kind, lane, received_at, found_by, first_state, first_at)
            SELECT ('ffffffff-0000-0000-0000-' || lpad('{pages}', 12, '0'))::uuid, {KEPT}, 'identify', 'live', 0, '',
                'updated', 5"
        );
        psql(&url, &arrival).expect("recorded");
    }
    assert_eq!(rows_of(&url, REMOVED), []);
}

/// A plan that runs has locked one of its dead letters.
#[tokio::test]
async fn rows_locked_by_others_are_removed_after_their_release() {
    let (url, ledger, others) = removal_begun().await;
    let item = format!("SELECT MIN(letter) FROM plan_items WHERE connection = {REMOVED}");
    let hold = format!(
        "BEGIN; UPDATE plan_items SET reason = reason WHERE letter = ({item}); SELECT pg_sleep(3600)"
    );
    let holder = url.clone();
    let holding = std::thread::spawn(move || psql(&holder, &hold));
    let is_held =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    while number(&url, is_held) == 0 {
        tokio::task::yield_now().await;
    }
    // Nothing of it is finished while the item is locked, and nobody waits for it.
    for _ in 0..50 {
        assert!(ledger.expire(Expiring::RemovedConnections, at(0), at(0), 100).await.expect("swept") > 0);
    }
    assert_eq!(number(&url, &format!("SELECT COUNT(*) FROM plan_items WHERE connection = {REMOVED}")), 1);
    let end = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE wait_event = 'PgSleep' AND datname = current_database()";
    assert_eq!(number(&url, end), 1);
    assert!(holding.join().expect("joined").is_err());
    remove_pages(&ledger).await;
    assert_removed(&url, &others);
}

/// A plan, waiting persons and graphs have many rows of a connection that stays, and behind them a few of the removed one.
#[tokio::test]
async fn a_page_does_not_read_the_rows_of_other_connections() {
    let url = url();
    let ledger = open(&url).await;
    let items = "plan_items (plan, letter, event, connection, person, group_key, state, died_at)";
    let graphs = "graphs (id, connection, version, dirty, waiting, body)";
    for (table, row) in [
        (items, format!("9, n, gen_random_uuid(), {KEPT}, '', 'group', 'planned', 5")),
        ("work (graph, connection, lane, step, due_at)", format!("n, {KEPT}, 'live', 'edit', 5")),
        (graphs, format!("n, {KEPT}, 1, 0, 0, ''")),
    ] {
        fill_table(&url, table, &row);
    }
    let rows = format!("generate_series(1000001, {}) AS n", 1_000_000 + ROUNDS);
    psql(
        &url,
        &format!(
            "INSERT INTO connections (id, name, settings, created_at, write_key) OVERRIDING SYSTEM VALUE
                VALUES ({REMOVED}, 'removed', '{{}}', 0, 'w1');
            INSERT INTO plan_counts VALUES (9, 'planned', '', 0);
            INSERT INTO {items} SELECT 9, n, gen_random_uuid(), {REMOVED}, '', 'group', 'planned', 5 FROM {rows};
            INSERT INTO work SELECT n, {REMOVED}, 'live', 'edit', 5 FROM {rows};
            INSERT INTO {graphs} SELECT n, {REMOVED}, 1, 0, 0, '' FROM {rows}"
        ),
    )
    .expect("filled");
    ledger.remove(REMOVED).await.expect("removed");
    for index in ["plan_items_in_order", "work_pkey", "graphs_pkey"] {
        let page = async |_| {
            let removed = ledger.expire(Expiring::RemovedConnections, at(0), at(0), 1).await.expect("swept");
            assert_eq!(removed, 1);
        };
        assert_reads_few_entries(&url, index, page).await;
    }
    remove_pages(&ledger).await;
    assert_eq!(rows_of(&url, REMOVED), []);
}
