//! Folds statements to the last value of every trait, for each identifier and for all identifiers of a person.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::event::{Identifier, Identify, Stamp};
use crate::history::History;
use crate::tombstones::Tombstones;
use crate::traits::Traits;

/// A statement. Of two, the greater one applies: by stamp, then by the value as JSON text.
type Statement = (Stamp, String, Option<String>);

/// The last statement that no tombstone covers, by identifier and trait.
pub(crate) type Profiles = BTreeMap<Identifier, BTreeMap<String, Statement>>;

pub(crate) fn profiles(history: &History, tombstones: &Tombstones) -> Profiles {
    let mut profiles = Profiles::new();
    let newest = newest_revisions(history);
    for identify in &history.identifies {
        let (time, received, key, revision) = &identify.stamp;
        if newest.get(&(time, received, key)).is_some_and(|newest| newest > revision) {
            continue;
        }
        if Some(identify.stamp.0) <= tombstones.on(&identify.strongest) {
            continue;
        }
        for (name, value) in &identify.traits {
            let json =
                value.as_ref().map_or("null".into(), |value| serde_json::Value::from(&**value).to_string());
            let statement = (identify.stamp.clone(), json, value.clone());
            let profile = profiles.entry(identify.strongest.clone()).or_default();
            let last = profile.entry(name.clone()).or_insert_with(|| statement.clone());
            *last = statement.max(last.clone());
        }
    }
    profiles
}

/// The greatest revision of each message, with which its former versions no longer count.
fn newest_revisions(history: &History) -> BTreeMap<(&Timestamp, &Option<Timestamp>, &String), u32> {
    let mut newest = BTreeMap::new();
    for Identify { stamp: (time, received, key, revision), .. } in &history.identifies {
        let known = newest.entry((time, received, key)).or_insert(*revision);
        *known = (*known).max(*revision);
    }
    newest
}

/// The last value of every trait across several profiles.
pub(crate) fn merged(of: &BTreeSet<Identifier>, profiles: &Profiles) -> Traits {
    let mut last: BTreeMap<&String, &Statement> = BTreeMap::new();
    for (name, statement) in of.iter().filter_map(|one| profiles.get(one)).flatten() {
        last.entry(name).and_modify(|last| *last = statement.max(*last)).or_insert(statement);
    }
    last.into_iter().map(|(name, (_, _, value))| (name.clone(), value.clone())).collect()
}
