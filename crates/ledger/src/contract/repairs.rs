//! Promises about repaired payloads of dead letters.

use identity::stamp::Moment;

use super::Engine;
use super::fixtures::{
    ONE, OTHER, at, connection, dead_letter, digest, expire, letters, outcome, outcomes, record, uuid,
};
use crate::{
    Act, Changes, DeadLetterFilter, DeadLetterState, DeadLetterView, NewRevision, Revision, State, Stored,
};

fn act(second: i64) -> Act {
    Act {
        at: at(second),
        actor: "ann".to_owned(),
        selector: "id:1".to_owned(),
        reason: Some("a typing error".to_owned()),
    }
}

async fn letter(engine: &impl Engine, number: u128) -> DeadLetterView {
    letters(engine).await.into_iter().find(|letter| letter.event == uuid(number)).expect("listed")
}

fn repaired(letter: i64, expected: u32) -> NewRevision {
    let payload = format!(r#"{{"revision":{}}}"#, expected + 1);
    NewRevision { letter, expected, payload, named: Vec::new(), stated_at: Moment(0) }
}

async fn repair(engine: &impl Engine, letter: i64, expected: u32, second: i64) -> Stored {
    let stored = engine.repair(&[repaired(letter, expected)], &act(second)).await;
    stored.expect("repaired").pop().expect("one")
}

fn payloads(revisions: &[Revision]) -> Vec<Option<&str>> {
    revisions.iter().map(|it| it.payload.as_deref()).collect()
}

/// Revisions are numbered from 1; the newest one is found, and the original stays.
pub async fn a_repair_is_stored_beside_the_original(engine: &impl Engine) {
    for number in 1..=2 {
        dead_letter(engine, ONE, number, 5).await;
    }
    let id = letter(engine, 1).await.id;
    let other = letter(engine, 2).await.id;
    assert_eq!(repair(engine, id, 0, 10).await, Stored::As(1));
    assert_eq!(repair(engine, id, 1, 11).await, Stored::As(2));
    let revisions = engine.revisions(id).await.expect("read");
    assert_eq!(payloads(&revisions), [Some(r#"{"revision":1}"#), Some(r#"{"revision":2}"#)]);
    let newest = engine.newest_revisions(&[id, other, 4711]).await.expect("read");
    assert_eq!(newest.into_iter().collect::<Vec<_>>(), [(id, revisions[1].clone())]);
    assert_eq!((revisions[1].at, revisions[1].by.as_str()), (at(11), "ann"));
    assert_eq!(revisions[1].reason.as_deref(), Some("a typing error"));
    assert_eq!(letter(engine, 1).await.payload.as_deref(), Some(r#"{"number":1}"#));
    let mut all = engine.payloads(uuid(1)).await.expect("read");
    all.sort();
    assert_eq!(all, [r#"{"number":1}"#, r#"{"revision":1}"#, r#"{"revision":2}"#]);
}

/// Dead letters are selected by whether they have been repaired, and each has the number of its newest revision.
pub async fn repaired_dead_letters_are_selected(engine: &impl Engine) {
    for number in 1..=3 {
        dead_letter(engine, ONE, number, 5).await;
    }
    let id = letter(engine, 2).await.id;
    assert_eq!(repair(engine, id, 0, 10).await, Stored::As(1));
    assert_eq!(repair(engine, id, 1, 11).await, Stored::As(2));
    for (repaired, expected) in [(Some(true), vec![2]), (Some(false), vec![0, 0]), (None, vec![0, 2, 0])] {
        let filter = DeadLetterFilter { repaired, limit: 10, ..DeadLetterFilter::default() };
        let found = engine.dead_letters(&filter).await.expect("listed");
        assert_eq!(found.iter().map(|letter| letter.revision).collect::<Vec<_>>(), expected);
        assert_eq!(engine.count_dead_letters(&filter).await.expect("counted"), expected.len() as u64);
        assert_eq!(engine.plan_candidates(&filter).await.expect("read").len(), expected.len());
    }
}

/// An event is found by the identifiers that a repair of it names, too.
pub async fn an_event_is_found_by_what_a_repair_names(engine: &impl Engine) {
    let shop = connection(engine, "shop", 1).await.id;
    for number in 1..=2 {
        dead_letter(engine, shop, number, 5).await;
    }
    let id = letter(engine, 1).await.id;
    let named = NewRevision { named: vec![digest(77)], ..repaired(id, 0) };
    assert_eq!(engine.repair(&[named], &act(10)).await.expect("repaired"), [Stored::As(1)]);
    let found = engine.find_events(&[digest(77), digest(78)], 9).await.expect("read");
    assert_eq!(found.iter().map(|view| view.event).collect::<Vec<_>>(), [uuid(1)]);
    let both = engine.find_events(&[digest(77), digest(1), digest(2)], 9).await.expect("read");
    assert_eq!(both.iter().map(|view| view.event).collect::<Vec<_>>(), [uuid(2), uuid(1)], "each once");
}

/// If somebody else has made a repair meanwhile, a repair changes nothing, and returns the actor and time of the other one.
pub async fn the_second_of_two_operators_gets_a_conflict(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    let id = letter(engine, 1).await.id;
    assert_eq!(repair(engine, id, 0, 10).await, Stored::As(1));
    let conflict = Stored::Conflict { revision: 1, at: at(10), by: "ann".to_owned() };
    assert_eq!(repair(engine, id, 0, 11).await, conflict);
    assert_eq!(repair(engine, id, 2, 11).await, conflict);
    let twice = [repaired(id, 1), repaired(id, 1)];
    let bea = Act { actor: "bea".to_owned(), ..act(12) };
    let stored = engine.repair(&twice, &bea).await.expect("repaired");
    let conflict = Stored::Conflict { revision: 2, at: at(12), by: "bea".to_owned() };
    assert_eq!(stored, [Stored::As(2), conflict]);
    assert_eq!(engine.revisions(id).await.expect("read").len(), 2);
}

/// A dead letter that is being replayed, or whose event has ended, is not repaired.
pub async fn only_open_dead_letters_are_repaired(engine: &impl Engine) {
    for number in 1..=2 {
        dead_letter(engine, ONE, number, 5).await;
    }
    let (open, replaying) = (letter(engine, 1).await.id, letter(engine, 2).await.id);
    record(engine, Changes { connection: ONE, reopened: vec![uuid(2)], ..Changes::default() }).await;
    let repairs = [repaired(replaying, 0), repaired(4711, 0), repaired(open, 0)];
    let stored = engine.repair(&repairs, &act(10)).await.expect("repaired");
    assert_eq!(stored, [Stored::NotOpen, Stored::NotOpen, Stored::As(1)]);
}

/// A repaired payload is kept no longer than the original when that is dropped, erased or resolved, and is deleted with the dead letter.
pub async fn a_repaired_payload_is_deleted_with_the_original(engine: &impl Engine) {
    for number in 1..=5 {
        dead_letter(engine, ONE, number, 5).await;
    }
    let mut ids = Vec::new();
    for number in 1..=5 {
        ids.push(letter(engine, number).await.id);
        assert_eq!(repair(engine, ids[ids.len() - 1], 0, 10).await, Stored::As(1));
    }
    record(engine, Changes { connection: ONE, erased: vec![uuid(1)], ..Changes::default() }).await;
    let mut delivered = outcomes(ONE, vec![outcome(2, 2, State::Updated, 9)]);
    delivered.resolved.push(uuid(2));
    record(engine, delivered).await;
    engine.discard(&ids[2..3], &act(11), None).await.expect("discarded");
    engine.discard(&ids[3..4], &act(11), Some(at(20))).await.expect("discarded");
    for (id, kept) in ids.iter().zip([false, false, false, true, true]) {
        let revisions = engine.revisions(*id).await.expect("read");
        assert_eq!(revisions[0].payload.is_some(), kept, "{id}");
    }
    engine.drop_discarded(at(21), 10).await.expect("dropped");
    assert_eq!(engine.revisions(ids[3]).await.expect("read")[0].payload, None);
    expire(engine, at(0), at(100), 100).await;
    assert!(engine.revisions(ids[4]).await.expect("read").is_empty());
    assert!(engine.payloads(uuid(1)).await.expect("read").is_empty());
}

/// A delete of a person that only a repair names erases the dead letter and the payloads of its event, even before it is replayed. A delete
/// of an earlier time, of another connection, or of a person that only a refused repair names does not.
pub async fn a_delete_covers_persons_named_by_a_repair(engine: &impl Engine) {
    for number in 1..=3 {
        dead_letter(engine, ONE, number, 5).await;
    }
    let mut ids = Vec::new();
    for (number, stated) in [(1, 10), (2, 30)] {
        let id = letter(engine, number).await.id;
        let named = vec![digest(77), digest(78)];
        let revision = NewRevision { named, stated_at: at(stated).into(), ..repaired(id, 0) };
        // The next repair names the same identifiers again.
        let next = NewRevision { expected: 1, ..revision.clone() };
        let stored = engine.repair(&[revision], &act(40)).await.expect("repaired");
        assert_eq!(stored, [Stored::As(1)]);
        assert_eq!(engine.repair(&[next], &act(41)).await.expect("repaired"), [Stored::As(2)]);
        ids.push(id);
    }
    let third = letter(engine, 3).await.id;
    let refused =
        NewRevision { expected: 1, named: vec![digest(77)], stated_at: at(1).into(), ..repaired(third, 0) };
    assert_eq!(engine.repair(&[refused], &act(42)).await.expect("looked"), [Stored::NotOpen]);

    let delete = |connection, number| {
        let tombstones = vec![(digest(number), at(20).into())];
        Changes { connection, tombstones, ..Changes::default() }
    };
    record(engine, delete(OTHER, 77)).await;
    record(engine, delete(ONE, 79)).await;
    assert_eq!(letter(engine, 1).await.state, DeadLetterState::Open);
    record(engine, delete(ONE, 77)).await;
    let erased = letter(engine, 1).await;
    assert_eq!((erased.state, &erased.payload), (DeadLetterState::Discarded, &None));
    assert!(engine.payloads(uuid(1)).await.expect("read").is_empty());
    assert!(engine.revisions(ids[0]).await.expect("read").iter().all(|it| it.payload.is_none()));
    for number in 2..=3 {
        assert_eq!(letter(engine, number).await.state, DeadLetterState::Open, "{number}");
    }
    assert_eq!(engine.payloads(uuid(2)).await.expect("read").len(), 3);
}

/// A replayed event that waits for its person keeps neither payload nor revisions: its values are in a graph. Its dead letter may still be
/// resolved, and expires like any other; while the event is under way it does not expire.
pub async fn a_replay_that_waits_keeps_no_payload(engine: &impl Engine) {
    let mut ids = Vec::new();
    for number in 1..=3 {
        dead_letter(engine, ONE, number, 5).await;
        ids.push(letter(engine, number).await.id);
        assert_eq!(repair(engine, ids[ids.len() - 1], 0, 10).await, Stored::As(1));
    }
    let reopened = (1..=3).map(uuid).collect();
    record(engine, Changes { connection: ONE, reopened, ..Changes::default() }).await;
    let waits = vec![outcome(1, 2, State::Remembered, 20), outcome(2, 2, State::Remembered, 20)];
    record(engine, outcomes(ONE, waits)).await;
    let under_way = engine.kept_letters().await.expect("measured")[&ONE].bytes;
    assert_eq!(under_way, letter(engine, 3).await.payload.expect("kept").len() as u64);
    for (id, kept) in ids.iter().zip([false, false, true]) {
        assert_eq!(engine.revisions(*id).await.expect("read")[0].payload.is_some(), kept);
    }
    assert!(engine.payloads(uuid(1)).await.expect("read").is_empty());
    assert_eq!(letter(engine, 1).await.state, DeadLetterState::Replaying);

    let mut delivered = outcomes(ONE, vec![outcome(2, 3, State::Updated, 30)]);
    delivered.resolved.push(uuid(2));
    record(engine, delivered).await;
    assert_eq!(letter(engine, 2).await.state, DeadLetterState::Resolved);
    assert_eq!(expire(engine, at(0), at(5), 100).await.dead_letters, 0);
    assert_eq!(expire(engine, at(0), at(6), 100).await.dead_letters, 2);
    let left: Vec<_> = letters(engine).await.iter().map(|letter| (letter.event, letter.state)).collect();
    assert_eq!(left, [(uuid(3), DeadLetterState::Replaying)]);
}

/// The audit has a line with the reason.
pub async fn repairs_are_audited(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    let id = letter(engine, 1).await.id;
    repair(engine, id, 0, 10).await;
    repair(engine, id, 0, 11).await;
    let audit = engine.audit(None, 100).await.expect("read");
    let repaired: Vec<_> = audit.iter().filter(|(_, line)| line.action == "dead_letters_repaired").collect();
    assert_eq!(repaired.len(), 1, "a conflict has changed nothing");
    assert_eq!(repaired[0].1.subject, "1 dead letter of `id:1`: a typing error");
}

/// Open dead letters of a class are given up when its retention has ended: payloads are deleted; causes, counts and the audit stay.
pub async fn a_class_may_expire_earlier(engine: &impl Engine) {
    for (number, died) in [(1, 5), (2, 6), (3, 50)] {
        dead_letter(engine, ONE, number, died).await;
    }
    let id = letter(engine, 1).await.id;
    assert_eq!(repair(engine, id, 0, 10).await, Stored::As(1));
    assert_eq!(engine.expire_class("gone", at(20), at(60), 10).await.expect("expired"), 0);
    assert_eq!(engine.expire_class("refused", at(20), at(60), 1).await.expect("expired"), 1);
    assert_eq!(engine.expire_class("refused", at(20), at(60), 10).await.expect("expired"), 1);
    let expired = letter(engine, 1).await;
    assert_eq!((expired.state, &expired.payload), (DeadLetterState::Discarded, &None));
    assert_eq!((expired.cause.as_str(), expired.discarded.expect("said").kept_until), ("cause 1", None));
    assert_eq!(engine.revisions(id).await.expect("read")[0].payload, None);
    assert!(letter(engine, 3).await.payload.is_some());
    let audit = engine.audit(None, 100).await.expect("read");
    let lines: Vec<&str> = audit.iter().map(|(_, line)| line.subject.as_str()).collect();
    assert_eq!(
        lines
            .iter()
            .filter(|line| **line == "1 dead letter of `class:refused`: its retention has ended")
            .count(),
        2,
        "{lines:?}"
    );
}
