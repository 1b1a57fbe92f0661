//! Promises about closing and reopening dead letters.

use super::Engine;
use super::fixtures::{ONE, OTHER, at, dead_letter, event, events, letters, outcome, outcomes, record, uuid};
use crate::{Act, Changes, DeadLetterState, DeadLetterView, State};

fn act(second: i64, reason: Option<&str>) -> Act {
    Act {
        at: at(second),
        actor: "operator".to_owned(),
        selector: "class:refused state:open".to_owned(),
        reason: reason.map(str::to_owned),
    }
}

async fn letter(engine: &impl Engine, number: u128) -> DeadLetterView {
    letters(engine).await.into_iter().find(|letter| letter.event == uuid(number)).expect("listed")
}

/// A discarded dead letter is kept for a while with the reason, and is open again once it is restored.
pub async fn a_discarded_dead_letter_can_be_restored_while_it_is_kept(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    dead_letter(engine, ONE, 2, 6).await;
    let mut ids: Vec<i64> = letters(engine).await.iter().map(|letter| letter.id).collect();
    let until = Some(at(100));
    let mut discarded = engine.discard(&ids, &act(10, Some("a test shop")), until).await.expect("discarded");
    ids.sort_unstable();
    discarded.sort_unstable();
    assert_eq!(discarded, ids);
    assert!(engine.discard(&ids, &act(11, None), until).await.expect("looked").is_empty(), "only open ones");
    let discarded = letter(engine, 1).await;
    assert_eq!((discarded.state, discarded.payload.is_some()), (DeadLetterState::Discarded, true));
    let why = discarded.discarded.expect("said");
    assert_eq!((why.at, why.reason.as_deref(), why.kept_until), (at(10), Some("a test shop"), until));

    assert_eq!(
        engine.restore(&[discarded.id, 4711], &act(12, None)).await.expect("restored"),
        [discarded.id]
    );
    let restored = letter(engine, 1).await;
    assert_eq!((restored.state, restored.discarded.is_none()), (DeadLetterState::Open, true));

    assert_eq!(engine.drop_discarded(at(100), 10).await.expect("looked"), 0, "it is kept until then");
    assert_eq!(engine.drop_discarded(at(101), 10).await.expect("dropped"), 1);
    assert_eq!(engine.drop_discarded(at(101), 10).await.expect("dropped"), 0);
    let gone = letter(engine, 2).await;
    assert_eq!((gone.payload, gone.discarded.expect("said").reason.as_deref()), (None, Some("a test shop")));
    assert!(engine.restore(&[gone.id], &act(102, None)).await.expect("looked").is_empty());
    assert!(letter(engine, 1).await.payload.is_some());
}

/// A dead letter that is discarded for good keeps no payload; one that was erased, or whose event ended, cannot be restored.
pub async fn dead_letters_without_a_payload_cannot_be_restored(engine: &impl Engine) {
    for number in 1..=3 {
        dead_letter(engine, ONE, number, 5).await;
    }
    let id = letter(engine, 1).await.id;
    assert_eq!(engine.discard(&[id], &act(10, None), None).await.expect("discarded"), [id]);
    assert_eq!(letter(engine, 1).await.payload, None);
    record(engine, Changes { connection: ONE, erased: vec![uuid(2)], ..Changes::default() }).await;
    let mut ended = outcomes(ONE, vec![outcome(3, 2, State::Updated, 9)]);
    ended.discarded.push(uuid(3));
    record(engine, ended).await;
    let ids: Vec<i64> = letters(engine).await.iter().map(|letter| letter.id).collect();
    assert!(engine.restore(&ids, &act(11, None)).await.expect("looked").is_empty());
}

/// Every act is recorded in the audit of each connection concerned, with selector, reason and number.
pub async fn acts_are_audited(engine: &impl Engine) {
    for (connection, number) in [(ONE, 1), (ONE, 2), (OTHER, 3)] {
        dead_letter(engine, connection, number, 5).await;
    }
    let ids: Vec<i64> = letters(engine).await.iter().map(|letter| letter.id).collect();
    engine.discard(&ids, &act(10, Some("a test shop")), Some(at(99))).await.expect("discarded");
    engine.restore(&ids, &act(11, None)).await.expect("restored");
    let audit = engine.audit(None, 100).await.expect("read");
    let lines: Vec<(i64, &str)> = audit.iter().map(|(of, line)| (*of, line.action.as_str())).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    let discarded = audit.iter().find(|(of, line)| *of == ONE && line.action == "dead_letters_discarded");
    let (_, line) = discarded.expect("in the audit");
    assert_eq!(line.subject, "2 dead letters of `class:refused state:open`: a test shop");
    assert_eq!((line.actor.as_str(), line.at), ("operator", at(10)));
    assert_eq!(audit[0].1.action, "dead_letters_restored");
}

/// A dead letter that a newer event resolved names that event; a replayed dead letter names none.
pub async fn a_dead_letter_names_the_event_that_resolved_it(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    dead_letter(engine, ONE, 2, 5).await;
    record(engine, events(ONE, vec![event(3, &[])])).await;
    record(engine, Changes { connection: ONE, reopened: vec![uuid(2)], ..Changes::default() }).await;
    let ends = vec![outcome(1, 2, State::Updated, 9), outcome(2, 2, State::Updated, 9)];
    let mut changes = outcomes(ONE, ends);
    for number in [1, 2] {
        changes.resolved.push(uuid(number));
        changes.resolved_by.insert(uuid(number), uuid(3));
    }
    record(engine, changes).await;
    let resolved = letter(engine, 1).await;
    assert_eq!((resolved.state, resolved.resolved_by), (DeadLetterState::Resolved, Some(uuid(3))));
    let replayed = letter(engine, 2).await;
    assert_eq!((replayed.state, replayed.resolved_by), (DeadLetterState::Resolved, None));
}
