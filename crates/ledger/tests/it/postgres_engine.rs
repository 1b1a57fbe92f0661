//! The contract, over a real Postgres.

use ledger::postgres::{Options, PostgresLedger};

async fn fresh() -> (PostgresLedger, ()) {
    let url = testbed::postgres::fresh_database().expect("a Postgres for the tests");
    (PostgresLedger::connect(&url, Options::default()).await.expect("an empty database"), ())
}

ledger::contract_tests!(super::fresh);
