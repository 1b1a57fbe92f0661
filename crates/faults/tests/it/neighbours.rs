//! The rows about neighbours in their short form: everything but times, which need a machine of their own.

use std::path::PathBuf;

use faults::neighbours::run::SHORT;
use faults::neighbours::suite::{Plan, run};
use faults::neighbours::table::{breaches, table};
use faults::row_engines::Pair;

use crate::MACHINE;
use crate::table::seed;

/// Rows at the same time.
const SIDE_BY_SIDE: usize = 6;

async fn assert_no_event_of_b_is_lost(pair: Pair) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_program-under-test"));
    let seed = seed();
    let plan = Plan { seed, only: Vec::new(), length: SHORT, pair, program, side_by_side: SIDE_BY_SIDE };
    let reports = run(&plan, |_| {}).await.expect("the harness works");
    let broken = breaches(&reports);
    assert!(broken.is_empty(), "seed {seed}\n{}\n{broken}", table(&reports));
}

/// One pair after the other: side by side they would only slow each other down.
#[tokio::test(flavor = "multi_thread")]
async fn one_connection_does_not_stop_another_on_files_and_on_servers() {
    let _alone = MACHINE.lock().await;
    assert_no_event_of_b_is_lost(Pair::Sqlite).await;
    assert_no_event_of_b_is_lost(Pair::Scaled).await;
}
