//! The traits of a statement go into a profile.

use uuid::Uuid;

use super::Statement;
use crate::digest::Digest;
use crate::graph::{Blame, Graph, TraitValue};

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

/// Replaces a statement by a newer one. What Refersion refused stays refused, for a week, if it is only said again.
fn replace(known: &mut TraitValue, said: TraitValue) {
    let blame = known.blame.filter(|_| known.value == said.value);
    let is_fresh = |blame: &Blame| said.stamp.time.0 < blame.at.0.saturating_add(REFUSED_FOR_MICROS);
    let refused = known.refused.take().filter(|_| blame.as_ref().is_some_and(is_fresh));
    *known = TraitValue { refused, blame, ..said };
}
