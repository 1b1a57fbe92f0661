//! Remembers what the members have said so far: Refersion has to hold this at the end.

use simulator::State;

use super::ground::FIELD;
use super::members::{self, Shape};

/// The round in which each member spoke last; `None` for those who are no affiliates.
#[derive(Default)]
pub(super) struct Stated(Vec<Option<u32>>);

impl Stated {
    /// Notes that members from `first` on speak in this round. Returns how many affiliates have to be edited for it:
    /// all of them, because nobody says the same twice, and a create cannot carry the custom field.
    pub(super) fn say(&mut self, first: u32, members: u32, round: u32, shape: Shape) -> u32 {
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

    /// Affiliates that do not hold what was said last, are missing, or should not be there.
    pub(super) fn wrong(&self, state: &State) -> u64 {
        let (mut right, mut others) = (0, 0);
        for affiliate in state.accounts.iter().flat_map(|account| &account.affiliates) {
            let member = members::member(&affiliate.email);
            let said = member.and_then(|member| *self.0.get(member as usize)?);
            let held = affiliate.custom_fields.get(&FIELD);
            match said {
                Some(round) if held == Some(&members::value(round)) => right += 1,
                // One of the members: it is missing among those that are right.
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
    fn what_is_old_missing_or_not_wanted_is_wrong() {
        let mut stated = Stated::default();
        assert_eq!(stated.say(0, 3, 1, Shape::Whole), 3);
        assert_eq!(stated.say(2, 3, 2, Shape::Incomplete), 1, "two of them are strangers");
        assert_eq!(stated.wrong(&simulated(&[(0, 1), (1, 1), (2, 2)])), 0);
        assert_eq!(stated.wrong(&simulated(&[(0, 1), (1, 1), (2, 1)])), 1, "old");
        assert_eq!(stated.wrong(&simulated(&[(0, 1), (1, 1)])), 1, "missing");
        assert_eq!(stated.wrong(&simulated(&[(0, 1), (1, 1), (2, 2), (3, 2)])), 1, "not wanted");
    }
}
