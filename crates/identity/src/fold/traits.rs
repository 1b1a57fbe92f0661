//! Writes the traits of a statement into a profile.

use uuid::Uuid;

use super::Statement;
use super::retry::is_refused_still;
use crate::Text;
use crate::digest::Digest;
use crate::graph::{Blame, Claim, Graph, TraitValue, keep_newest};

/// Writes the traits of a statement into a profile, last writer wins. Returns the events that the statement repeats.
pub(super) fn write_traits(graph: &mut Graph, strongest: Digest, statement: &Statement) -> Vec<Uuid> {
    let Some(profile) = graph.identifiers.get_mut(&strongest) else { return Vec::new() };
    let (mut new, mut repeated) = (Vec::new(), Vec::new());
    for (key, value) in &statement.traits {
        let stated = TraitValue::new(value.clone(), statement.stamp.clone());
        match profile.traits.get_mut(key) {
            Some(known) => {
                let is_repeat = known.value == stated.value && known.stamp.key != stated.stamp.key;
                repeated.extend(known.blame.filter(|_| is_repeat));
                if stated.supersedes(known) {
                    replace(known, stated);
                }
            }
            None => new.push((key.clone(), stated)),
        }
    }
    // All at once: a profile may hold thousands of keys.
    profile.traits.extend(new);
    repeated.into_iter().map(|blame| blame.event).collect()
}

/// The claims of one user; all are in order of user and address.
fn claims_of(claims: &mut [Claim], user: Digest) -> &mut [Claim] {
    let first = claims.partition_point(|claim| claim.user < user);
    let count = claims[first..].partition_point(|claim| claim.user == user);
    &mut claims[first..first + count]
}

/// Prepares a user for a further claim: if it has claimed a single address until now, all its statements belong to that one.
pub(super) fn keep_beside(graph: &mut Graph, user: Digest) {
    if let [only] = claims_of(&mut graph.claims, user)
        && let Some(profile) = graph.identifiers.get(&user)
    {
        let plain = |stated: &TraitValue| TraitValue::new(stated.value.clone(), stated.stamp.clone());
        only.beside = profile.traits.iter().map(|(key, stated)| (key.clone(), plain(stated))).collect();
    }
}

/// Keeps what a user states beside an address with the claim, if the user claims several.
pub(super) fn write_beside(graph: &mut Graph, statement: &Statement) {
    let (Some(user), Some((address, _))) = (&statement.user, &statement.address) else { return };
    let claims = claims_of(&mut graph.claims, user.digest);
    if claims.len() < 2 {
        return;
    }
    let Ok(place) = claims.binary_search_by_key(&address.digest, |claim| claim.address) else { return };
    let stated = |(key, value): (&Text, &Option<Text>)| {
        (key.clone(), TraitValue::new(value.clone(), statement.stamp.clone()))
    };
    keep_newest(&mut claims[place].beside, statement.traits.iter().map(stated));
}

/// Replaces a statement by a newer one. A refused value that is only stated again stays suppressed for a week.
fn replace(known: &mut TraitValue, stated: TraitValue) {
    let blame = known.blame.filter(|_| known.value == stated.value);
    let is_fresh = |blame: &Blame| is_refused_still(blame.at, stated.stamp.time);
    let refused = known.refused.take().filter(|_| blame.as_ref().is_some_and(is_fresh));
    *known = TraitValue { refused, blame, ..stated };
}
