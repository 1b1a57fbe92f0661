//! Tests when a lane counts as empty.

use super::*;

fn answers(held: &[(u128, u64, u64)]) -> Answers {
    let answer = |(link, live, live_came): &(u128, u64, u64)| {
        (Uuid::from_u128(*link), Held { live: *live, live_came: *live_came, ..Held::default() })
    };
    held.iter().map(answer).collect()
}

#[test]
fn a_lane_is_quiet_only_without_held_events_and_new_deliveries() {
    let live = |held: &Held| (held.live, held.live_came);
    let before = answers(&[(1, 0, 7), (2, 0, 9)]);
    assert!(is_quiet(&before, &before, live));
    for after in [
        answers(&[(1, 0, 8), (2, 0, 9)]),
        answers(&[(1, 1, 7), (2, 0, 9)]),
        answers(&[(1, 0, 7), (3, 0, 9)]),
        answers(&[(1, 0, 7)]),
    ] {
        assert!(!is_quiet(&before, &after, live), "{after:?}");
    }
    let holding = answers(&[(1, 2, 7)]);
    assert!(!is_quiet(&holding, &holding, live));
}
