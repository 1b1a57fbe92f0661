//! The traits of a random event.

use crate::dice::Dice;
use crate::events::Event;

/// Adds traits to an event. Every identify has a value that no other has.
pub(crate) fn add_random_traits(dice: &mut Dice, event: Event) -> Event {
    let number = event.number;
    let mut event = match dice.below(6) {
        0 | 1 => event.with("first_name", dice.pick(&["Ann", "Bob"])).with("last_name", "Lee"),
        2 => event.with("first_name", &format!("name-{number}-")),
        3 => event.with("last_name", "Orr"),
        _ => event,
    };
    if dice.percent(60) {
        event = event.with("trait:vip", &format!("word-{number}-"));
    }
    if dice.percent(30) {
        event = event.with("company", &format!("firm-{number}-"));
    }
    if dice.percent(30) {
        let value = dice.pick(&[Some("true"), Some("false"), Some(""), None]);
        event.traits.insert("trait:flag", value.map(ToOwned::to_owned));
    }
    if dice.percent(30) {
        let own = format!("pay-{number}-@x.io");
        event = event.with("trait:pay", dice.pick(&["pay@x.io", "no address", "", &own, &own]));
    }
    if dice.percent(15) {
        event = event.with("trait:dull", &format!("dull-{number}-"));
    }
    event
}
