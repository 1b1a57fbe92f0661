//! Promises about the selection of dead letters by a filter.

use super::Engine;
use super::fixtures::{ONE, OTHER, at, event, letter, letters, outcome, record, uuid};
use crate::{Changes, DeadLetterFilter, DeadLetterState, DeadLetterView, State};

/// Records an event with this payload and its dead letter.
async fn dead_event(engine: &impl Engine, connection: i64, payload: &str, letter: crate::DeadLetter) {
    let number = letter.event.as_u128() & 0xFFFF;
    let mut begins = event(number, &[]);
    begins.payload = payload.into();
    let changes = Changes {
        connection,
        events: vec![begins],
        outcomes: vec![outcome(number, 1, State::Dead, 0)],
        dead_letters: vec![letter],
        ..Changes::default()
    };
    record(engine, changes).await;
}

fn numbers(letters: &[DeadLetterView]) -> Vec<u128> {
    letters.iter().map(|letter| letter.event.as_u128() & 0xFFFF).collect()
}

/// The dead letters that match a filter, newest first. Checks that the count is the same.
async fn picked(engine: &impl Engine, filter: DeadLetterFilter) -> Vec<u128> {
    let filter = DeadLetterFilter { limit: 100, ..filter };
    let found = engine.dead_letters(&filter).await.expect("listed");
    assert_eq!(engine.count_dead_letters(&filter).await.expect("counted"), found.len() as u64);
    numbers(&found)
}

/// A dead letter has to match any value of each condition, and all conditions together.
pub async fn every_condition_narrows(engine: &impl Engine) {
    let vip = r#"{"context":{"personas":{"computation_key":"vip"}}}"#;
    let mut other = letter(1, 10);
    (other.class, other.field, other.http_status) = ("email_taken".to_owned(), None, None);
    "The address is Taken by 100% another_one".clone_into(&mut other.cause);
    dead_event(engine, OTHER, "no JSON with a computation_key", other).await;
    dead_event(engine, ONE, vip, letter(2, 20)).await;
    dead_event(engine, ONE, "{}", crate::DeadLetter { http_status: Some(400), ..letter(3, 30) }).await;
    let id = letters(engine).await[0].id;
    engine.move_dead_letters(&[id], DeadLetterState::Open, DeadLetterState::Discarded).await.expect("moved");

    let any = DeadLetterFilter::default;
    let text = |it: &str| DeadLetterFilter { text: Some(it.to_owned()), ..any() };
    let list = |values: &[&str]| Some(values.iter().map(|&it| it.to_owned()).collect::<Vec<_>>());
    assert_eq!(picked(engine, any()).await, [3, 2, 1]);
    assert_eq!(picked(engine, DeadLetterFilter { connections: Some(vec![OTHER, 7]), ..any() }).await, [1]);
    let states = Some(vec![DeadLetterState::Open, DeadLetterState::Resolved]);
    assert_eq!(picked(engine, DeadLetterFilter { states, ..any() }).await, [2, 1]);
    assert_eq!(
        picked(engine, DeadLetterFilter { classes: list(&["gone", "refused"]), ..any() }).await,
        [3, 2]
    );
    assert_eq!(picked(engine, DeadLetterFilter { http_statuses: Some(vec![400]), ..any() }).await, [3]);
    assert_eq!(picked(engine, DeadLetterFilter { fields: list(&["phone"]), ..any() }).await, [3, 2]);
    assert_eq!(picked(engine, DeadLetterFilter { audiences: list(&["vip", "x"]), ..any() }).await, [2]);
    assert_eq!(picked(engine, DeadLetterFilter { fields: Some(Vec::new()), ..any() }).await, [0u128; 0]);
    assert_eq!(picked(engine, text("taken BY 100%")).await, [1], "neither case nor a wildcard counts");
    assert_eq!(picked(engine, text("another%one")).await, [0u128; 0]);
    assert_eq!(picked(engine, DeadLetterFilter { died_from: Some(at(20)), ..any() }).await, [3, 2]);
    assert_eq!(picked(engine, DeadLetterFilter { died_before: Some(at(20)), ..any() }).await, [1]);
    let both = DeadLetterFilter { classes: list(&["refused"]), http_statuses: Some(vec![422]), ..any() };
    assert_eq!(picked(engine, both).await, [2]);
    let audiences = letters(engine).await.into_iter().map(|letter| letter.audience);
    assert_eq!(audiences.collect::<Vec<_>>(), [None, Some("vip".to_owned()), None]);
}

/// Pages contain every dead letter once, also those that died at the same moment, and none that dies meanwhile.
pub async fn pages_contain_every_dead_letter_once(engine: &impl Engine) {
    for (number, died) in [(1, 5), (2, 7), (3, 7), (4, 7), (5, 9)] {
        dead_event(engine, ONE, "{}", letter(number, died)).await;
    }
    let mut filter = DeadLetterFilter { limit: 2, ..DeadLetterFilter::default() };
    let mut met = Vec::new();
    loop {
        let page = engine.dead_letters(&filter).await.expect("listed");
        let Some(last) = page.last() else { break };
        filter.after = Some((last.died_at, last.id));
        met.extend(numbers(&page));
        dead_event(engine, ONE, "{}", letter(10 + met.len() as u128, 20)).await;
    }
    assert_eq!(met, [5, 4, 3, 2, 1]);
    assert!(letters(engine).await.iter().any(|letter| letter.event == uuid(12)));
}
