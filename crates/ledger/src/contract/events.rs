//! Promises about events: one current outcome each, searchable, and erased by a delete.

use super::Engine;
use super::fixtures::{
    ONE, OTHER, at, counts, dead_letter, digest, event, events, found, found_one, letters, outcome, outcomes,
    record, uuid,
};
use crate::{AffiliateRef, Attempt, Changes, KnownEvent, LedgerError, State};

/// An event is pending at first, then has the state of its outcome, with reason and affiliate.
pub async fn an_event_is_pending_until_it_ends(engine: &impl Engine) {
    record(engine, events(ONE, vec![event(1, &[1, 2])])).await;
    let pending = found_one(engine, 2).await;
    assert_eq!((pending.event, pending.state, pending.reason), (uuid(1), State::Pending, None));
    assert_eq!((pending.connection, pending.received_at, pending.ended_at), (ONE, at(1), None));
    assert_eq!(pending.kind, "identify");
    assert_eq!(pending.found_by, [digest(1), digest(2)]);
    let gathered = engine.gather(ONE, &[], &[uuid(1), uuid(2)]).await.expect("gathered");
    assert_eq!(gathered.known, [(uuid(1), KnownEvent { state: State::Pending, outcomes: 0 })].into());

    let affiliate = Some(AffiliateRef { id: Some(u64::from(u32::MAX) + 7), code: Some("a3y7".to_owned()) });
    let mut created = outcome(1, 1, State::Created, 9);
    created.affiliate.clone_from(&affiliate);
    record(engine, outcomes(ONE, vec![created])).await;
    let ended = found_one(engine, 1).await;
    assert_eq!((ended.state, ended.reason.as_deref()), (State::Created, Some("because 1")));
    assert_eq!(ended.ended_at, Some(at(9)));
    assert_eq!(ended.affiliate, affiliate);
    let gathered = engine.gather(ONE, &[], &[uuid(1)]).await.expect("gathered");
    assert_eq!(gathered.known, [(uuid(1), KnownEvent { state: State::Created, outcomes: 1 })].into());
}

/// A batch that is recorded twice changes neither events nor counts.
pub async fn recording_twice_changes_nothing(engine: &impl Engine) {
    let batch = || Changes {
        connection: ONE,
        events: vec![event(1, &[1]), event(2, &[2])],
        outcomes: vec![outcome(1, 1, State::Superseded, 5)],
        ..Changes::default()
    };
    record(engine, batch()).await;
    record(engine, batch()).await;
    assert_eq!(found_one(engine, 1).await.state, State::Superseded);
    assert_eq!(found_one(engine, 2).await.state, State::Pending);
    let counted = counts(engine, ONE).await;
    assert_eq!(counted.pending, 1);
    assert_eq!(counted.outcomes, [("superseded".to_owned(), 1)].into());
}

/// Events that are assumed to be new are written like others, or not at all if one of them is recorded already.
pub async fn events_assumed_to_be_new_have_to_be_new(engine: &impl Engine) {
    taken_for_new(engine, 1).await;
}

/// The same is true for many at once, which an engine may write in another way.
pub async fn many_events_assumed_to_be_new_have_to_be_new(engine: &impl Engine) {
    taken_for_new(engine, 400).await;
}

/// Records events that end, and one that stays pending; then other events together with the pending one.
async fn taken_for_new(engine: &impl Engine, many: u128) {
    let batch = |end: std::ops::Range<u128>, stays: u128| Changes {
        assume_new: true,
        outcomes: end.clone().map(|number| outcome(number, 1, State::Updated, 5)).collect(),
        ..events(ONE, end.chain([stays]).map(|number| event(number, &[small(number)])).collect())
    };
    let stays = 1 + many;
    record(engine, batch(1..stays, stays)).await;
    for ended in [1, many] {
        assert_eq!(found_one(engine, small(ended)).await.state, State::Updated);
        assert_eq!(engine.payload(uuid(ended)).await.expect("read"), None, "it has ended");
    }
    assert_eq!(found_one(engine, small(stays)).await.state, State::Pending);
    assert!(engine.payload(uuid(stays)).await.expect("read").is_some());
    let before = counts(engine, ONE).await;
    assert_eq!((before.pending, before.outcomes["updated"]), (1, small(many)));
    let again = engine.record(batch(stays + 1..stays + 1 + many, stays)).await;
    assert!(matches!(again, Err(LedgerError::Conflict)), "{again:?}");
    assert!(found(engine, small(stays + 1)).await.is_empty());
    let after = counts(engine, ONE).await;
    assert_eq!((after.pending, after.outcomes), (before.pending, before.outcomes));
}

fn small(number: u128) -> u64 {
    number.try_into().expect("a small number")
}

/// Only a dead or a remembered event may end again, by an outcome with the next number.
pub async fn an_outcome_is_final_unless_dead_or_remembered(engine: &impl Engine) {
    let first = [(1, State::Remembered), (2, State::Dead), (3, State::Updated)];
    for (number, state) in first {
        let mut changes = outcomes(ONE, vec![outcome(number, 1, state, 5)]);
        changes.events.push(event(number, &[small(number)]));
        record(engine, changes).await;
    }
    record(engine, Changes { connection: ONE, reopened: vec![uuid(2), uuid(3)], ..Changes::default() }).await;
    let reopened = found_one(engine, 2).await;
    assert_eq!((reopened.state, reopened.reason), (State::Pending, None));
    assert_eq!(found_one(engine, 3).await.state, State::Updated, "what was told is not taken up again");

    record(engine, outcomes(ONE, vec![outcome(1, 2, State::Created, 6), outcome(2, 2, State::Updated, 6)]))
        .await;
    assert_eq!(found_one(engine, 1).await.state, State::Created);
    assert_eq!(found_one(engine, 2).await.reason.as_deref(), Some("because 2"));
    let wrong = engine.record(outcomes(ONE, vec![outcome(3, 2, State::Deleted, 6)])).await;
    assert!(matches!(wrong, Err(LedgerError::Broken(_))), "{wrong:?}");
    let ended: u64 = counts(engine, ONE).await.outcomes.values().sum();
    assert_eq!(ended, 3, "every event has one current outcome");
}

/// A payload is kept while its event is pending or dead, also through a replay, and is deleted with any other outcome.
pub async fn a_payload_is_kept_while_it_may_be_needed(engine: &impl Engine) {
    record(engine, events(ONE, vec![event(1, &[1]), event(2, &[2])])).await;
    let kept = async |number| engine.payload(uuid(number)).await.expect("read");
    assert_eq!(kept(1).await, Some((ONE, at(1), r#"{"number":1}"#.to_owned())));
    let ends = vec![outcome(1, 1, State::Unchanged, 5), outcome(2, 1, State::Dead, 5)];
    record(engine, outcomes(ONE, ends)).await;
    assert_eq!(kept(1).await, None);
    assert!(kept(2).await.is_some());
    record(engine, Changes { connection: ONE, reopened: vec![uuid(2)], ..Changes::default() }).await;
    assert!(kept(2).await.is_some());
    record(engine, outcomes(ONE, vec![outcome(2, 2, State::Updated, 6)])).await;
    assert_eq!(kept(2).await, None);
}

fn attempt(number: u128, second: i64, http_status: Option<u16>) -> Attempt {
    Attempt {
        event: uuid(number),
        at: at(second),
        operation: "edit".to_owned(),
        http_status,
        class: "unavailable".to_owned(),
        message: format!("try {second}"),
        request: Some(format!(r#"{{"try":{second}}}"#)),
    }
}

/// Failed calls are shown with their event, oldest first.
pub async fn attempts_are_listed_in_order(engine: &impl Engine) {
    record(engine, events(ONE, vec![event(1, &[1])])).await;
    for (second, status) in [(1, Some(503)), (2, None)] {
        let attempts = vec![attempt(1, second, status)];
        record(engine, Changes { connection: ONE, attempts, ..Changes::default() }).await;
    }
    let view = found_one(engine, 1).await;
    let requests: Vec<_> = view.attempts.iter().filter_map(|it| it.request.as_deref()).collect();
    assert_eq!(requests, [r#"{"try":1}"#, r#"{"try":2}"#]);
    let shown: Vec<_> = view.attempts.iter().map(|it| (it.at, it.http_status, it.message.as_str())).collect();
    assert_eq!(shown, [(at(1), Some(503), "try 1"), (at(2), None, "try 2")]);
}

/// An event is found by any of its digests; newest first, each once, up to the limit.
pub async fn events_are_found_newest_first(engine: &impl Engine) {
    for number in 1..=5 {
        record(engine, events(ONE, vec![event(number * 2, &[1, 2]), event(number * 2 + 1, &[2, 3])])).await;
    }
    let found = engine.find_events(&[digest(1), digest(2)], 3).await.expect("found");
    assert_eq!(found.iter().map(|view| view.event).collect::<Vec<_>>(), [uuid(11), uuid(10), uuid(9)]);
    assert_eq!(engine.find_events(&[digest(1), digest(2)], 100).await.expect("found").len(), 10);
    assert_eq!(engine.find_events(&[digest(3)], 100).await.expect("found").len(), 5);
    assert!(engine.find_events(&[], 100).await.expect("found").is_empty());
}

/// Digests with the same beginning are not confused.
pub async fn half_a_digest_finds_nothing(engine: &impl Engine) {
    record(engine, events(ONE, vec![event(1, &[1])])).await;
    let mut alike = digest(1);
    alike.0[15] ^= 1;
    assert!(engine.find_events(&[alike], 10).await.expect("found").is_empty());
}

/// After a delete an event has no personal data left; its outcome stays searchable.
pub async fn erased_events_keep_no_personal_data(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    record(
        engine,
        Changes { connection: ONE, attempts: vec![attempt(1, 4, Some(422))], ..Changes::default() },
    )
    .await;
    record(engine, Changes { connection: ONE, erased: vec![uuid(1)], ..Changes::default() }).await;
    assert_eq!(engine.payload(uuid(1)).await.expect("read"), None);
    let view = found_one(engine, 1).await;
    assert_eq!(view.state, State::Dead);
    assert_eq!((view.attempts[0].message.as_str(), view.attempts[0].request.as_ref()), ("", None));
    let letter = letters(engine).await.remove(0);
    assert!(letter.payload.is_none() && !letter.cause.contains("cause 1"), "{letter:?}");
}

/// An outcome of an event that has expired, or that belongs to another connection, is no error and creates nothing.
pub async fn outcomes_of_unknown_events_are_ignored(engine: &impl Engine) {
    record(engine, events(OTHER, vec![event(2, &[2])])).await;
    for number in [1, 2] {
        record(engine, outcomes(ONE, vec![outcome(number, 2, State::Created, 5)])).await;
    }
    assert!(found(engine, 1).await.is_empty());
    assert_eq!(found_one(engine, 2).await.state, State::Pending);
    assert!(counts(engine, ONE).await.outcomes.is_empty());
}
