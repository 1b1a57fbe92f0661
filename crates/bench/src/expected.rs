//! The expected state of Refersion: the value that each member's trait has to have at the end.

use simulator::State;

use super::environment::FIELD;
use super::members::{self, Shape};

/// The last round of each member; `None` for members that are not affiliates.
#[derive(Default)]
pub(super) struct ExpectedState(Vec<Option<u32>>);

impl ExpectedState {
    /// Applies a round of `members` members from `first` on. Returns how many affiliates have to be edited for it: all of
    /// them, because each round has a new value, and a create cannot carry the custom field.
    pub(super) fn apply_round(&mut self, first: u32, members: u32, round: u32, shape: Shape) -> u32 {
        let end = (first + members) as usize;
        if self.0.len() < end {
            self.0.resize(end, None);
        }
        let mut edits = 0;
        for member in &mut self.0[first as usize..end] {
            if shape.creates() || member.is_some() {
                *member = Some(round);
                edits += 1;
            }
        }
        edits
    }

    /// Number of affiliates that do not hold the value sent last, that are missing, or that should not exist.
    pub(super) fn count_wrong(&self, state: &State) -> u64 {
        let (mut right, mut others) = (0, 0);
        for affiliate in state.accounts.iter().flat_map(|account| &account.affiliates) {
            let member = members::member(&affiliate.email);
            let expected = member.and_then(|member| *self.0.get(member as usize)?);
            let held = affiliate.custom_fields.get(&FIELD);
            match expected {
                Some(round) if held == Some(&members::value(round)) => right += 1,
                // The difference to the number of expected affiliates counts it.
                Some(_) => {}
                None => others += 1,
            }
        }
        self.0.iter().flatten().count() as u64 - right + others
    }
}

#[cfg(test)]
mod tests {
    use simulator::{ExistingAffiliate, Options, Simulator};

    use super::*;

    fn simulated(held: &[(u32, u32)]) -> State {
        let mut simulator = Simulator::new(Options::default());
        for (member, round) in held {
            let mut affiliate = ExistingAffiliate::active(&members::email(*member));
            affiliate.custom_fields.insert(FIELD, members::value(*round));
            simulator.add_affiliate("pub_1", affiliate).unwrap();
        }
        simulator.state()
    }

    #[test]
    fn an_affiliate_that_is_old_missing_or_unexpected_counts_as_wrong() {
        let mut expected = ExpectedState::default();
        assert_eq!(expected.apply_round(0, 3, 1, Shape::Whole), 3);
        assert_eq!(expected.apply_round(2, 3, 2, Shape::Incomplete), 1, "two of them are strangers");
        assert_eq!(expected.count_wrong(&simulated(&[(0, 1), (1, 1), (2, 2)])), 0);
        assert_eq!(expected.count_wrong(&simulated(&[(0, 1), (1, 1), (2, 1)])), 1, "old");
        assert_eq!(expected.count_wrong(&simulated(&[(0, 1), (1, 1)])), 1, "missing");
        assert_eq!(expected.count_wrong(&simulated(&[(0, 1), (1, 1), (2, 2), (3, 2)])), 1, "unexpected");
    }
}
