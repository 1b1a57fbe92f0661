//! Promises about processes that report themselves, and about what waits.

use super::Engine;
use super::material::{LEASE, ONE, at, event, events, record, uuid};
use crate::{HeldConnection, ProcessReport, ProcessRole};

fn process(number: u128, beat: i64) -> ProcessReport {
    ProcessReport {
        id: uuid(number),
        role: ProcessRole::Worker,
        host: "machine".to_owned(),
        pid: 4711,
        version: "1.2.3".to_owned(),
        started_at: at(0),
        beat_at: at(beat),
        ended_at: None,
        connections: vec![HeldConnection { id: ONE, rate: Some(4.5) }],
    }
}

/// What a process reports last is what is shown of it; the newest heartbeat comes first.
pub async fn processes_are_shown_as_they_reported_last(engine: &impl Engine) {
    assert_eq!(engine.processes().await.expect("read"), []);
    engine.report(&process(1, 0)).await.expect("written");
    engine.report(&process(2, 5)).await.expect("written");
    let ended = ProcessReport { ended_at: Some(at(9)), connections: Vec::new(), ..process(1, 9) };
    engine.report(&ended).await.expect("written");
    assert_eq!(engine.processes().await.expect("read"), [ended, process(2, 5)]);
}

/// One that has been silent for a week is forgotten when another one reports.
pub async fn processes_are_forgotten_after_a_week(engine: &impl Engine) {
    engine.report(&process(1, 0)).await.expect("written");
    let later = process(2, 7 * 86_400 + 1);
    engine.report(&later).await.expect("written");
    assert_eq!(engine.processes().await.expect("read"), [later]);
}

/// A lease that runs shows that somebody serves.
pub async fn a_lease_that_runs_is_seen(engine: &impl Engine) {
    assert!(!engine.any_lease(at(0)).await.expect("read"));
    engine.lease(ONE, uuid(1), at(0), LEASE).await.expect("the ledger answers").expect("free");
    assert!(engine.any_lease(at(14)).await.expect("read"));
    assert!(!engine.any_lease(at(16)).await.expect("read"));
    engine.give_back(ONE, uuid(1)).await.expect("given back");
    assert!(!engine.any_lease(at(14)).await.expect("read"));
}

/// A ledger that can be written proves it, again and again.
pub async fn writing_can_be_proved(engine: &impl Engine) {
    for second in 0..2 {
        engine.prove_writing(at(second)).await.expect("written");
    }
}

/// The oldest of the pending events counts.
pub async fn the_oldest_pending_event_is_known(engine: &impl Engine) {
    assert_eq!(engine.oldest_pending().await.expect("read"), None);
    record(engine, events(ONE, vec![event(1, &[1]), event(2, &[2])])).await;
    assert!(engine.oldest_pending().await.expect("read").is_some());
}
