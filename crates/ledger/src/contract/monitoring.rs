//! Promises about processes that report themselves, and about waiting work.

use super::Engine;
use super::fixtures::{LEASE, ONE, OTHER, at, dead_letter, event, events, record, uuid};
use crate::{
    Audit, Changes, DeadLetterFilter, HeldConnection, ProcessReport, ProcessRole, RefusedSignatures,
    Registrations,
};

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
        notes_arrivals: number == 1,
        untaken_since: None,
        registrations: None,
        refused_signatures: Vec::new(),
    }
}

/// The last report of each process is shown; the newest heartbeat comes first.
pub async fn processes_are_shown_as_last_reported(engine: &impl Engine) {
    assert_eq!(engine.processes().await.expect("read"), []);
    engine.report(&process(1, 0)).await.expect("written");
    let registrations = Some(Registrations { registered: 1, refused: 2, limited: 3, unavailable: 4 });
    let refused = RefusedSignatures { connection: ONE, missing: 5, wrong: 6, last_at: at(4) };
    let refused_signatures = vec![refused, RefusedSignatures { connection: OTHER, ..refused }];
    let first =
        ProcessReport { untaken_since: Some(at(3)), registrations, refused_signatures, ..process(2, 4) };
    engine.report(&first).await.expect("written");
    assert_eq!(engine.processes().await.expect("read")[0], first);
    engine.report(&process(2, 5)).await.expect("written");
    let ended = ProcessReport { ended_at: Some(at(9)), connections: Vec::new(), ..process(1, 9) };
    engine.report(&ended).await.expect("written");
    assert_eq!(engine.processes().await.expect("read"), [ended, process(2, 5)]);
}

/// A process that has been silent for a week is deleted when another one reports.
pub async fn processes_are_deleted_after_a_week_of_silence(engine: &impl Engine) {
    engine.report(&process(1, 0)).await.expect("written");
    let later = process(2, 7 * 86_400 + 1);
    engine.report(&later).await.expect("written");
    assert_eq!(engine.processes().await.expect("read"), [later]);
}

/// A running lease shows that a worker serves a connection.
pub async fn a_running_lease_is_shown(engine: &impl Engine) {
    assert!(!engine.any_lease(at(0)).await.expect("read"));
    engine.lease(ONE, uuid(1), at(0), LEASE).await.expect("the ledger answers").expect("free");
    assert!(engine.any_lease(at(14)).await.expect("read"));
    assert!(!engine.any_lease(at(16)).await.expect("read"));
    engine.give_back(ONE, uuid(1)).await.expect("given back");
    assert!(!engine.any_lease(at(14)).await.expect("read"));
}

/// The proof of writing can be repeated.
pub async fn writing_is_verified(engine: &impl Engine) {
    for second in 0..2 {
        engine.prove_writing(at(second)).await.expect("written");
    }
}

/// A list states how many further ones there are.
pub async fn dead_letters_are_counted_beyond_the_limit_of_a_list(engine: &impl Engine) {
    for number in 1..=3 {
        dead_letter(engine, ONE, number, 5).await;
    }
    let count = async |filter: DeadLetterFilter| engine.count_dead_letters(&filter).await.expect("counted");
    assert_eq!(count(DeadLetterFilter { limit: 1, ..DeadLetterFilter::default() }).await, 3);
    let nothing =
        DeadLetterFilter { classes: Some(vec!["nothing".to_owned()]), ..DeadLetterFilter::default() };
    assert_eq!(count(nothing).await, 0);
    let open = engine.open_dead_letters().await.expect("counted");
    assert_eq!(open.iter().map(|(id, _, letters)| (*id, *letters)).collect::<Vec<_>>(), [(ONE, 3)]);
}

/// The audit is read newest first.
pub async fn the_audit_is_read_newest_first(engine: &impl Engine) {
    let line = |second, action: &str| Audit {
        at: at(second),
        actor: "worker".to_owned(),
        action: action.to_owned(),
        subject: "affiliate 7".to_owned(),
    };
    let audit = vec![line(1, "affiliate_found"), line(2, "status_changed")];
    record(engine, Changes { connection: ONE, audit, ..Changes::default() }).await;
    let other = vec![line(3, "affiliate_gone")];
    record(engine, Changes { connection: OTHER, audit: other, ..Changes::default() }).await;
    let read = async |of, limit| {
        let lines = engine.audit(of, limit).await.expect("read");
        lines.into_iter().map(|(connection, line)| (connection, line.action)).collect::<Vec<_>>()
    };
    assert_eq!(
        read(Some(ONE), 9).await,
        [(ONE, "status_changed".to_owned()), (ONE, "affiliate_found".to_owned())]
    );
    assert_eq!(read(None, 1).await, [(OTHER, "affiliate_gone".to_owned())]);
    let count = async |of| engine.count_audit(of).await.expect("counted");
    assert_eq!((count(None).await, count(Some(ONE)).await), (3, 2), "whatever the limit of a list");
}

/// The time of the oldest pending event is returned.
pub async fn the_oldest_pending_event_is_known(engine: &impl Engine) {
    assert_eq!(engine.oldest_pending().await.expect("read"), None);
    record(engine, events(ONE, vec![event(1, &[1]), event(2, &[2])])).await;
    assert!(engine.oldest_pending().await.expect("read").is_some());
}
