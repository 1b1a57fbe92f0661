//! What is counted of events beside their ends: what was left out of them, and how often refused values were said again.

use super::Engine;
use super::material::{ONE, OTHER, counts, dead_letter, letters, outcome, outcomes, record, uuid};
use crate::unmapped::{BLOCKED, MAX_LEFT_OUT, MAX_UNMAPPED_TRAITS, SHARED, UNMATCHED, UNUSABLE};
use crate::{Changes, DeadLetterState, State, Unmapped};

fn row(key: &str, events: u64) -> Unmapped {
    Unmapped { key: key.to_owned(), spelling: key.to_owned(), events }
}

/// What was left out is counted apart from unmapped traits, also where those have used up the room.
pub async fn what_is_left_out_is_counted_by_name(engine: &impl Engine) {
    let names = (0..MAX_UNMAPPED_TRAITS - 1).map(|number| row(&number.to_string(), 1)).collect();
    record(engine, Changes { connection: ONE, unmapped: names, ..Changes::default() }).await;
    for _ in 0..2 {
        let unusable = row(&format!("{UNUSABLE}tags nested"), 2);
        let blocked = row(&format!("{BLOCKED}userId null"), 3);
        // One that nobody has named since it stopped linking is counted all the same.
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

/// What is recorded together may have the same name twice, and there may be many names more frequent than deletes.
pub async fn deletes_that_match_nobody_are_counted_beside_any_number_of_names(engine: &impl Engine) {
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

/// One letter counts all who say its refused value again.
pub async fn repeats_of_a_letter_are_counted(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    dead_letter(engine, ONE, 2, 5).await;
    for repeated in [vec![uuid(1)], vec![uuid(1), uuid(1), uuid(9)]] {
        record(engine, Changes { connection: ONE, repeated, ..Changes::default() }).await;
    }
    let listed = letters(engine).await;
    let repeats = |number| listed.iter().find(|letter| letter.event == uuid(number)).expect("listed").repeats;
    assert_eq!((repeats(1), repeats(2)), (3, 0));
}

/// An event that ended otherwise than by being delivered leaves nothing to do.
pub async fn a_letter_is_put_aside_with_the_end_of_its_event(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    record(engine, Changes { connection: ONE, reopened: vec![uuid(1)], ..Changes::default() }).await;
    let mut overruled = outcomes(ONE, vec![outcome(1, 2, State::Superseded, 10)]);
    overruled.put_aside.push(uuid(1));
    record(engine, overruled).await;
    assert_eq!(letters(engine).await[0].state, DeadLetterState::Discarded);
    assert_eq!(counts(engine, ONE).await.dead_letters, 0);
}
