//! Every row of the table, with a few strikes each.

use std::path::PathBuf;

use faults::fault::{ALL, Kind};
use faults::row::SHORT;
use faults::row_engines::Pair;
use faults::suite::{Plan, run};
use faults::table::{breaches, table};

use crate::MACHINE;

/// Any seed will do; one that stays makes a failure easier to reproduce. `FAULTS_SEED` chooses another.
const SEED: u64 = 20_261_122;

/// Rows at the same time: most of a row is waiting for leases to run out.
const SIDE_BY_SIDE: usize = 8;

#[expect(clippy::disallowed_methods, reason = "the caller of the test may choose a seed")]
pub(crate) fn seed() -> u64 {
    std::env::var("FAULTS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(SEED)
}

fn plan(pair: Pair) -> Plan {
    let seed = seed();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_program-under-test"));
    Plan { seed, only: Vec::new(), length: SHORT, pair, program, side_by_side: SIDE_BY_SIDE }
}

#[test]
fn every_point_of_both_stages_is_in_the_table() {
    for name in worker::fault_points::NAMES {
        assert!(ALL.iter().any(|fault| fault.kind == Kind::Point(name)), "{name} is not in the table");
    }
}

async fn assert_every_promise_is_kept(pair: Pair) {
    let plan = plan(pair);
    let rows = run(&plan, |_| {}).await.expect("the harness works");
    let broken = breaches(&rows);
    assert!(broken.is_empty(), "seed {}\n{}\n{broken}", plan.seed, table(&rows));
}

/// One pair after the other: side by side they would only slow each other down.
#[tokio::test(flavor = "multi_thread")]
async fn every_promise_is_kept_on_files_and_on_servers_despite_kills_and_cuts() {
    let _alone = MACHINE.lock().await;
    assert_every_promise_is_kept(Pair::Sqlite).await;
    assert_every_promise_is_kept(Pair::Scaled).await;
}
