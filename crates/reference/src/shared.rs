//! Identifiers that are used for too many people. They count for nobody, in whichever event they occur.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Identifier, Identify};

/// Maximum number of others that an identifier may be named with, unless the settings contain another number.
const MOST: usize = 100;

/// The identifiers that are named with more than `most` others: a user with that many addresses, an address with that many
/// users, an anonymousId with that many users and addresses.
pub(crate) fn shared(identifies: &[Identify], most: Option<usize>) -> BTreeSet<Identifier> {
    let mut named_with: BTreeMap<Identifier, BTreeSet<Identifier>> = BTreeMap::new();
    for identify in identifies {
        let user = identify.user.clone().map(Identifier::User);
        let address = identify.address.clone().map(|(address, _)| Identifier::Address(address));
        let anonymous = identify.anonymous.clone().map(Identifier::Anonymous);
        if let (Some(user), Some(address)) = (&user, &address) {
            named_with.entry(user.clone()).or_default().insert(address.clone());
            named_with.entry(address.clone()).or_default().insert(user.clone());
        }
        if let (Some(anonymous), Some(strongest)) = (anonymous, user.or(address)) {
            named_with.entry(anonymous).or_default().insert(strongest);
        }
    }
    let most = most.unwrap_or(MOST);
    named_with.into_iter().filter(|(_, others)| others.len() > most).map(|(one, _)| one).collect()
}

/// The identify without its shared identifiers; `None` if it counts for nobody. Statements for a shared user count only for
/// the address beside it; statements for another shared identifier count for nobody.
pub(crate) fn without(identify: Identify, shared: &BTreeSet<Identifier>) -> Option<Identify> {
    let address = identify.address.clone().filter(|it| !shared.contains(&Identifier::Address(it.0.clone())));
    if shared.contains(&identify.strongest) {
        let Identifier::User(_) = identify.strongest else { return None };
        let strongest = Identifier::Address(address.clone()?.0);
        return Some(Identify { strongest, user: None, address, anonymous: None, ..identify });
    }
    let anonymous = identify.anonymous.clone();
    let anonymous = anonymous.filter(|it| !shared.contains(&Identifier::Anonymous(it.clone())));
    Some(Identify { address, anonymous, ..identify })
}
