//! Reads deletes, in any of the four forms that Segment has published.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::Refusal;
use crate::email;
use crate::event::Delete;
use crate::fields::Fields;
use crate::text::identifier;

/// Reads a delete. Unlike an identify, it names every address that it contains, and its time is the time of arrival.
/// `integrations` is ignored: a delete concerns every destination.
pub(crate) fn read(top: &Fields<'_>, received_at: Timestamp) -> Result<Delete, Refusal> {
    let user = top.get("userid").and_then(identifier);
    let anonymous = top.get("anonymousid").and_then(identifier);
    let from_user_id = user.as_deref().and_then(email::address_of);
    let addresses: BTreeSet<_> =
        email::candidates(top).filter_map(email::address).chain(from_user_id).collect();
    if user.is_none() && anonymous.is_none() && addresses.is_empty() {
        return Err(Refusal::DeleteNamesNobody);
    }
    Ok(Delete { user, anonymous, addresses, time: received_at })
}
