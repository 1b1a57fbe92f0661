//! The passes of a walk through Refersion's list: when one has found all affiliates, and how the next begins.

use jiff::{SignedDuration, Timestamp};
use ledger::Walk;

/// Maximum number of passes of one walk.
pub(super) const MAX_PASSES: u32 = 5;

/// Whether a pass has found as many as Refersion counts, and no more new ones than were added since the pass before.
pub(super) fn has_found_all(walk: &Walk) -> bool {
    // A pass that got no total is compared with the total of the pass before.
    let total = walk.total.or(walk.total_before);
    let agrees = total.is_none_or(|total| walk.seen + walk.unreadable >= total);
    let added = walk.total.zip(walk.total_before).map_or(0, |(now, before)| now.saturating_sub(before));
    // One empty answer to the first page must not empty a directory.
    walk.pass >= 2 && agrees && walk.fresh <= added
}

/// Whether no pass follows.
pub(super) fn is_last_pass(walk: &Walk) -> bool {
    walk.pass >= MAX_PASSES
}

/// The walk at the beginning of its next pass.
pub(super) fn next_pass(walk: Walk, now: Timestamp) -> Walk {
    Walk {
        pass: walk.pass + 1,
        // Passes are distinguished by their beginnings.
        pass_started_at: now.max(walk.pass_started_at + SignedDuration::from_micros(1)),
        page: 1,
        seen: 0,
        fresh: 0,
        unreadable: 0,
        idle: 0,
        total: None,
        total_before: walk.total,
        ..walk
    }
}

/// How many affiliates the last pass has missed, by Refersion's count; at least 1 if it found new ones that an earlier pass had
/// missed. `None` if the pass was not read to its end.
pub(super) fn missing(walk: &Walk) -> Option<u64> {
    if !is_last_pass(walk) {
        return None;
    }
    let found = walk.seen + walk.unreadable;
    Some(walk.total.or(walk.total_before).map_or(1, |total| total.saturating_sub(found).max(1)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use ledger::WalkRequest;
    use proptest::prelude::*;

    use super::*;

    fn walk(pass: u32, total: Option<u64>, seen: u64, fresh: u64) -> Walk {
        let request =
            WalkRequest { asked_at: Timestamp::UNIX_EPOCH, verify: false, repair: false, max_calls: None };
        Walk { pass, total, seen, fresh, ..Walk::begin(request, Timestamp::UNIX_EPOCH) }
    }

    #[test]
    fn one_pass_is_never_enough_and_new_affiliates_need_another_one() {
        assert!(!has_found_all(&walk(1, Some(2), 2, 2)));
        assert!(has_found_all(&walk(2, Some(2), 2, 0)));
        assert!(has_found_all(&Walk { total_before: Some(1), ..walk(2, Some(2), 2, 1) }), "one was added");
        assert!(!has_found_all(&Walk { total_before: Some(2), ..walk(2, Some(2), 2, 1) }), "one was missed");
        assert!(has_found_all(&Walk { unreadable: 1, ..walk(2, Some(3), 2, 0) }));
    }

    proptest! {
        #[test]
        fn a_pass_that_found_fewer_than_refersion_counts_is_not_complete(
            (pass, total, seen, fresh) in (1_u32..9, 1_u64..9, 0_u64..9, 0_u64..9)
        ) {
            let walk = walk(pass, Some(total), seen, fresh);
            prop_assert!(seen >= total || !has_found_all(&walk));
            let missing = missing(&walk);
            prop_assert_eq!(missing.is_some(), pass >= MAX_PASSES);
            prop_assert!(missing.is_none_or(|missing| missing >= total.saturating_sub(seen).max(1)));
        }

        #[test]
        fn the_next_pass_begins_later_whatever_the_clock_says(now in -9_i64..9) {
            let walk = walk(1, Some(5), 3, 3);
            let next = next_pass(walk.clone(), Timestamp::from_second(now).expect("a time"));
            prop_assert!(next.pass_started_at > walk.pass_started_at);
            prop_assert_eq!((next.pass, next.page, next.seen, next.total_before), (2, 1, 0, Some(5)));
        }
    }
}
