//! Promises about expiry.

use super::Engine;
use super::fixtures::{
    self, Expired, ONE, OTHER, at, counts, dead_letter, event, events, found, found_one, letters, outcome,
    outcomes, record, uuid,
};
use crate::{Act, Attempt, Changes, DeadLetterState, Expiring, State};

async fn expire(engine: &impl Engine, outcomes_before: i64, letters_before: i64, limit: usize) -> Expired {
    fixtures::expire(engine, at(outcomes_before), at(letters_before), limit).await
}

/// Events are deleted with their outcomes and attempts when these are old; pending ones stay, regardless of their age.
pub async fn old_outcomes_expire_and_pending_events_do_not(engine: &impl Engine) {
    record(engine, events(ONE, vec![event(1, &[1]), event(2, &[2]), event(3, &[3])])).await;
    let attempts = [1, 3].map(|number| Attempt {
        event: uuid(number),
        at: at(5),
        operation: "new".to_owned(),
        http_status: None,
        class: "unavailable".to_owned(),
        message: "no answer".to_owned(),
        request: None,
    });
    let ends = vec![outcome(1, 1, State::Updated, 10), outcome(2, 1, State::Updated, 20)];
    record(engine, Changes { attempts: attempts.into(), ..outcomes(ONE, ends) }).await;
    let expired = expire(engine, 20, 0, 100).await;
    assert_eq!((expired.outcomes, expired.dead_letters), (1, 0));
    assert!(found(engine, 1).await.is_empty());
    assert_eq!(found_one(engine, 2).await.state, State::Updated);
    let pending = found_one(engine, 3).await;
    assert_eq!(pending.state, State::Pending);
    assert!(pending.attempts.is_empty(), "attempts expire by their own time");
    assert!(engine.payload(uuid(3)).await.expect("read").is_some());
    let counted = counts(engine, ONE).await;
    assert_eq!((counted.pending, counted.outcomes), (1, [("updated".to_owned(), 1)].into()));
    let late = outcomes(ONE, vec![outcome(1, 2, State::Updated, 30)]);
    record(engine, late).await;
    assert!(found(engine, 1).await.is_empty());
}

/// If dead letters are kept for longer than outcomes, a dead event stays with its dead letter.
pub async fn a_dead_letter_keeps_its_event(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    assert_eq!(expire(engine, 100, 0, 100).await.outcomes, 0);
    assert_eq!(found_one(engine, 1).await.state, State::Dead);
    assert!(letters(engine).await[0].payload.is_some());
    let both = expire(engine, 100, 100, 100).await;
    assert_eq!((both.outcomes, both.dead_letters), (1, 1));
    assert!(found(engine, 1).await.is_empty());
}

/// If dead letters are kept for a shorter time, a dead event stays searchable without its payload. A dead letter under
/// replay does not expire.
pub async fn an_expired_dead_letter_loses_its_payload(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    dead_letter(engine, ONE, 2, 5).await;
    let second: Vec<i64> =
        letters(engine).await.iter().filter(|it| it.event == uuid(2)).map(|it| it.id).collect();
    engine
        .move_dead_letters(&second, DeadLetterState::Open, DeadLetterState::Replaying)
        .await
        .expect("moved");
    assert_eq!(expire(engine, 0, 100, 100).await.dead_letters, 1);
    assert_eq!(found_one(engine, 1).await.state, State::Dead);
    assert_eq!(engine.payload(uuid(1)).await.expect("read"), None);
    assert!(engine.payload(uuid(2)).await.expect("read").is_some());
    assert_eq!(letters(engine).await.len(), 1);
}

/// One run deletes a limited number of rows, oldest first; the next run continues.
pub async fn one_run_drops_a_bounded_number(engine: &impl Engine) {
    for number in 1..=5u32 {
        let mut changes = outcomes(ONE, vec![outcome(number.into(), 1, State::Skipped, number.into())]);
        changes.events.push(event(number.into(), &[number.into()]));
        record(engine, changes).await;
    }
    assert_eq!(expire(engine, 100, 100, 3).await.outcomes, 3);
    assert!(found(engine, 3).await.is_empty());
    assert_eq!(found(engine, 4).await.len(), 1);
    assert_eq!(expire(engine, 100, 100, 3).await.outcomes, 2);
    assert_eq!(expire(engine, 100, 100, 3).await.outcomes, 0);
    record(engine, events(ONE, vec![event(9, &[9])])).await;
    assert_eq!(found_one(engine, 9).await.event, uuid(9));
    assert!(found(engine, 1).await.is_empty());
}

/// Each kind is deleted in a separate transaction, so that nobody waits for all of them.
pub async fn each_kind_expires_separately(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    record(
        engine,
        Changes { events: vec![event(2, &[2])], ..outcomes(ONE, vec![outcome(2, 1, State::Skipped, 5)]) },
    )
    .await;
    let drop = async |what| engine.expire(what, at(100), at(100), 10).await.expect("expired");
    for what in [Expiring::PlanItems, Expiring::Attempts, Expiring::MessageIds] {
        assert_eq!(drop(what).await, 0, "{what:?}");
    }
    assert_eq!(drop(Expiring::Outcomes).await, 1);
    assert_eq!((found(engine, 2).await.len(), letters(engine).await.len()), (0, 1));
    assert_eq!(drop(Expiring::DeadLetters).await, 1);
    assert_eq!((found(engine, 1).await.len(), letters(engine).await.len()), (1, 0));
    assert_eq!(drop(Expiring::Outcomes).await, 1);
    assert!(found(engine, 1).await.is_empty());
}

/// Open dead letters that expire are recorded in the audit, with their number, for each page and connection; others were closed before.
pub async fn open_dead_letters_that_expire_are_audited(engine: &impl Engine) {
    for (connection, number) in [(ONE, 1), (ONE, 2), (OTHER, 3), (ONE, 4), (ONE, 5)] {
        dead_letter(engine, connection, number, i64::try_from(number).expect("small")).await;
    }
    let newest = letters(engine).await[0].id;
    let act = Act {
        at: at(9),
        actor: "ann".to_owned(),
        selector: "id:5".to_owned(),
        reason: Some("a test".to_owned()),
    };
    assert_eq!(engine.discard(&[newest], &act, None).await.expect("discarded"), [newest]);
    for (limit, gone) in [(3, 3), (3, 2), (3, 0)] {
        let done = engine.expire(Expiring::DeadLetters, at(100), at(70), limit).await.expect("expired");
        assert_eq!(done, gone);
    }
    let audit = engine.audit(None, 100).await.expect("read");
    let mut lines: Vec<(i64, &str)> = audit
        .iter()
        .filter(|(_, line)| {
            line.action == "dead_letters_expired" && line.at == at(70) && line.actor == "worker"
        })
        .map(|(of, line)| (*of, line.subject.as_str()))
        .collect();
    lines.sort_unstable();
    let one = "1 dead letter of `state:open`: its retention has ended";
    let two = "2 dead letters of `state:open`: its retention has ended";
    assert_eq!(lines, [(ONE, one), (ONE, two), (OTHER, one)]);
}

/// The progress of sweeps outlasts the process. It may go back, if the clock did.
pub async fn the_progress_of_sweeps_is_stored(engine: &impl Engine) {
    assert_eq!(engine.sweep_clock(at(5)).await.expect("read").swept, None);
    for swept in [at(100), at(200), at(50)] {
        engine.set_swept(swept).await.expect("remembered");
        assert_eq!(engine.sweep_clock(at(5)).await.expect("read").swept, Some(swept));
    }
}
