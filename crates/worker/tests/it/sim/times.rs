//! The times of an event: exact, in whole seconds, never set, or missing.

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};

use super::dice::Dice;

/// The times in an identify.
pub(crate) struct Times {
    /// The members of the event.
    pub(crate) members: Vec<(&'static str, Value)>,
    /// The time that they state together; `None`: nothing, so the time of arrival counts.
    pub(crate) stated: Option<Timestamp>,
}

/// Draws the times of an identify that Segment sends at `now`.
pub(crate) fn draw(dice: &Dice, now: Timestamp) -> Times {
    let happened = happened(dice, now);
    let mut members = Vec::new();
    let mut stated = happened;
    if let Some(time) = happened {
        members.push(("timestamp", json!(time.to_string())));
        if dice.per_mille(80) {
            members[0].1 = zero(dice);
            members.push(("originalTimestamp", zero(dice)));
            stated = dice.per_mille(700).then_some(time);
            members.extend(stated.map(|time| ("sentAt", json!(time.to_string()))));
        }
    }
    if dice.per_mille(500) {
        members.push(("receivedAt", json!(now.to_string())));
        stated = Some(stated.unwrap_or(now).min(now));
    }
    Times { members, stated }
}

fn happened(dice: &Dice, now: Timestamp) -> Option<Timestamp> {
    let millis = match dice.below(20) {
        0 => return None,
        1 => -i64::try_from(dice.below(100_000)).expect("small"),
        2..7 => i64::try_from(dice.below(60_000)).expect("small"),
        _ => i64::try_from(dice.below(2_000)).expect("small"),
    };
    let time = now - SignedDuration::from_millis(millis);
    // Many sources know whole seconds only, so equal times are common.
    let whole = time.round(Unit::Second).expect("a time of this century");
    Some(if dice.per_mille(300) { whole } else { time })
}

/// A clock that was never set.
fn zero(dice: &Dice) -> Value {
    match dice.below(6) {
        0 => json!(0),
        3 => json!("1999-12-31T23:59:59.999Z"),
        4 => json!(946_684_799),
        1 => json!("0001-01-01T00:00:00Z"),
        2 => json!("0000-00-00 00:00:00"),
        _ => json!("1970-01-01T00:00:00.000Z"),
    }
}
