//! Reads identifies.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::event::{AddressOrigin, Identify, Ignored, IgnoredReason, StatedAddress};
use crate::fields::Fields;
use crate::identifiers::IdentifierReader;
use crate::node::Node;
use crate::traits::{self, Sources};
use crate::{ReadOptions, Refusal, audience, email, time};

/// The name of this destination in `integrations`. Segment compares it case-sensitively.
pub(crate) const DESTINATION: &str = "Refersion";

pub(crate) fn read(
    top: &Fields<'_>,
    received_at: Timestamp,
    options: &ReadOptions,
) -> Result<Identify, Refusal> {
    let sources = Sources::of(top);
    let parsed = traits::read(&sources, &options.mapping);
    let audience = audience::of(top, &sources, &parsed).map(Box::new);
    let mut ignored = parsed.ignored;
    let mut reader = IdentifierReader::new(&options.blocked);
    let user = reader.user(top);
    let anonymous = reader.anonymous(top);
    let candidates = sources.mapped(&options.mapping, "email").into_iter().chain(email::candidates(top));
    let address = address(candidates, user.as_deref(), &mut reader, &mut ignored);
    if user.is_none() && anonymous.is_none() && address.is_none() && reader.blocked_none() {
        return Err(Refusal::IdentifyNamesNobody);
    }
    let at_segment = time::at_segment(top);
    Ok(Identify {
        user,
        anonymous,
        address,
        engage: audience::is_from_engage(top),
        audience,
        skip: is_switched_off(top),
        time: time::of_identify(top, received_at, at_segment),
        at_segment,
        traits: parsed.traits,
        spellings: parsed.spellings,
        ignored,
        blocked: reader.into_blocked(),
    })
}

/// The first address that counts, or else the userId if it looks like one. Values before that which are no addresses are
/// reported; null and empty ones only if there is no other address.
fn address<'n>(
    mut candidates: impl Iterator<Item = &'n Node<'n>>,
    user: Option<&str>,
    reader: &mut IdentifierReader<'_>,
    ignored: &mut Vec<Ignored>,
) -> Option<StatedAddress> {
    let mut unusable = BTreeSet::new();
    let stated = candidates.find_map(|node| {
        let address = email::address(node);
        if address.is_none() {
            unusable.insert(email::ignored_reason(node));
        }
        reader.counting(address?)
    });
    if stated.is_some() {
        unusable.remove(&IgnoredReason::CannotBeCleared);
    }
    ignored.extend(unusable.into_iter().map(|reason| Ignored { key: "email".to_owned(), reason }));
    let stated = stated.map(|address| (address, AddressOrigin::Stated));
    let shape = |user| reader.counting(email::address_of(user)?);
    let found = stated.or_else(|| Some((user.and_then(shape)?, AddressOrigin::UserIdShape)));
    found.map(|(address, origin)| StatedAddress { address, origin })
}

/// Whether the event disables this destination. Segment has applied `integrations` before, and Engage sends
/// `"All": false` with every event. So only `false` under the exact name disables the destination; an object contains
/// options and enables it.
fn is_switched_off(top: &Fields<'_>) -> bool {
    let mut integrations = top.all("integrations").filter_map(|node| match node {
        Node::Object(members) => Some(members),
        _ => None,
    });
    let ours = integrations.next().and_then(|members| members.iter().find(|(key, _)| key == DESTINATION));
    matches!(ours, Some((_, Node::Bool(false))))
}
