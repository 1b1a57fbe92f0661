//! The broad check for tombstones: whether a deleted person may be behind an address. It reaches one step further
//! than the tombstones themselves.

use std::collections::BTreeSet;

use crate::event::Identifier;
use crate::history::History;
use crate::tombstones::Tombstones;

/// Whether there is a tombstone on the address, on a user that ever claimed it, on another address that such a user
/// claimed, or on an anonymousId that was seen with any of these.
pub(crate) fn has_broad_tombstone(address: &str, history: &History, tombstones: &Tombstones) -> bool {
    let mut near = BTreeSet::from([Identifier::Address(address.to_owned())]);
    for user in history.claimers.get(address).into_iter().flatten() {
        near.insert(Identifier::User(user.clone()));
        near.extend(history.claims[user].keys().cloned().map(Identifier::Address));
    }
    let seen = near.iter().filter_map(|one| history.seen_with.get(one)).flatten();
    let seen: Vec<_> = seen.cloned().map(Identifier::Anonymous).collect();
    near.iter().chain(&seen).any(|one| tombstones.on(one).is_some())
}
