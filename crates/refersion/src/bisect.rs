//! Finds the bad items of a refused batch, and the bad field of a refused affiliate, with few questions.
//!
//! Refersion refuses a batch of edits as a whole and does not say which of them it means. The plan is a value without
//! IO: it says what to try next and hears how that went, so that the caller may wait, fail and come back between two
//! questions.

/// One question that is still to be asked.
#[derive(Debug, Clone)]
enum Step<T> {
    /// The left half of a group that was refused; its right half is asked about afterwards.
    Left { left: Vec<T>, right: Vec<T> },
    /// Items of which nothing is known yet.
    Whole(Vec<T>),
}

/// A splitting plan. Every item ends in exactly one subset that was fine, or among the bad ones.
///
/// An item is called bad only after it was refused alone: items that are refused only together, by a rule about both,
/// are all found good.
#[derive(Debug, Clone)]
pub struct Bisection<T> {
    /// What is still to be asked, the next question last. Bounded by twice the binary logarithm of the item count.
    open: Vec<Step<T>>,
    bad: Vec<T>,
}

impl<T> Bisection<T> {
    /// A plan for items of which nothing is known: the first question is about all of them.
    pub fn new(items: Vec<T>) -> Self {
        let open = if items.is_empty() { Vec::new() } else { vec![Step::Whole(items)] };
        Self { open, bad: Vec::new() }
    }

    /// A plan for items that were refused together just now. A single one is bad without a question.
    pub fn of_refused(items: Vec<T>) -> Self {
        let mut plan = Self { open: Vec::new(), bad: Vec::new() };
        plan.split(items);
        plan
    }

    /// The subset to try next; `None` when all is known. It stays the same until [`Self::fine`] or [`Self::refused`].
    pub fn next(&self) -> Option<&[T]> {
        self.open.last().map(|step| match step {
            Step::Left { left, .. } => left.as_slice(),
            Step::Whole(items) => items.as_slice(),
        })
    }

    /// The subset was accepted. If it was the left half of a refused group, the fault lies in the right half, which is
    /// then split without asking about it (but not if it is one item: being refused alone gives its reason).
    pub fn fine(&mut self) {
        if let Some(Step::Left { right, .. }) = self.open.pop() {
            if right.len() > 1 { self.split(right) } else { self.open.push(Step::Whole(right)) }
        }
    }

    /// The subset was refused.
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

    /// The items that were refused alone, in their first order.
    pub fn into_bad(self) -> Vec<T> {
        self.bad
    }

    fn split(&mut self, mut items: Vec<T>) {
        if items.len() < 2 {
            self.bad.append(&mut items);
            return;
        }
        let right = items.split_off(items.len() / 2);
        self.open.push(Step::Left { left: items, right });
    }
}

/// Runs a whole plan against an oracle that says whether a subset is refused, and returns the bad items.
pub fn bisect<T>(items: Vec<T>, mut is_refused: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut plan = Bisection::new(items);
    while let Some(subset) = plan.next() {
        if is_refused(subset) { plan.refused() } else { plan.fine() }
    }
    plan.into_bad()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Bisection, bisect};

    proptest! {
        #[test]
        fn exactly_the_bad_items_are_found_and_each_good_one_is_accepted_once(
            bad_ones in proptest::collection::vec(any::<bool>(), 0..120)
        ) {
            let items: Vec<usize> = (0..bad_ones.len()).collect();
            let mut accepted = Vec::new();
            let found = bisect(items.clone(), |subset| {
                let refused = subset.iter().any(|item| bad_ones[*item]);
                if !refused {
                    accepted.extend_from_slice(subset);
                }
                refused
            });
            let (bad, good): (Vec<usize>, Vec<usize>) = items.iter().partition(|item| bad_ones[**item]);
            prop_assert_eq!(found, bad);
            accepted.sort_unstable();
            prop_assert_eq!(accepted, good);
        }

        #[test]
        fn one_bad_item_of_fifty_costs_a_dozen_questions(bad in 0_usize..50) {
            let mut plan = Bisection::of_refused((0..50_usize).collect());
            let mut questions = 0;
            while let Some(subset) = plan.next() {
                questions += 1;
                if subset.contains(&bad) { plan.refused() } else { plan.fine() }
            }
            prop_assert!(questions <= 12, "{} questions", questions);
            prop_assert_eq!(plan.into_bad(), vec![bad]);
        }

        #[test]
        fn a_plan_ends_whatever_is_answered(answers in proptest::collection::vec(any::<bool>(), 400)) {
            let mut asked = BTreeSet::new();
            let mut answers = answers.into_iter().cycle();
            let bad = bisect((0..100_u8).collect(), |subset| {
                assert!(asked.insert(subset.to_vec()), "asked twice about {subset:?}");
                answers.next().unwrap()
            });
            prop_assert!(asked.len() <= 199);
            prop_assert!(bad.iter().all(|item| asked.contains(&vec![*item])));
        }
    }

    #[test]
    fn items_that_are_refused_only_together_are_not_blamed() {
        let together = |subset: &[u8]| subset.contains(&1) && subset.contains(&4);
        assert_eq!(bisect(vec![1, 2, 3, 4], together), Vec::<u8>::new());
    }

    #[test]
    fn a_single_refused_item_is_bad_without_a_question() {
        let plan = Bisection::of_refused(vec!["zip"]);
        assert!(plan.next().is_none());
        assert_eq!(plan.into_bad(), ["zip"]);
        assert!(Bisection::<u8>::new(Vec::new()).next().is_none());
    }
}
