//! Finds the refused items of a batch, or the refused fields of an affiliate, with few calls.
//!
//! Refersion refuses a batch of edits as a whole and does not name the item. [`Bisection`] performs no IO: it names the
//! subset to try next and is given the result, so that the caller may wait, fail and resume between two calls.

/// A subset that is still to be tried.
#[derive(Debug, Clone)]
enum Step<T> {
    /// The left half of a refused group; the right half follows.
    Left { left: Vec<T>, right: Vec<T> },
    /// Items that have not been tried yet.
    Whole(Vec<T>),
}

/// A bisection in progress. Every item ends either in exactly one accepted subset or among the refused items.
///
/// An item counts as refused only after it was refused alone. Items that are refused only in combination are all
/// accepted.
#[derive(Debug, Clone)]
pub struct Bisection<T> {
    /// Subsets to try, the next one last. At most twice the binary logarithm of the item count.
    open: Vec<Step<T>>,
    refused: Vec<T>,
}

impl<T> Bisection<T> {
    /// A bisection of items that have not been tried: the first subset is all of them.
    pub fn new(items: Vec<T>) -> Self {
        let open = if items.is_empty() { Vec::new() } else { vec![Step::Whole(items)] };
        Self { open, refused: Vec::new() }
    }

    /// A bisection of items that were refused together. A single item counts as refused without another call.
    pub fn of_refused(items: Vec<T>) -> Self {
        let mut plan = Self { open: Vec::new(), refused: Vec::new() };
        plan.split(items);
        plan
    }

    /// The subset to try next; `None` if every item is decided. Unchanged until [`Self::accepted`] or
    /// [`Self::refused`].
    pub fn next(&self) -> Option<&[T]> {
        self.open.last().map(|step| match step {
            Step::Left { left, .. } => left.as_slice(),
            Step::Whole(items) => items.as_slice(),
        })
    }

    /// Records that the subset was accepted. If it was the left half of a refused group, the cause is in the right
    /// half, which is then split without trying it as a whole. A right half of one item is tried, to learn the
    /// reason.
    pub fn accepted(&mut self) {
        if let Some(Step::Left { right, .. }) = self.open.pop() {
            if right.len() > 1 { self.split(right) } else { self.open.push(Step::Whole(right)) }
        }
    }

    /// Records that the subset was refused.
    pub fn refused(&mut self) {
        match self.open.pop() {
            Some(Step::Left { left, right }) => {
                self.open.push(Step::Whole(right));
                self.split(left);
            }
            Some(Step::Whole(items)) => self.split(items),
            None => {}
        }
    }

    /// The items that were refused alone, in their original order.
    pub fn into_refused(self) -> Vec<T> {
        self.refused
    }

    fn split(&mut self, mut items: Vec<T>) {
        if items.len() < 2 {
            self.refused.append(&mut items);
            return;
        }
        let right = items.split_off(items.len() / 2);
        self.open.push(Step::Left { left: items, right });
    }
}

/// Runs a whole bisection and returns the refused items. `is_refused` decides about a subset.
pub fn bisect<T>(items: Vec<T>, mut is_refused: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut plan = Bisection::new(items);
    while let Some(subset) = plan.next() {
        if is_refused(subset) { plan.refused() } else { plan.accepted() }
    }
    plan.into_refused()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Bisection, bisect};

    proptest! {
        #[test]
        fn exactly_the_bad_items_are_found_and_each_good_one_is_accepted_once(
            is_bad in proptest::collection::vec(any::<bool>(), 0..120)
        ) {
            let items: Vec<usize> = (0..is_bad.len()).collect();
            let mut accepted = Vec::new();
            let found = bisect(items.clone(), |subset| {
                let refused = subset.iter().any(|item| is_bad[*item]);
                if !refused {
                    accepted.extend_from_slice(subset);
                }
                refused
            });
            let (bad, good): (Vec<usize>, Vec<usize>) = items.iter().partition(|item| is_bad[**item]);
            prop_assert_eq!(found, bad);
            accepted.sort_unstable();
            prop_assert_eq!(accepted, good);
        }

        #[test]
        fn one_bad_item_of_fifty_needs_at_most_twelve_calls(bad in 0_usize..50) {
            let mut plan = Bisection::of_refused((0..50_usize).collect());
            let mut calls = 0;
            while let Some(subset) = plan.next() {
                calls += 1;
                if subset.contains(&bad) { plan.refused() } else { plan.accepted() }
            }
            prop_assert!(calls <= 12, "{} calls", calls);
            prop_assert_eq!(plan.into_refused(), vec![bad]);
        }

        #[test]
        fn a_bisection_ends_for_any_answers(answers in proptest::collection::vec(any::<bool>(), 400)) {
            let mut tried = BTreeSet::new();
            let mut answers = answers.into_iter().cycle();
            let bad = bisect((0..100_u8).collect(), |subset| {
                assert!(tried.insert(subset.to_vec()), "{subset:?} was tried twice");
                answers.next().unwrap()
            });
            prop_assert!(tried.len() <= 199);
            prop_assert!(bad.iter().all(|item| tried.contains(&vec![*item])));
        }
    }

    #[test]
    fn items_that_are_refused_only_in_combination_are_accepted() {
        let together = |subset: &[u8]| subset.contains(&1) && subset.contains(&4);
        assert_eq!(bisect(vec![1, 2, 3, 4], together), Vec::<u8>::new());
    }

    #[test]
    fn a_single_refused_item_needs_no_further_call() {
        let plan = Bisection::of_refused(vec!["zip"]);
        assert!(plan.next().is_none());
        assert_eq!(plan.into_refused(), ["zip"]);
        assert!(Bisection::<u8>::new(Vec::new()).next().is_none());
    }
}
