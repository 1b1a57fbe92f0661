//! The least calls that could have brought an account from what it was to what it should be.

use crate::compare::{by_address, field_differences};
use crate::{ActualAffiliate, Expected, ExpectedAffiliate, Standing};

/// Items in one batch call. Source: REST v2, `/affiliate/status_change`; `/affiliate/edit` is taken to have the same.
const BATCH: usize = 50;

/// What has to be told at the least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeastCalls {
    /// New affiliates: one call each.
    pub creates: usize,
    /// Affiliates with a field to change, new ones with custom fields among them: 50 in one call.
    pub edits: usize,
    /// Affiliates to disable: 50 in one call.
    pub status_changes: usize,
}

impl LeastCalls {
    /// The calls of all three kinds together.
    pub fn total(&self) -> usize {
        self.creates + self.edits.div_ceil(BATCH) + self.status_changes.div_ceil(BATCH)
    }
}

/// The least calls from `initial`, the affiliates of before the first event, to what is expected. Custom fields cannot be
/// given with a create, so a new affiliate that has some needs an edit as well. Source: REST v2, `/affiliate/new`.
pub fn least_calls(expected: &Expected, initial: &[ActualAffiliate]) -> LeastCalls {
    let by_address = by_address(initial);
    let mut least = LeastCalls::default();
    for (address, affiliate) in &expected.affiliates {
        match by_address.get(address).and_then(|affiliates| affiliates.first()) {
            Some(initial) => least.edits += usize::from(differs(affiliate, initial)),
            None if affiliate.standing == Standing::MayExist => {}
            None => {
                least.creates += 1;
                least.edits += usize::from(affiliate.custom_fields.values().any(|value| !value.is_empty()));
            }
        }
    }
    let forbidden = expected.forbidden.iter().filter_map(|address| by_address.get(address)).flatten();
    least.status_changes = forbidden.filter(|one| one.status != "DISABLED").count();
    least
}

fn differs(expected: &ExpectedAffiliate, initial: &ActualAffiliate) -> bool {
    let initial = ActualAffiliate { existed_before: true, ..initial.clone() };
    !field_differences(expected, &initial).is_empty()
}
