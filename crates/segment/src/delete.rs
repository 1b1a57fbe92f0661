//! Reads a delete, in any of the four forms that Segment has published.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::Refusal;
use crate::email;
use crate::event::Delete;
use crate::fields::Fields;
use crate::text::identifier;

/// Unlike an identify, a delete names every address that it has anywhere, and comes from no time but its arrival.
/// `integrations` does not matter: a delete is for everybody.
pub(crate) fn read(top: &Fields<'_>, received_at: Timestamp) -> Result<Delete, Refusal> {
    let user = top.get("userid").and_then(identifier);
    let anonymous = top.get("anonymousid").and_then(identifier);
    let shaped = user.as_deref().and_then(email::address_of);
    let addresses: BTreeSet<_> = email::places(top).filter_map(email::address).chain(shaped).collect();
    if user.is_none() && anonymous.is_none() && addresses.is_empty() {
        return Err(Refusal::DeleteNamesNobody);
    }
    Ok(Delete { user, anonymous, addresses, time: received_at })
}
