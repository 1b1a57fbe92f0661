//! Promises about leases, fencing, and the calls that are sent under them.

use super::Engine;
use super::fixtures::{LEASE, ONE, OTHER, at, digest, event, found, record, save, saves, uuid};
use crate::{CallItem, Changes, Fence, Lease, LedgerError, OpenCall};

async fn lease(engine: &impl Engine, holder: u128, now: i64) -> Option<Lease> {
    engine.lease(ONE, uuid(holder), at(now), LEASE).await.expect("the ledger answers")
}

fn fence(lease: Option<Lease>) -> Fence {
    Fence { token: lease.expect("the lease was free").token }
}

/// While a lease runs nobody else gets it; its holder renews it under the same token. Leases of different connections are independent.
pub async fn a_lease_has_one_holder(engine: &impl Engine) {
    let first = lease(engine, 1, 0).await.expect("nobody holds it");
    assert_eq!(first.expires_at, at(15));
    assert_eq!(lease(engine, 2, 14).await, None);
    let renewed = lease(engine, 1, 10).await.expect("it is theirs");
    assert_eq!(renewed, Lease { token: first.token, expires_at: at(25) });
    assert_eq!(lease(engine, 2, 24).await, None);
    let other = engine.lease(OTHER, uuid(2), at(14), LEASE).await.expect("the ledger answers");
    assert!(other.is_some());
}

/// A holder whose clock was far ahead, and which is gone, does not block a connection until that time.
pub async fn a_lease_with_an_end_too_far_ahead_counts_as_ended(engine: &impl Engine) {
    let ahead = lease(engine, 1, 100 * 86_400).await.expect("nobody holds it");
    let next = lease(engine, 2, 0).await.expect("no lease lasts so long");
    assert!(next.token > ahead.token);
    assert_eq!(lease(engine, 1, 14).await, None);
}

/// The token grows with every change of the holder; a holder that renews late keeps its token if there was no other holder.
pub async fn a_new_holder_gets_a_greater_token(engine: &impl Engine) {
    let first = lease(engine, 1, 0).await.expect("nobody holds it");
    let late = lease(engine, 1, 100).await.expect("nobody took it");
    assert_eq!(late.token, first.token);
    let second = lease(engine, 2, 115).await.expect("it has run out");
    assert!(second.token > first.token);
    assert_eq!(lease(engine, 1, 116).await, None);
    let back = lease(engine, 1, 200).await.expect("it has run out");
    assert!(back.token > second.token);
}

/// A holder can end its lease at once; others cannot end it.
pub async fn a_lease_given_back_is_free_at_once(engine: &impl Engine) {
    let first = lease(engine, 1, 0).await.expect("nobody holds it");
    engine.give_back(ONE, uuid(2)).await.expect("nothing to give back");
    assert_eq!(lease(engine, 2, 1).await, None);
    engine.give_back(ONE, uuid(1)).await.expect("given back");
    let second = lease(engine, 2, 1).await.expect("it is free");
    assert!(second.token > first.token);
}

/// Once another holder has the lease, nothing is written under the old token: no graph, no event, no call.
pub async fn an_old_token_writes_nothing(engine: &impl Engine) {
    let changes = |fence| {
        let mut changes = Changes { fence: Some(fence), ..saves(ONE, vec![save(None, &[1])]) };
        changes.events.push(event(1, &[1]));
        changes
    };
    let never = engine.record(changes(Fence { token: 1 })).await;
    assert!(matches!(never, Err(LedgerError::Fenced)), "without a lease no token is right: {never:?}");
    let old = fence(lease(engine, 1, 0).await);
    let new = fence(lease(engine, 2, 100).await);
    let late = engine.record(changes(old)).await;
    assert!(matches!(late, Err(LedgerError::Fenced)), "{late:?}");
    assert!(matches!(engine.open_calls(ONE, old, &[call(1)]).await, Err(LedgerError::Fenced)));
    assert!(found(engine, 1).await.is_empty());
    record(engine, changes(new)).await;
    assert_eq!(found(engine, 1).await.len(), 1);
}

fn call(number: u64) -> OpenCall {
    let items = vec![CallItem {
        anchor: digest(number),
        affiliate: Some(number),
        fields: vec!["company".into(), "custom:7".into()],
    }];
    OpenCall { id: 0, operation: "edit".to_owned(), started_at: at(1), items }
}

/// Calls are open until their answer is recorded; a holder sees open calls of previous holders, never its own.
pub async fn calls_without_an_answer_are_left_to_the_next_holder(engine: &impl Engine) {
    let first = fence(lease(engine, 1, 0).await);
    let ids = engine.open_calls(ONE, first, &[call(1), call(2)]).await.expect("written down");
    assert_eq!(ids.len(), 2);
    assert!(engine.calls_left_open(ONE, first).await.expect("read").is_empty());
    let close = |id, fence, connection| Changes {
        connection,
        fence: Some(fence),
        closed_calls: vec![id],
        ..Changes::default()
    };
    record(engine, close(ids[0], first, ONE)).await;
    let second = fence(lease(engine, 2, 100).await);
    let own = engine.open_calls(ONE, second, &[call(3)]).await.expect("written down");
    assert_ne!(own[0], ids[0]);
    let left = engine.calls_left_open(ONE, second).await.expect("read");
    assert_eq!(left, [OpenCall { id: ids[1], ..call(2) }]);
    let foreign = Changes { fence: None, ..close(ids[1], second, OTHER) };
    record(engine, foreign).await;
    assert_eq!(
        engine.calls_left_open(ONE, second).await.expect("read").len(),
        1,
        "another connection closes nothing"
    );
    record(engine, close(ids[1], second, ONE)).await;
    assert!(engine.calls_left_open(ONE, second).await.expect("read").is_empty());
}
