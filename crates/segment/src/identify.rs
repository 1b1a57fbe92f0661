//! Reads an identify: about whom, when, what.

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
    let said = traits::read(top.get("traits"));
    let mut ignored = said.ignored;
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
        traits: said.traits,
        spellings: said.spellings,
        ignored,
    })
}

fn address(top: &Fields<'_>, user: Option<&str>, ignored: &mut Vec<Ignored>) -> Option<StatedAddress> {
    let stated = email::first(top, ignored).map(|address| (address, AddressOrigin::Stated));
    let found = stated.or_else(|| Some((email::address_of(user?)?, AddressOrigin::UserIdShape)));
    found.map(|(address, origin)| StatedAddress { address, origin })
}

/// Audiences, computed traits and journeys all bring this object; its members vary.
fn is_from_engage(top: &Fields<'_>) -> bool {
    matches!(top.at(&["context", "personas"]), Some(Node::Object(_)))
}

/// Segment has filtered by `integrations` already, and Engage sends `"All": false` with everything. So nothing but a
/// plain `false` under the exact name switches an event off; an object there holds options and means on.
fn is_switched_off(top: &Fields<'_>) -> bool {
    let Some(Node::Object(members)) = top.get("integrations") else { return false };
    let ours = members.iter().find(|(key, _)| key == DESTINATION);
    matches!(ours, Some((_, Node::Bool(false))))
}
