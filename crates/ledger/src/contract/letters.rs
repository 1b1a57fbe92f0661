//! Promises about dead letters.

use super::Engine;
use super::fixtures::{
    ONE, OTHER, at, counts, dead_letter, digest, event, events, found_one, letter, letters, outcome,
    outcomes, record, uuid,
};
use crate::{Changes, DeadLetterFilter, DeadLetterState, OrphanedDeadLetter, State};

/// A dead letter contains all that an operator needs; those that died last come first.
pub async fn dead_letters_are_listed_newest_first(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 50).await;
    dead_letter(engine, ONE, 2, 40).await;
    let listed = letters(engine).await;
    assert_eq!(listed.iter().map(|letter| letter.event).collect::<Vec<_>>(), [uuid(1), uuid(2)]);
    let letter = &listed[0];
    assert_eq!(
        (letter.connection, letter.class.as_str(), letter.cause.as_str()),
        (ONE, "refused", "cause 1")
    );
    assert_eq!((letter.http_status, letter.field.as_deref(), letter.attempts), (Some(422), Some("phone"), 3));
    assert_eq!((letter.died_at, letter.received_at), (at(50), at(1)));
    assert_eq!(letter.payload.as_deref(), Some(r#"{"number":1}"#));
    assert_eq!(letter.state, DeadLetterState::Open);
}

/// Each part of a filter narrows the selection; the limit is respected.
pub async fn dead_letters_are_filtered(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 1).await;
    dead_letter(engine, ONE, 2, 2).await;
    dead_letter(engine, OTHER, 3, 3).await;
    let ids: Vec<i64> = letters(engine).await.iter().map(|letter| letter.id).collect();
    engine
        .move_dead_letters(&ids[2..], DeadLetterState::Open, DeadLetterState::Discarded)
        .await
        .expect("moved");
    let all = DeadLetterFilter { limit: 10, ..DeadLetterFilter::default() };
    let number = async |filter: DeadLetterFilter| engine.dead_letters(&filter).await.expect("listed").len();
    assert_eq!(number(DeadLetterFilter { connections: Some(vec![ONE]), ..all.clone() }).await, 2);
    assert_eq!(
        number(DeadLetterFilter { states: Some(vec![DeadLetterState::Open]), ..all.clone() }).await,
        2
    );
    assert_eq!(number(DeadLetterFilter { classes: Some(vec!["gone".to_owned()]), ..all.clone() }).await, 0);
    assert_eq!(number(DeadLetterFilter { ids: Some(vec![ids[0], -1]), ..all.clone() }).await, 1);
    assert_eq!(number(DeadLetterFilter { ids: Some(Vec::new()), ..all.clone() }).await, 0);
    assert_eq!(number(DeadLetterFilter { limit: 1, ..all }).await, 1);
    assert_eq!(counts(engine, ONE).await.dead_letters, 1);
}

/// A replayed event that dies again still has one dead letter, open again and with the new cause; once the event is
/// delivered, the dead letter is resolved.
pub async fn a_repeated_death_renews_the_dead_letter(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    let first = letters(engine).await.remove(0);
    let reopen = || Changes { connection: ONE, reopened: vec![uuid(1)], ..Changes::default() };
    record(engine, reopen()).await;
    assert_eq!(letters(engine).await[0].state, DeadLetterState::Replaying);
    let mut dies = outcomes(ONE, vec![outcome(1, 2, State::Dead, 9)]);
    let mut again = letter(1, 9);
    "another cause".clone_into(&mut again.cause);
    dies.dead_letters.push(again);
    record(engine, dies).await;
    let listed = letters(engine).await;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].id, listed[0].state, listed[0].died_at), (first.id, DeadLetterState::Open, at(9)));
    assert_eq!(listed[0].cause, "another cause");

    let mut delivered = outcomes(ONE, vec![outcome(1, 3, State::Updated, 10)]);
    delivered.resolved.push(uuid(1));
    record(engine, delivered).await;
    let resolved = letters(engine).await.remove(0);
    assert_eq!((resolved.state, resolved.payload), (DeadLetterState::Resolved, None));
    assert_eq!(found_one(engine, 1).await.state, State::Updated);
    assert_eq!(counts(engine, ONE).await.dead_letters, 0);
}

/// If two operators change the state of the same dead letter, one succeeds.
pub async fn a_dead_letter_changes_only_from_the_expected_state(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    dead_letter(engine, ONE, 2, 6).await;
    let ids: Vec<i64> = letters(engine).await.iter().map(|letter| letter.id).collect();
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    assert_eq!(engine.move_dead_letters(&ids[..1], open, replaying).await.expect("moved"), 1);
    assert_eq!(engine.move_dead_letters(&ids, open, DeadLetterState::Discarded).await.expect("moved"), 1);
    let states: Vec<_> = letters(engine).await.iter().map(|letter| letter.state).collect();
    assert_eq!(states, [replaying, DeadLetterState::Discarded]);
}

/// The dead letter of an erased event is discarded. Events that are not recorded are skipped.
pub async fn erased_dead_letters_are_discarded(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    record(engine, events(ONE, vec![event(2, &[2])])).await;
    record(
        engine,
        Changes { connection: ONE, erased: vec![uuid(1), uuid(2), uuid(3)], ..Changes::default() },
    )
    .await;
    assert_eq!(letters(engine).await[0].state, DeadLetterState::Discarded);
    assert_eq!(engine.payload(uuid(2)).await.expect("read"), None, "a pending event is erased as well");
    record(engine, Changes { connection: ONE, dead_letters: vec![letter(9, 9)], ..Changes::default() }).await;
    assert_eq!(letters(engine).await.len(), 1);
}

/// An orphaned dead letter is erased by a delete of any identifier that it names, if it is not newer than the delete,
/// and only in its own connection.
pub async fn orphaned_dead_letters_are_erased_with_the_person_they_name(engine: &impl Engine) {
    for number in 1..=3 {
        dead_letter(engine, ONE, number, 5).await;
    }
    dead_letter(engine, OTHER, 4, 5).await;
    let orphan = |number: u128, named: &[u64], stated: i64| OrphanedDeadLetter {
        event: uuid(number),
        named: named.iter().map(|number| digest(*number)).collect(),
        stated_at: at(stated).into(),
    };
    let orphans = vec![orphan(1, &[11, 12], 20), orphan(2, &[12], 21), orphan(3, &[13], 1)];
    record(engine, Changes { connection: ONE, orphans, ..Changes::default() }).await;
    let orphans = vec![orphan(4, &[12], 1)];
    record(engine, Changes { connection: OTHER, orphans, ..Changes::default() }).await;
    let tombstones = vec![(digest(12), at(20).into()), (digest(77), at(20).into())];
    record(engine, Changes { connection: ONE, tombstones, ..Changes::default() }).await;
    let listed = letters(engine).await;
    let state = |number: u128| {
        let letter = listed.iter().find(|letter| letter.event == uuid(number)).expect("listed");
        (letter.state, letter.payload.is_some())
    };
    assert_eq!(state(1), (DeadLetterState::Discarded, false));
    let untouched = [2, 3, 4].map(state);
    assert_eq!(untouched, [(DeadLetterState::Open, true); 3]);
}
