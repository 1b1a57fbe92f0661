//! Reads identifies.

use jiff::Timestamp;

use crate::Refusal;
use crate::email;
use crate::event::{AddressOrigin, Identify, Ignored, StatedAddress};
use crate::fields::Fields;
use crate::node::Node;
use crate::text::identifier;
use crate::time;
use crate::traits;

/// The name of this destination in `integrations`. Segment compares it case-sensitively.
const DESTINATION: &str = "Refersion";

pub(crate) fn read(top: &Fields<'_>, received_at: Timestamp) -> Result<Identify, Refusal> {
    let parsed = traits::read(top.get("traits"));
    let mut ignored = parsed.ignored;
    let user = top.get("userid").and_then(identifier);
    let anonymous = top.get("anonymousid").and_then(identifier);
    let address = address(top, user.as_deref(), &mut ignored);
    if user.is_none() && anonymous.is_none() && address.is_none() {
        return Err(Refusal::IdentifyNamesNobody);
    }
    Ok(Identify {
        user,
        anonymous,
        address,
        engage: is_from_engage(top),
        skip: is_switched_off(top),
        time: time::of_identify(top, received_at),
        traits: parsed.traits,
        spellings: parsed.spellings,
        ignored,
    })
}

fn address(top: &Fields<'_>, user: Option<&str>, ignored: &mut Vec<Ignored>) -> Option<StatedAddress> {
    let stated = email::first(top, ignored).map(|address| (address, AddressOrigin::Stated));
    let found = stated.or_else(|| Some((email::address_of(user?)?, AddressOrigin::UserIdShape)));
    found.map(|(address, origin)| StatedAddress { address, origin })
}

/// Whether an audience, computed trait or journey sent the event: all of them add this object, with various members.
fn is_from_engage(top: &Fields<'_>) -> bool {
    matches!(top.at(&["context", "personas"]), Some(Node::Object(_)))
}

/// Whether the event disables this destination. Segment has applied `integrations` before, and Engage sends
/// `"All": false` with every event. So only `false` under the exact name disables the destination; an object contains
/// options and enables it.
fn is_switched_off(top: &Fields<'_>) -> bool {
    let Some(Node::Object(members)) = top.get("integrations") else { return false };
    let ours = members.iter().find(|(key, _)| key == DESTINATION);
    matches!(ours, Some((_, Node::Bool(false))))
}
