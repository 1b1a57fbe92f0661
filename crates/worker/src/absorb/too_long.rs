//! Values that are too long to be kept: the rest of their event counts, and the event becomes a dead letter if one of them was
//! to be sent.

use identity::eligibility::{CUSTOM, Rules};
use identity::fold::Statement;
use segment::{Identify, IgnoredReason};

use super::read::Reading;
use crate::refused::shown;

/// The keys of an identify's traits that are too long.
pub(super) fn keys(identify: &Identify) -> Vec<String> {
    let too_long = identify.ignored.iter().filter(|ignored| ignored.reason == IgnoredReason::TooLong);
    too_long.map(|ignored| ignored.key.clone()).collect()
}

/// The cause, if an event becomes a dead letter because of a value that is too long. A long value that no setting maps would
/// not be sent anyway, so the event becomes one only if it states nothing else.
pub(super) fn too_long(reading: &Reading, statement: &Statement, rules: &Rules) -> Option<String> {
    let is_sent = |key: &&String| !segment::is_custom(key) || rules.is_mapped(&format!("{CUSTOM}{key}"));
    let states_nothing_else = statement.keys().is_empty();
    let to_blame = reading.too_long.iter().find(is_sent);
    let key = to_blame.or_else(|| reading.too_long.first().filter(|_| states_nothing_else))?;
    let limit = if segment::is_custom(key) { "255" } else { "1,000" };
    let name =
        shown(key).map_or_else(|| "the value of a trait".to_owned(), |key| format!("the trait \"{key}\""));
    Some(format!(
        "{name} is longer than {limit} characters and was left out; the rest of the event was taken: send a shorter value"
    ))
}

/// About how many bytes a statement adds to its graph in memory.
pub(super) fn weight(statement: &Statement) -> usize {
    /// A key and a value without their texts, and the key among those that the event states.
    const ENTRY: usize = 128;
    let values = statement.traits.iter();
    values.map(|(key, value)| ENTRY + key.len() + value.as_ref().map_or(0, |value| value.len())).sum()
}
