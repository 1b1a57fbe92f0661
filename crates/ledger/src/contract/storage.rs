//! Promises about how much storage the ledger uses.

use super::Engine;
use super::fixtures::{ONE, OTHER, dead_letter, event, events, letters, record, save, saves, uuid};
use crate::{Changes, DeadLetterState, KeptLetters};

/// The size of a large payload in bytes.
const LARGE: usize = 400_000;

/// New events make the ledger larger.
pub async fn stored_events_are_measured(engine: &impl Engine) {
    let before = engine.used_bytes().await.expect("measured");
    for number in 1..=10 {
        let mut large = event(number, &[1]);
        large.payload = noise(LARGE).into();
        record(engine, events(ONE, vec![large])).await;
    }
    let grown = engine.used_bytes().await.expect("measured") - before;
    assert!(grown >= 10 * u64::try_from(LARGE).expect("small") / 2, "grown by {grown}");
}

/// The number and bytes of dead letters that are open or under replay; discarded and erased ones do not count.
pub async fn dead_letters_are_measured_by_connection(engine: &impl Engine) {
    assert!(engine.kept_letters().await.expect("measured").is_empty());
    for number in 1..=3 {
        dead_letter(engine, ONE, number, 5).await;
    }
    dead_letter(engine, OTHER, 4, 5).await;
    let bytes = u64::try_from(event(1, &[]).payload.len()).expect("small");
    let of = |number: u64| KeptLetters { number, bytes: number * bytes };
    let kept = async || engine.kept_letters().await.expect("measured");
    assert_eq!(kept().await, [(ONE, of(3)), (OTHER, of(1))].into());
    let first = letters(engine).await.into_iter().find(|letter| letter.event == uuid(1)).expect("listed");
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    engine.move_dead_letters(&[first.id], open, replaying).await.expect("moved");
    assert_eq!(kept().await[&ONE], of(3), "one under replay is kept still");
    engine.move_dead_letters(&[first.id], replaying, DeadLetterState::Discarded).await.expect("moved");
    assert_eq!(engine.payload(uuid(1)).await.expect("read"), None, "nobody needs it any more");
    record(engine, Changes { connection: ONE, erased: vec![uuid(2)], ..Changes::default() }).await;
    assert_eq!(kept().await, [(ONE, of(1)), (OTHER, of(1))].into());
}

/// Payloads and graphs are counted for their connection.
pub async fn shares_show_the_largest_connection(engine: &impl Engine) {
    let mut large = event(1, &[1]);
    large.payload = noise(LARGE).into();
    record(engine, events(ONE, vec![large])).await;
    record(engine, events(OTHER, vec![event(2, &[2])])).await;
    record(engine, saves(OTHER, vec![save(None, &[2])])).await;
    let shares = engine.shares().await.expect("summed up");
    assert!(shares[&ONE] >= u64::try_from(LARGE).expect("small"), "{shares:?}");
    assert!(shares[&OTHER] > 0 && shares[&OTHER] < 10_000, "{shares:?}");
    // Counts of persons and affiliates take no room.
    let stuck = [("country".to_owned(), 9)].into();
    record(engine, Changes { connection: OTHER, held_back: 9, stuck, ..Changes::default() }).await;
    assert_eq!(engine.shares().await.expect("summed up"), shares);
}

/// JSON that does not compress.
fn noise(bytes: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + u8::try_from(state % 26).unwrap_or(0))
    };
    format!("\"{}\"", (0..bytes).map(|_| letter()).collect::<String>())
}
