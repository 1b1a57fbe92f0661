//! Promises about events that end in the transaction that records them: the result is the same as if they had ended later.

use super::Engine;
use super::fixtures::{
    ONE, at, counts, dead_letter, event, events, expire, found, found_one, letters, outcome, outcomes,
    record, uuid,
};
use crate::{AffiliateRef, Changes, DeadLetterState, KnownEvent, LedgerError, Outcome, State};

/// One event that is recorded with its outcomes.
fn ended(number: u64, ends: Vec<Outcome>) -> Changes {
    Changes { events: vec![event(number.into(), &[number])], ..outcomes(ONE, ends) }
}

async fn known(engine: &impl Engine, number: u128) -> KnownEvent {
    engine.gather(ONE, &[], &[uuid(number)]).await.expect("gathered").known[&uuid(number)]
}

/// It is shown, looked up and counted with its outcome.
pub async fn an_event_may_end_when_it_is_recorded(engine: &impl Engine) {
    let affiliate = Some(AffiliateRef { id: Some(u64::from(u32::MAX) + 7), code: Some("a3y7".to_owned()) });
    let mut created = outcome(1, 1, State::Created, 9);
    created.affiliate.clone_from(&affiliate);
    record(engine, ended(1, vec![created])).await;
    let view = found_one(engine, 1).await;
    assert_eq!((view.state, view.reason.as_deref()), (State::Created, Some("because 1")));
    assert_eq!((view.ended_at, view.affiliate), (Some(at(9)), affiliate));
    assert_eq!(known(engine, 1).await, KnownEvent { state: State::Created, outcomes: 1 });
    assert_eq!(engine.payload(uuid(1)).await.expect("read"), None);
    let counted = counts(engine, ONE).await;
    assert_eq!((counted.pending, counted.outcomes), (0, [("created".to_owned(), 1)].into()));
    let wrong = engine.record(outcomes(ONE, vec![outcome(1, 2, State::Updated, 10)])).await;
    assert!(matches!(wrong, Err(LedgerError::Broken(_))), "{wrong:?}");
}

/// An engine may write many events in another way; it writes all of their fields.
pub async fn many_events_end_together(engine: &impl Engine) {
    let affiliate = Some(AffiliateRef { id: Some(7), code: Some("a3y7".to_owned()) });
    let batch = |first: u64| {
        let end = |number: u64| Outcome {
            affiliate: affiliate.clone(),
            ..outcome(number.into(), 1, State::Updated, 5)
        };
        let events = (first..first + 400).map(|number| event(number.into(), &[number])).collect();
        Changes { events, assume_new: true, ..outcomes(ONE, (first..first + 400).map(end).collect()) }
    };
    record(engine, batch(1)).await;
    let ends = batch(1_000);
    record(engine, events(ONE, ends.events)).await;
    record(engine, outcomes(ONE, ends.outcomes)).await;
    for number in [1, 1_000] {
        let view = found_one(engine, number).await;
        assert_eq!((view.state, view.reason.as_deref()), (State::Updated, Some("because 1")));
        assert_eq!((view.ended_at, view.affiliate), (Some(at(5)), affiliate.clone()));
    }
    assert_eq!(counts(engine, ONE).await.outcomes, [("updated".to_owned(), 800)].into());
}

/// A later outcome replaces all fields of the first one.
pub async fn a_later_outcome_replaces_the_first_one(engine: &impl Engine) {
    let affiliate = Some(AffiliateRef { id: Some(7), code: Some("a3y7".to_owned()) });
    record(engine, ended(1, vec![Outcome { affiliate, ..outcome(1, 1, State::Remembered, 5) }])).await;
    let second = Outcome { reason: None, ..outcome(1, 2, State::Updated, 6) };
    record(engine, outcomes(ONE, vec![second])).await;
    let view = found_one(engine, 1).await;
    assert_eq!((view.state, view.reason, view.affiliate), (State::Updated, None, None));
    assert_eq!(view.ended_at, Some(at(6)));
    assert_eq!(known(engine, 1).await, KnownEvent { state: State::Updated, outcomes: 2 });
    assert_eq!(counts(engine, ONE).await.outcomes, [("updated".to_owned(), 1)].into());
}

/// A replay makes the event pending; recording its first outcome again changes nothing.
pub async fn a_replay_reopens_an_event_that_was_recorded_as_dead(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    assert_eq!(known(engine, 1).await, KnownEvent { state: State::Dead, outcomes: 1 });
    record(engine, Changes { connection: ONE, reopened: vec![uuid(1)], ..Changes::default() }).await;
    let view = found_one(engine, 1).await;
    assert_eq!((view.state, view.reason, view.ended_at), (State::Pending, None, None));
    assert_eq!(known(engine, 1).await, KnownEvent { state: State::Pending, outcomes: 1 });
    record(engine, outcomes(ONE, vec![outcome(1, 1, State::Skipped, 6)])).await;
    assert_eq!(known(engine, 1).await, KnownEvent { state: State::Pending, outcomes: 1 });
    let resolved = vec![uuid(1)];
    record(engine, Changes { resolved, ..outcomes(ONE, vec![outcome(1, 2, State::Updated, 7)]) }).await;
    assert_eq!(known(engine, 1).await, KnownEvent { state: State::Updated, outcomes: 2 });
    assert_eq!(letters(engine).await[0].state, DeadLetterState::Resolved);
    let counted = counts(engine, ONE).await;
    assert_eq!((counted.pending, counted.outcomes), (0, [("updated".to_owned(), 1)].into()));
}

/// Two outcomes in one transaction both count.
pub async fn an_event_may_end_twice_when_it_is_recorded(engine: &impl Engine) {
    let ends = vec![outcome(1, 1, State::Remembered, 5), outcome(1, 2, State::Created, 6)];
    record(engine, ended(1, ends)).await;
    record(engine, ended(2, vec![outcome(2, 2, State::Dead, 5)])).await;
    for (number, state) in [(1, State::Created), (2, State::Dead)] {
        assert_eq!(known(engine, number).await, KnownEvent { state, outcomes: 2 });
    }
    assert_eq!(found_one(engine, 1).await.reason.as_deref(), Some("because 2"));
    let counted = counts(engine, ONE).await;
    assert_eq!((counted.pending, counted.outcomes["created"], counted.outcomes["dead"]), (0, 1, 1));
}

/// If an event was recorded before, its outcome is not lost, and neither is that of another event in the same batch.
pub async fn an_event_that_was_recorded_before_ends_with_its_new_outcome(engine: &impl Engine) {
    record(engine, events(ONE, vec![event(1, &[1])])).await;
    record(engine, ended(2, vec![outcome(2, 1, State::Skipped, 4)])).await;
    let ends = [1, 2, 3].map(|number| outcome(number, 1, State::Updated, 5));
    let batch = [1, 2, 3].map(|number: u64| event(number.into(), &[number]));
    record(engine, Changes { events: batch.into(), ..outcomes(ONE, ends.into()) }).await;
    for (number, state) in [(1, State::Updated), (2, State::Skipped), (3, State::Updated)] {
        assert_eq!(known(engine, number).await, KnownEvent { state, outcomes: 1 });
    }
    let counted = counts(engine, ONE).await;
    assert_eq!((counted.pending, counted.outcomes["updated"], counted.outcomes["skipped"]), (0, 2, 1));
}

/// Events expire by their newest outcomes, oldest first, whether these are the first ones or later ones.
pub async fn an_event_expires_by_its_newest_outcome(engine: &impl Engine) {
    let expire = async |before, limit| expire(engine, at(before), at(0), limit).await.outcomes;
    record(engine, ended(1, vec![outcome(1, 1, State::Updated, 10)])).await;
    record(engine, ended(2, vec![outcome(2, 1, State::Remembered, 5)])).await;
    record(engine, outcomes(ONE, vec![outcome(2, 2, State::Created, 30)])).await;
    record(engine, events(ONE, vec![event(3, &[3])])).await;
    record(engine, outcomes(ONE, vec![outcome(3, 1, State::Updated, 8)])).await;
    record(engine, ended(4, vec![outcome(4, 1, State::Dead, 5)])).await;
    record(engine, Changes { connection: ONE, reopened: vec![uuid(4)], ..Changes::default() }).await;
    assert_eq!(expire(20, 1).await, 1);
    assert!(found(engine, 3).await.is_empty(), "it ended first");
    assert_eq!(expire(20, 100).await, 1);
    assert!(found(engine, 1).await.is_empty());
    assert_eq!(found_one(engine, 2).await.state, State::Created);
    assert_eq!(expire(40, 100).await, 1);
    assert_eq!(found_one(engine, 4).await.state, State::Pending);
    let counted = counts(engine, ONE).await;
    assert_eq!((counted.pending, counted.outcomes.is_empty()), (1, true));
}
