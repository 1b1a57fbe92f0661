//! The traits of a statement go into a profile.

use uuid::Uuid;

use super::Statement;
use crate::digest::Digest;
use crate::graph::{Blame, Claim, Graph, TraitValue};
use crate::shared::keep_newest;

/// How long a refused value that is stated again is not sent again.
const REFUSED_FOR_MICROS: i64 = 7 * 86_400_000_000;

/// Writes the traits of a statement into a profile, last writer wins. Returns the events that the statement repeats.
pub(super) fn write_traits(graph: &mut Graph, strongest: Digest, statement: &Statement) -> Vec<Uuid> {
    let Some(profile) = graph.identifiers.get_mut(&strongest) else { return Vec::new() };
    let (mut new, mut repeated) = (Vec::new(), Vec::new());
    for (key, value) in &statement.traits {
        let said = TraitValue::new(value.clone(), statement.stamp.clone());
        match profile.traits.get_mut(key) {
            Some(known) => {
                let is_repeat = known.value == said.value && known.stamp.key != said.stamp.key;
                repeated.extend(known.blame.filter(|_| is_repeat));
                if said.beats(known) {
                    replace(known, said);
                }
            }
            None => new.push((key.clone(), said)),
        }
    }
    // All at once: a profile may hold thousands of keys.
    profile.traits.extend(new);
    repeated.into_iter().map(|blame| blame.event).collect()
}

/// A user is about to claim one more address. If it has claimed one alone, all that it stated belongs to that one.
pub(super) fn keep_beside(graph: &mut Graph, user: Digest) {
    let first = graph.claims.partition_point(|claim| claim.user < user);
    let is_of_user = |claim: &&mut Claim| claim.user == user;
    let has_one = graph.claims.get(first + 1).is_none_or(|claim| claim.user != user);
    if let Some(only) = graph.claims.get_mut(first).filter(|claim| is_of_user(claim) && has_one)
        && let Some(profile) = graph.identifiers.get(&user)
    {
        let plain = |said: &TraitValue| TraitValue::new(said.value.clone(), said.stamp.clone());
        only.beside = profile.traits.iter().map(|(key, said)| (key.clone(), plain(said))).collect();
    }
}

/// Keeps what a user states beside an address with the claim, if the user claims several.
pub(super) fn write_beside(graph: &mut Graph, statement: &Statement) {
    let (Some(user), Some((address, _))) = (&statement.user, &statement.address) else { return };
    let first = graph.claims.partition_point(|claim| claim.user < user.digest);
    let claims = graph.claims[first..].iter_mut().take_while(|claim| claim.user == user.digest);
    let mut claims: Vec<&mut Claim> = claims.collect();
    if claims.len() < 2 {
        return;
    }
    let Some(claim) = claims.iter_mut().find(|claim| claim.address == address.digest) else { return };
    for (key, value) in &statement.traits {
        let said = TraitValue::new(value.clone(), statement.stamp.clone());
        keep_newest(&mut claim.beside, key.clone(), said);
    }
}

/// Replaces a statement by a newer one. What Refersion refused stays refused, for a week, if it is only said again.
fn replace(known: &mut TraitValue, said: TraitValue) {
    let blame = known.blame.filter(|_| known.value == said.value);
    let is_fresh = |blame: &Blame| said.stamp.time.0 < blame.at.0.saturating_add(REFUSED_FOR_MICROS);
    let refused = known.refused.take().filter(|_| blame.as_ref().is_some_and(is_fresh));
    *known = TraitValue { refused, blame, ..said };
}
