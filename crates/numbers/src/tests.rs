//! Ranges against plain sets.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn ranges(parts: &[(u64, u64)]) -> Ranges {
    let mut ranges = Ranges::default();
    for (first, length) in parts {
        ranges.insert(*first, first + length);
    }
    ranges
}

fn set(ranges: &Ranges) -> BTreeSet<u64> {
    ranges.iter().flat_map(|(first, last)| first..=last).collect()
}

fn parts() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0_u64..60, 0_u64..6), 0..20)
}

proptest! {
    #[test]
    fn operations_on_ranges_equal_those_on_sets(one in parts(), other in parts()) {
        let plain: BTreeSet<u64> = one.iter().flat_map(|(first, length)| *first..=first + length).collect();
        let (one, other) = (ranges(&one), ranges(&other));
        prop_assert_eq!(&set(&one), &plain);
        prop_assert_eq!(one.count(), plain.len() as u64);
        prop_assert!(one.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{one:?} is not in its shortest form");
        prop_assert_eq!(set(&one.without(&other)), &plain - &set(&other));
        prop_assert_eq!(set(&one.and(&other)), &plain & &set(&other));
        let mut both = one.clone();
        both.add(&other);
        prop_assert_eq!(set(&both), &plain | &set(&other));
        prop_assert_eq!(one.to_string().parse::<Ranges>().unwrap(), one);
    }
}

#[test]
fn the_greatest_number_causes_no_overflow() {
    let mut all = Ranges::of(5, u64::MAX);
    all.insert(u64::MAX, u64::MAX);
    assert_eq!(all.without(&Ranges::of(7, u64::MAX)), Ranges::of(5, 6));
    assert_eq!(Ranges::of(0, u64::MAX).count(), u64::MAX);
    assert!(all.without(&all).is_empty());
}

#[test]
fn invalid_ranges_are_refused() {
    for text in ["a", "1-", "-1", "3-2", "1--2"] {
        assert_eq!(text.parse::<Ranges>(), Err(NotRanges), "{text}");
    }
    assert!("".parse::<Ranges>().unwrap().is_empty());
}
