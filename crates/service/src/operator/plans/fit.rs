//! Chooses the next items to release: whole persons, as far as calls are allowed.

use ledger::plans::{PlanItem, WEIGHT_OF_A_CALL};

/// The limits of a release for one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Whole calls that the rate of the run allows.
    pub(super) calls: u64,
    /// Weight that is under way.
    pub(super) under_way: u64,
    /// Weight that may be under way.
    pub(super) most: u64,
}

/// Number of the first items that are released, and of the whole calls that they count for. `is_all`: no items follow these.
///
/// A person is released as a whole, because any of its events may cause the call whose weight stands at another one. If the
/// events of a person may go on after the page, a call is counted for each page. A first person that is too heavy for the room
/// is released if nothing is under way, and one that is too heavy for the allowed calls if any call is allowed. Otherwise it
/// would never be released; the items after it wait longer instead.
pub(super) fn fitting(items: &[PlanItem], is_all: bool, room: Room) -> (usize, u64) {
    if room.calls == 0 {
        return (0, 0);
    }
    let call = u64::from(WEIGHT_OF_A_CALL);
    let allowed = room.calls.saturating_mul(call);
    let (mut taken, mut weight) = (0, 0_u64);
    for person in items.chunk_by(|one, other| one.person == other.person) {
        let is_cut = !is_all && taken + person.len() == items.len();
        let own: u64 = person.iter().map(|item| u64::from(item.weight)).sum();
        let own = if is_cut { own.max(call) } else { own };
        let is_too_much = room.under_way.saturating_add(weight + own) > room.most;
        let stays = match taken {
            0 => is_too_much && room.under_way > 0,
            _ => is_cut || is_too_much || weight >= allowed || weight + own > allowed,
        };
        if stays {
            break;
        }
        taken += person.len();
        weight += own;
    }
    // A call that is begun counts as a whole one: items that are released later go out with another call.
    let calls = if taken == 0 { 0 } else { weight.div_ceil(call).max(1) };
    (taken, calls)
}

#[cfg(test)]
mod tests {
    use identity::Digest;
    use jiff::Timestamp;
    use ledger::plans::ItemState;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const ALL: Room = Room { calls: u64::MAX, under_way: 0, most: u64::MAX };

    /// Items of persons, each with the weights of its letters.
    fn items(persons: &[&[u32]]) -> Vec<PlanItem> {
        let mut items = Vec::new();
        for (person, weights) in persons.iter().enumerate() {
            for weight in *weights {
                items.push(PlanItem {
                    letter: items.len() as i64,
                    event: Uuid::nil(),
                    connection: 1,
                    person: Digest((person as u128).to_be_bytes()),
                    group: String::new(),
                    state: ItemState::Planned,
                    reason: String::new(),
                    weight: *weight,
                    died_at: Timestamp::UNIX_EPOCH,
                    released_at: None,
                    ended_at: None,
                    now: None,
                });
            }
        }
        items
    }

    #[test]
    fn no_event_is_released_without_an_allowed_call_at_any_position_of_the_weight() {
        let one = Room { calls: 1, ..ALL };
        let mut with_weight_last: Vec<&[u32]> = vec![&[20]; 50];
        with_weight_last.push(&[0, 0, 20]);
        assert_eq!(fitting(&items(&with_weight_last), true, one), (50, 1), "the next person waits");
        assert_eq!(fitting(&items(&[&[0, 0, 20]]), true, Room { calls: 0, ..ALL }), (0, 0));
        assert_eq!(fitting(&items(&[&[0, 0, 20], &[20]]), true, one), (4, 1));
        assert_eq!(fitting(&items(&[&[0, 0]]), true, one), (2, 1), "its call is counted at another person");
    }

    #[test]
    fn a_person_that_needs_several_calls_is_released_when_it_is_first() {
        let one = Room { calls: 1, under_way: 0, most: 2_000 };
        assert_eq!(fitting(&items(&[&[3_000], &[20]]), true, one), (1, 3));
        assert_eq!(fitting(&items(&[&[20], &[3_000]]), true, one), (1, 1));
        assert_eq!(fitting(&items(&[&[3_000]]), true, Room { under_way: 20, ..one }), (0, 0));
    }

    #[test]
    fn a_person_whose_events_may_continue_on_the_next_page_waits_or_counts_a_call() {
        assert_eq!(fitting(&items(&[&[20], &[0, 0]]), false, ALL), (1, 1), "the next page begins with it");
        assert_eq!(fitting(&items(&[&[0, 0, 0]]), false, ALL), (3, 1));
        assert_eq!(fitting(&items(&[&[20], &[0, 0]]), true, ALL), (3, 1));
    }

    proptest! {
        #[test]
        fn released_events_fit_unless_they_are_of_one_person(
            persons in proptest::collection::vec(
                proptest::collection::vec(prop_oneof![Just(0), Just(20), Just(1_000)], 1..5), 0..40),
            calls in 0_u64..6,
            under_way in 0_u64..4_000,
            is_all in any::<bool>(),
        ) {
            let persons: Vec<&[u32]> = persons.iter().map(Vec::as_slice).collect();
            let items = items(&persons);
            let room = Room { calls, under_way, most: 4_000 };
            let (taken, counted) = fitting(&items, is_all, room);
            let released = &items[..taken];
            let weight: u64 = released.iter().map(|item| u64::from(item.weight)).sum();
            prop_assert_eq!(taken > 0, counted > 0);
            prop_assert!(weight <= counted * 1_000);
            prop_assert!(calls > 0 || taken == 0);
            let is_one = released.first().map(|item| item.person) == released.last().map(|item| item.person);
            prop_assert!(is_one || (counted <= calls && under_way + weight <= room.most));
            let is_whole = taken == items.len() || taken == 0 || items[taken].person != items[taken - 1].person;
            prop_assert!(is_whole, "a person is released as a whole");
        }
    }
}
