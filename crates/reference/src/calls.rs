//! The minimum number of calls that bring an account from its initial to its expected state.

use crate::compare::{by_address, field_differences};
use crate::{ActualAffiliate, Expected, ExpectedAffiliate, Presence};

/// Maximum number of items in one batch. Source: REST v2, `/affiliate/status_change`; assumed for `/affiliate/edit`.
const BATCH: usize = 50;

/// The minimum numbers of items, by kind of call.
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
    /// The number of calls of all kinds.
    pub fn total(&self) -> usize {
        self.creates + self.edits.div_ceil(BATCH) + self.status_changes.div_ceil(BATCH)
    }
}

/// The minimum number of calls from `initial`, the affiliates before the first event, to the expected state. A create
/// has no custom fields, so a new affiliate with custom fields needs an edit as well. Source: REST v2,
/// `/affiliate/new`.
pub fn least_calls(expected: &Expected, initial: &[ActualAffiliate]) -> LeastCalls {
    let by_address = by_address(initial);
    let mut least = LeastCalls::default();
    for (address, affiliate) in &expected.affiliates {
        match by_address.get(address).and_then(|affiliates| affiliates.first()) {
            Some(initial) => least.edits += usize::from(differs(affiliate, initial)),
            None if affiliate.presence == Presence::Optional => {}
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
