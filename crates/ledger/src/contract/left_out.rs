//! Promises about counts other than outcomes: unmapped traits, left-out data, values that are held back or cannot be removed, and repeats
//! of refused values.

use super::Engine;
use super::fixtures::{
    ONE, OTHER, at, counts, dead_letter, event, events, letters, outcome, outcomes, record, uuid,
};
use crate::unmapped::{
    BLOCKED, LIKE_IDS, MAX_LEFT_OUT, MAX_UNMAPPED_TRAITS, MORE, SHARED, UNMATCHED, UNUSABLE,
};
use crate::{Audit, Changes, DeadLetterState, State, Unmapped};

fn row(key: &str, events: u64) -> Unmapped {
    Unmapped { key: key.to_owned(), spelling: key.to_owned(), events }
}

/// Left-out data is counted separately from unmapped traits, even if those have reached their limit.
pub async fn left_out_values_and_identifiers_are_counted_by_name(engine: &impl Engine) {
    let names = (0..MAX_UNMAPPED_TRAITS - 1).map(|number| row(&number.to_string(), 1)).collect();
    record(engine, Changes { connection: ONE, unmapped: names, ..Changes::default() }).await;
    for _ in 0..2 {
        let unusable = row(&format!("{UNUSABLE}tags nested"), 2);
        let blocked = row(&format!("{BLOCKED}userId null"), 3);
        // An identifier is counted even if no event has named it since it stopped linking.
        let shared = [row(&format!("{SHARED}email 01"), 4), row(&format!("{SHARED}userId 02"), 0)];
        let unmapped = [unusable, blocked, row(UNMATCHED, 1)].into_iter().chain(shared).collect();
        record(engine, Changes { connection: ONE, unmapped, ..Changes::default() }).await;
    }
    let counted = counts(engine, ONE).await;
    assert_eq!(counted.unusable_values, [("tags nested".to_owned(), 4)]);
    assert_eq!(counted.blocked_identifiers, [("userId null".to_owned(), 6)]);
    let shared = [("email 01".to_owned(), 8), ("userId 02".to_owned(), 0)];
    assert_eq!(counted.shared_identifiers, shared);
    assert_eq!((counted.unmatched_deletes, counted.unmapped_beyond), (2, 0));
    assert!(counted.unmapped.iter().all(|(name, _)| !name.starts_with('(')));
    assert_eq!(counts(engine, OTHER).await.unmatched_deletes, 0);
}

/// One transaction may contain the same name twice, and many names may be more frequent than deletes.
pub async fn unmatched_deletes_are_counted_with_any_number_of_names(engine: &impl Engine) {
    let many = (0..=MAX_LEFT_OUT).map(|number| row(&format!("{UNUSABLE}trait{number} nested"), 5));
    let twice = [row(&format!("{UNUSABLE}tags nested"), 7), row(&format!("{UNUSABLE}tags nested"), 2)];
    let unmapped = many.chain(twice).chain([row(UNMATCHED, 1)]).collect();
    record(engine, Changes { connection: ONE, unmapped, ..Changes::default() }).await;
    let shared = (0..=MAX_LEFT_OUT).map(|number| row(&format!("{SHARED}userId {number:04}"), 5));
    let unmapped = shared.chain([row(UNMATCHED, 1)]).collect();
    record(engine, Changes { connection: OTHER, unmapped, ..Changes::default() }).await;
    assert_eq!(counts(engine, OTHER).await.unmatched_deletes, 1);
    let counted = counts(engine, ONE).await;
    assert_eq!(counted.unmatched_deletes, 1);
    assert_eq!(counted.unusable_values[0], ("tags nested".to_owned(), 9));
}

/// One dead letter counts all events that state its refused value again.
pub async fn repeats_of_a_dead_letter_are_counted(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    dead_letter(engine, ONE, 2, 5).await;
    for repeated in [vec![uuid(1)], vec![uuid(1), uuid(1), uuid(9)]] {
        record(engine, Changes { connection: ONE, repeated, ..Changes::default() }).await;
    }
    let listed = letters(engine).await;
    let repeats = |number| listed.iter().find(|letter| letter.event == uuid(number)).expect("listed").repeats;
    assert_eq!((repeats(1), repeats(2)), (3, 0));
}

/// The dead letter of an event that ended without being delivered is discarded.
pub async fn a_dead_letter_is_discarded_when_its_event_ends_undelivered(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    record(engine, Changes { connection: ONE, reopened: vec![uuid(1)], ..Changes::default() }).await;
    let mut overruled = outcomes(ONE, vec![outcome(1, 2, State::Superseded, 10)]);
    overruled.discarded.push(uuid(1));
    record(engine, overruled).await;
    assert_eq!(letters(engine).await[0].state, DeadLetterState::Discarded);
    assert_eq!(counts(engine, ONE).await.dead_letters, 0);
}

/// Unmapped traits are summed, the most frequent first; lines of the audit are stored.
pub async fn unmapped_traits_are_counted(engine: &impl Engine) {
    let stated = |key: &str, events| Unmapped { key: key.to_owned(), spelling: key.to_uppercase(), events };
    let line = Audit {
        at: at(1),
        actor: "worker".to_owned(),
        action: "passed on".to_owned(),
        subject: "affiliate 7".to_owned(),
    };
    for events in [1, 2] {
        let unmapped = vec![stated("vip", events), stated("plan", 1)];
        record(
            engine,
            Changes { connection: ONE, unmapped, audit: vec![line.clone()], ..Changes::default() },
        )
        .await;
    }
    let counted = counts(engine, ONE).await.unmapped;
    assert_eq!(counted, [("VIP".to_owned(), 3), ("PLAN".to_owned(), 2)]);
    assert!(counts(engine, OTHER).await.unmapped.is_empty());
}

/// Values that cannot be removed are counted by field, until none is left.
pub async fn values_that_cannot_be_removed_are_counted_by_field(engine: &impl Engine) {
    for (connection, field, change) in [(ONE, "country", 2), (ONE, "custom:7", 1), (OTHER, "country", 1)] {
        let stuck = [(field.to_owned(), change)].into();
        record(engine, Changes { connection, stuck, ..Changes::default() }).await;
    }
    let stuck = [("country".to_owned(), -1), ("custom:7".to_owned(), -1)].into();
    record(engine, Changes { connection: ONE, stuck, ..Changes::default() }).await;
    assert_eq!(counts(engine, ONE).await.stuck, [("country".to_owned(), 1)].into());
    assert_eq!(counts(engine, OTHER).await.stuck, [("country".to_owned(), 1)].into());
}

/// Held-back payout fields are counted by connection until they are confirmed.
pub async fn held_back_payouts_are_counted(engine: &impl Engine) {
    for (connection, held_back) in [(ONE, 2), (OTHER, 1), (ONE, -1)] {
        record(engine, Changes { connection, held_back, ..Changes::default() }).await;
    }
    assert_eq!((counts(engine, ONE).await.held_back, counts(engine, OTHER).await.held_back), (1, 1));
    assert!(counts(engine, ONE).await.outcomes.is_empty(), "it is no outcome");
}

/// Invented trait names do not fill the ledger; names that are counted already continue to be counted.
pub async fn unmapped_traits_have_a_limit(engine: &impl Engine) {
    let stated = |number: u32| Unmapped { key: number.to_string(), spelling: number.to_string(), events: 1 };
    let unmapped = (0..MAX_UNMAPPED_TRAITS + 50).map(stated).collect();
    record(engine, Changes { connection: ONE, unmapped, ..Changes::default() }).await;
    let again = vec![stated(0), stated(MAX_UNMAPPED_TRAITS), stated(MAX_UNMAPPED_TRAITS)];
    record(engine, Changes { connection: ONE, unmapped: again, ..Changes::default() }).await;
    assert_eq!(counts(engine, ONE).await.unmapped[0], ("0".to_owned(), 2));
    assert_eq!(counts(engine, ONE).await.unmapped[1].1, 1);
}

/// This shows an operator that the counts are a sample. The fixed words are counted even if no further names are.
pub async fn names_beyond_the_limit_are_counted_together(engine: &impl Engine) {
    let stated = |key: &str, events| Unmapped { key: key.to_owned(), spelling: key.to_owned(), events };
    let names = |from: u32, to: u32| (from..to).map(|number| stated(&number.to_string(), 1)).collect();
    record(
        engine,
        Changes { connection: ONE, unmapped: names(0, MAX_UNMAPPED_TRAITS), ..Changes::default() },
    )
    .await;
    assert_eq!(counts(engine, ONE).await.unmapped_beyond, 0);
    record(engine, Changes { connection: ONE, unmapped: names(5000, 5003), ..Changes::default() }).await;
    assert_eq!(counts(engine, ONE).await.unmapped_beyond, 1, "one event may have said all of them");
    let words = vec![stated(MORE, 4), stated(LIKE_IDS, 7)];
    record(engine, Changes { connection: ONE, unmapped: words, ..Changes::default() }).await;
    let counts = counts(engine, ONE).await;
    assert_eq!((counts.unmapped_beyond, counts.unmapped[0].clone()), (5, (LIKE_IDS.to_owned(), 7)));
    assert!(counts.unmapped.iter().all(|(name, _)| name != MORE));
}

/// Counts can be read for one connection, or for all together.
pub async fn events_of_connections_are_counted_separately(engine: &impl Engine) {
    record(engine, events(ONE, vec![event(1, &[1]), event(2, &[2])])).await;
    record(engine, events(OTHER, vec![event(3, &[3])])).await;
    dead_letter(engine, OTHER, 4, 5).await;
    assert_eq!(counts(engine, ONE).await.pending, 2);
    assert_eq!(counts(engine, OTHER).await.dead_letters, 1);
    let by_class = counts(engine, OTHER).await.dead_letters_by_class;
    assert_eq!(by_class.values().copied().collect::<Vec<_>>(), [1], "{by_class:?}");
    assert!(counts(engine, ONE).await.dead_letters_by_class.is_empty());
    let all = engine.counts(None, at(0)).await.expect("counted");
    assert_eq!((all.pending, all.dead_letters), (3, 1));
    assert_eq!(all.outcomes, [("dead".to_owned(), 1)].into());
}
