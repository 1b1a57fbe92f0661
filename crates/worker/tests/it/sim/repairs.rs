//! Operators who repair events: a repaired version replaces the former ones, whatever happens meanwhile.

use identity::Digest;
use identity::stamp::Moment;
use jiff::Timestamp;
use ledger::{
    Act, DeadLetterFilter, DeadLetterState, DeadLetterView, NewRevision, Repairs as _, Stored, View as _,
};
use repair::{Patch, Rules};
use worker::translate::Translator;

use super::harness::Harness;
use super::script::{Accepted, replay_these};
use super::story::SentEvent;

/// Repairs some dead letters, each by another phone number, and replays them.
pub(super) async fn repair(harness: &Harness, accepted: &mut Vec<Accepted>) {
    let open = DeadLetterFilter {
        states: Some(vec![DeadLetterState::Open]),
        limit: 3,
        ..DeadLetterFilter::default()
    };
    let mut letters = harness.ledger.dead_letters(&open).await.expect("a ledger");
    let ids: Vec<i64> = letters.iter().map(|letter| letter.id).collect();
    let newest = harness.ledger.newest_revisions(&ids).await.expect("a ledger");
    let mut repaired = Vec::new();
    for letter in &letters {
        let expected = newest.get(&letter.id).map_or(0, |newest| newest.revision);
        let payload = newest.get(&letter.id).map_or(&letter.payload, |newest| &newest.payload);
        let former = accepted.iter().find(|event| event.id == letter.event && !event.sent.delete);
        let (Some(payload), Some(former)) = (payload, former) else { continue };
        let phone = format!("phone-{}-{}", letter.id, expected + 1);
        let Some(payload) = with_phone(payload, &phone, letter.received_at) else { continue };
        let (named, stated_at) = names(harness, letter, &payload);
        let new = [NewRevision { letter: letter.id, expected, payload: payload.clone(), named, stated_at }];
        let act = Act {
            at: harness.now(),
            actor: "ann".to_owned(),
            selector: format!("id:{}", letter.id),
            reason: None,
        };
        let stored = harness.ledger.repair(&new, &act).await.expect("a ledger");
        // It may have been delivered or erased since it was read.
        if stored == [Stored::NotOpen] {
            continue;
        }
        assert_eq!(stored, [Stored::As(expected + 1)], "no other operator repairs");
        let words = former.sent.words.iter().cloned().chain([phone]).collect();
        let sent = SentEvent { json: payload, words, ..former.sent.clone() };
        let Accepted { account, id, received_at, .. } = *former;
        accepted.push(Accepted { account, id, received_at, sent, revision: expected + 1 });
        repaired.push(letter.id);
    }
    letters.retain(|letter| repaired.contains(&letter.id));
    replay_these(harness, &letters).await;
}

/// The identifiers that a version names, and its time.
fn names(harness: &Harness, letter: &DeadLetterView, payload: &str) -> (Vec<Digest>, Moment) {
    let read = segment::read(payload.as_bytes(), letter.received_at).expect("a good event");
    let translator = Translator { vault: &harness.vault, connection: letter.connection };
    (translator.names(&read), read.time().into())
}

/// The event with another phone number; `None` where it has no place for one.
fn with_phone(payload: &str, phone: &str, received_at: Timestamp) -> Option<String> {
    let patch = format!(r#"[{{"op":"add","path":"/traits/phone","value":"{phone}"}}]"#);
    let patch = Patch::parse(&patch).expect("a good patch");
    let repaired = repair::patch(payload, &patch, received_at, &Rules::default()).ok()?;
    Some(repaired.payload)
}

/// Whether a version counts: an original does, and a repaired one if it came in time. An event may end while its replay waits in
/// the queue, because something newer brought its value to Refersion.
pub(super) fn counts(harness: &Harness, event: &Accepted) -> bool {
    if event.revision == 0 {
        return true;
    }
    let Ok(read) = segment::read(event.sent.json.as_bytes(), event.received_at) else { return false };
    let versions = harness.watch.versions.lock();
    versions.contains(&(read.message_key, event.revision))
}
