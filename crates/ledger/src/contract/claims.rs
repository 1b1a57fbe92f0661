//! Promises about claims, for a process that cannot record because others change the same graphs all the time.

use uuid::Uuid;

use super::Engine;
use super::fixtures::{ONE, OTHER, at, event, holder, record, save, saves};
use crate::{Changes, Claim, LedgerError};

fn claim(holder: u128, until: i64) -> Claim {
    Claim { holder: Uuid::from_u128(holder), until: at(until) }
}

fn written_at(now: i64, changes: Changes) -> Changes {
    Changes { now: at(now), ..changes }
}

/// Other processes cannot write graphs of this connection until the claim is ended; other connections are not affected.
pub async fn claimed_graphs_are_written_only_by_the_holder(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1])])).await;
    let mine = claim(7, 100);
    assert!(engine.claim(ONE, mine, at(1)).await.expect("claimed"));
    assert!(!engine.claim(ONE, claim(8, 100), at(2)).await.expect("asked"), "one at a time");
    let seen = Some(holder(engine, ONE, 1).await.row);
    let others = written_at(2, saves(ONE, vec![save(seen, &[1, 2])]));
    let refused = engine.record(others.clone()).await;
    assert!(matches!(refused, Err(LedgerError::Claimed)), "{refused:?}");
    record(engine, written_at(2, saves(OTHER, vec![save(None, &[1])]))).await;
    record(engine, written_at(2, super::fixtures::events(ONE, vec![event(1, &[1])]))).await;
    record(engine, Changes { claim: Some(mine), ..others }).await;
    engine.end_claim(ONE, mine).await.expect("ended");
    let seen = Some(holder(engine, ONE, 1).await.row);
    record(engine, written_at(3, saves(ONE, vec![save(seen, &[1, 2, 3])]))).await;
}

/// A claim expires if its holder dies.
pub async fn a_claim_ends_by_itself(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1])])).await;
    assert!(engine.claim(ONE, claim(7, 10), at(1)).await.expect("claimed"));
    let seen = Some(holder(engine, ONE, 1).await.row);
    let late = saves(ONE, vec![save(seen, &[1, 2])]);
    let refused = engine.record(written_at(9, late.clone())).await;
    assert!(matches!(refused, Err(LedgerError::Claimed)), "{refused:?}");
    record(engine, written_at(10, late)).await;
    assert!(engine.claim(ONE, claim(8, 20), at(11)).await.expect("claimed"));
    engine.end_claim(ONE, claim(7, 10)).await.expect("somebody else's claim stays");
    assert!(!engine.claim(ONE, claim(9, 30), at(12)).await.expect("asked"));
}
