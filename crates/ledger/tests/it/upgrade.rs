//! A ledger of an older program: its data can be read after the migration of its schema.

use identity::audiences::Counted;
use identity::graph::{Identifier, Kind};
use identity::{Digest, Graph, Map};
use ledger::postgres::{Options, PostgresLedger};
use ledger::sqlite::SqliteLedger;
use ledger::{Changes, GraphRow, Ledger, Save};
use sqlite::rusqlite::Connection;
use testbed::postgres::{fresh_database, psql};

const ONE: i64 = 1;
const DIGEST: Digest = Digest([7; 16]);

/// The steps of a schema up to the one before graphs were packed.
macro_rules! steps_before {
    ($dialect:literal) => {
        [
            (
                "0001_create_connections",
                include_str!(concat!("../../../../migrations/", $dialect, "/0001_create_connections.sql")),
            ),
            (
                "0002_create_graphs",
                include_str!(concat!("../../../../migrations/", $dialect, "/0002_create_graphs.sql")),
            ),
            (
                "0003_create_events",
                include_str!(concat!("../../../../migrations/", $dialect, "/0003_create_events.sql")),
            ),
            (
                "0004_create_notes",
                include_str!(concat!("../../../../migrations/", $dialect, "/0004_create_notes.sql")),
            ),
            (
                "0005_create_stray_letters",
                include_str!(concat!("../../../../migrations/", $dialect, "/0005_create_stray_letters.sql")),
            ),
            (
                "0006_create_removed_connections",
                include_str!(concat!(
                    "../../../../migrations/",
                    $dialect,
                    "/0006_create_removed_connections.sql"
                )),
            ),
        ]
    };
}

fn graph() -> Graph {
    Graph { identifiers: Map::from_iter([(DIGEST, Identifier::new(Kind::User))]), ..Graph::default() }
}

/// The statements that create a ledger with one graph as the older program wrote it, a few ids after the first.
fn older(steps: &[(&str, &str)], blob: &str) -> String {
    let mut statements = schema(steps);
    let body = serde_json::to_string(&graph()).expect("a graph is JSON");
    statements += &format!(
        "INSERT INTO graphs (id, connection, version, dirty, waiting, body) VALUES (5, {ONE}, 3, 2, 1, '{body}');
        INSERT INTO graph_digests (connection, digest, graph) VALUES ({ONE}, {blob}, 5);
        INSERT INTO unmapped (connection, key, spelling, events) VALUES
            ({ONE}, 'annexample.com', 'ann@example.com', 9), ({ONE}, 'vip', 'Is VIP', 2),
            ({ONE}, 'a', '018f3d5e-7c1b-7000-8000-0123456789ab', 9), ({ONE}, 'b', 'deadbeef-deadbeef', 9),
            ({ONE}, 'c', '+41 79 123 45 67', 9), ({ONE}, 'd', 'Xk9aPq2LmZ8rT5vW1yB3', 9);"
    );
    statements
}

/// The statements that create a schema with these steps.
fn schema(steps: &[(&str, &str)]) -> String {
    let mut statements = "CREATE TABLE schema_migrations
        (version bigint PRIMARY KEY, name text NOT NULL, min_reader bigint NOT NULL);\n"
        .to_owned();
    for (number, (name, sql)) in (1..).zip(steps) {
        statements += &format!("{sql}\nINSERT INTO schema_migrations VALUES ({number}, '{name}', 1);\n");
    }
    statements
}

/// The statements that create the schema of Postgres from before the rows of events contained outcomes.
pub(super) fn before_events_kept_outcomes() -> String {
    let packed = include_str!("../../../../migrations/postgres/0007_pack_graphs.sql");
    schema(&[&steps_before!("postgres")[..], &[("0007_pack_graphs", packed)]].concat())
}

/// The statements that create the schema of SQLite from when message ids were stored in clear.
pub(super) fn sqlite_with_message_ids() -> String {
    let packed = include_str!("../../../../migrations/sqlite/ledger/0007_pack_graphs.sql");
    schema(&[&steps_before!("sqlite/ledger")[..], &[("0007_pack_graphs", packed)]].concat())
}

/// The ledger is read, written again, and read again; a new graph gets an unused id.
async fn assert_readable_and_writable(ledger: &impl Ledger) {
    let read = async || ledger.gather(ONE, &[DIGEST], &[]).await.expect("gathered").graphs.remove(0);
    let GraphRow { row, graph: found, counted } = read().await;
    assert!(counted.is_empty());
    assert_eq!((row.id, row.version, row.dirty, row.waiting), (5, 3, 2, 1));
    assert_eq!(found, graph());
    let counts = ledger.counts(Some(ONE), jiff::Timestamp::UNIX_EPOCH).await.expect("counted");
    assert_eq!(counts.unmapped, [("Is VIP".to_owned(), 2)], "names of people are forgotten");
    let save = Save {
        row: Some(row),
        graph: found,
        counted,
        new_digests: Vec::new(),
        work: None,
        dirty: 0,
        waiting: 0,
    };
    let other = Digest([8; 16]);
    let new = Save {
        row: None,
        graph: Graph {
            identifiers: Map::from_iter([(other, Identifier::new(Kind::User))]),
            ..Graph::default()
        },
        counted: Counted::default(),
        new_digests: vec![other],
        work: None,
        dirty: 0,
        waiting: 0,
    };
    let changes = Changes { connection: ONE, saves: vec![save, new], ..Changes::default() };
    ledger.record(changes).await.expect("recorded");
    assert_eq!((read().await.row.version, read().await.graph), (4, graph()));
    let added = ledger.gather(ONE, &[other], &[]).await.expect("gathered").graphs.remove(0);
    assert_ne!(added.row.id, 5);
}

#[tokio::test]
async fn an_older_ledger_of_postgres_is_read_after_the_upgrade() {
    let url = fresh_database().expect("a Postgres for the tests");
    psql(&url, &older(&steps_before!("postgres"), "'\\x07070707070707070707070707070707'")).expect("made");
    psql(&url, "SELECT setval(pg_get_serial_sequence('graphs', 'id'), 5)")
        .expect("as the program would have");
    assert_readable_and_writable(
        &PostgresLedger::connect(&url, Options::default()).await.expect("the ledger opens"),
    )
    .await;
}

#[tokio::test]
async fn an_older_ledger_of_sqlite_is_read_after_the_upgrade() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let statements = older(&steps_before!("sqlite/ledger"), "x'07070707070707070707070707070707'");
    Connection::open(&path).expect("a file").execute_batch(&statements).expect("made");
    assert_readable_and_writable(&SqliteLedger::open(&path).await.expect("the ledger opens")).await;
}
