//! A pgbouncer between the program and its server.

use jiff::Timestamp;
use ledger::postgres::{Options, PostgresLedger};
use ledger::{LedgerError, Monitoring};
use testbed::pgbouncer::{PoolMode, Pooler};
use testbed::postgres::{Server, psql};

/// A server, a database on it, and a pooler in front.
fn pooler_in_mode(mode: PoolMode, settings: &str) -> (Server, Pooler, String) {
    let server = Server::start(&[]).expect("a Postgres for the tests");
    let direct = server.fresh_database().expect("a database");
    let pooler = Pooler::start(&server, mode, settings).expect("a pgbouncer for the tests");
    (server, pooler, direct)
}

fn reason<T>(refused: Result<T, LedgerError>) -> String {
    match refused {
        Err(LedgerError::Broken(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was accepted"),
    }
}

/// It needs no settings of the pooler, and the settings of a connection reach the server.
#[tokio::test]
async fn a_pooler_in_session_mode_needs_no_settings() {
    let (_server, pooler, direct) = pooler_in_mode(PoolMode::Session, "");
    let url = pooler.url(&direct);
    assert_ne!(url, direct);
    for _ in 0..2 {
        let ledger = PostgresLedger::connect(&url, Options::default()).await.expect("connected");
        let beats = (0..20).map(|second| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.prove_writing(Timestamp::from_second(second).unwrap()).await })
        });
        for beat in beats.collect::<Vec<_>>() {
            beat.await.expect("no panic").expect("written");
        }
        assert_eq!(ledger.oldest_pending().await.expect("read"), None);
        let slow = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'refersion-destination'";
        assert_ne!(psql(&direct, slow).expect("asked").trim(), "0", "the server sees our lines");
    }
    let found = PostgresLedger::inspect(&url, &Timestamp::now).await.expect("looked at");
    assert_eq!((found.schema, found.refused), (found.known_schema, None));
}

#[tokio::test]
async fn a_pooler_that_divides_sessions_is_refused_with_advice() {
    for (mode, settings) in [
        (PoolMode::Transaction, ""),
        (PoolMode::Transaction, "server_round_robin = 1\nmin_pool_size = 3"),
        (PoolMode::Transaction, "default_pool_size = 1"),
        (PoolMode::Statement, ""),
        (PoolMode::Transaction, "ignore_startup_parameters = options,extra_float_digits"),
    ] {
        let (_server, pooler, direct) = pooler_in_mode(mode, settings);
        let url = pooler.url(&direct);
        let why = reason(PostgresLedger::connect(&url, Options::default()).await);
        assert!(why.contains("pool_mode = session"), "{settings}: {why}");
        assert_eq!(reason(PostgresLedger::inspect(&url, &Timestamp::now).await), why, "{settings}");
        let direct = PostgresLedger::connect(&direct, Options::default()).await;
        assert!(direct.is_ok(), "without the pooler it works: {direct:?}");
    }
}

/// Nothing was prepared or set in a session that others use as well.
#[tokio::test]
async fn a_refusal_leaves_nothing_behind_in_the_sessions_of_others() {
    let (_server, pooler, direct) = pooler_in_mode(PoolMode::Transaction, "");
    let url = pooler.url(&direct);
    reason(PostgresLedger::connect(&url, Options::default()).await);
    for _ in 0..5 {
        let left = "SELECT count(*) FROM pg_prepared_statements";
        assert_eq!(psql(&url, left).expect("asked").trim(), "0");
        assert_eq!(psql(&url, "SHOW enable_seqscan").expect("asked").trim(), "on");
    }
    assert_eq!(psql(&direct, "SELECT to_regclass('schema_migrations')").expect("asked").trim(), "");
}

#[tokio::test]
async fn a_parameter_that_the_pooler_rejects_is_not_reported_as_an_outage() {
    let (_server, pooler, direct) = pooler_in_mode(PoolMode::Session, "");
    let url = format!("{}&options=-csearch_path%3Dpublic", pooler.url(&direct));
    let why = reason(PostgresLedger::connect(&url, Options::default()).await);
    assert!(why.contains("ALTER ROLE"), "{why}");
}
