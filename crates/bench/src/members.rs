//! The events of the audience's members. In each round, the trait `plan` of every member has a new value; nothing else changes.

use clap::ValueEnum;
use jiff::Timestamp;

/// The trait that changes from round to round.
pub(super) const CHANGING: &str = "plan";

/// The part of `context` that Engage adds when it syncs an audience.
const PERSONAS: &str = r#","personas":{"computation_class":"audience","computation_id":"aud_2bench","computation_key":"bench_members","namespace":"spa_2bench","space_id":"spa_2bench"}"#;

/// The form of the events of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// One event of a sync with user id, address, name and city
    Whole,
    /// Two events of a sync for each member: one with the user id alone, one with the address
    Identifiers,
    /// One event of a sync with user id and address, but without the other data that a create needs
    Incomplete,
    /// As whole, from a website instead of a sync
    Live,
}

impl Shape {
    /// Events for each member.
    pub(super) fn events(self) -> u32 {
        if self == Self::Identifiers { 2 } else { 1 }
    }

    /// Whether it creates an affiliate for a person who has none.
    pub(super) fn creates(self) -> bool {
        matches!(self, Self::Whole | Self::Live)
    }

    /// Its name on the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Identifiers => "identifiers",
            Self::Incomplete => "incomplete",
            Self::Live => "live",
        }
    }
}

/// One round of events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// Its number.
    pub(super) number: u32,
    /// The time of its events.
    pub(super) at: Timestamp,
    /// The form of its events.
    pub(super) shape: Shape,
}

impl Round {
    /// Event `which` of one member, as Engage sends it when an audience is synced. `which` is below [`Shape::events`].
    ///
    /// It is written as text, because the sender shares the machine with the measured processes.
    pub(super) fn event(self, member: u32, which: u32) -> String {
        let Self { number, at, shape } = self;
        let microseconds = at.as_microsecond();
        let personas = if shape == Shape::Live { "" } else { PERSONAS };
        let traits = self.traits(member, which);
        format!(
            r#"{{"type":"identify","messageId":"personas_{microseconds}_{number}_{member:07}_{which}","userId":"member-{member:07}","context":{{"library":{{"name":"unknown","version":"unknown"}}{personas}}},"integrations":{{"All":false,"Refersion":true}},"timestamp":"{at}","receivedAt":"{at}","traits":{{{traits}}}}}"#
        )
    }

    fn traits(self, member: u32, which: u32) -> String {
        let mut traits = format!(r#""{CHANGING}":"{}""#, value(self.number));
        if self.shape != Shape::Identifiers || which == 1 {
            traits += &format!(r#","email":"{}""#, email(member));
        }
        if self.shape.creates() {
            let house = member % 1000 + 1;
            traits += &format!(
                r#","firstName":"Member","lastName":"Number {member}","address":{{"street":"{house} Oak Street","city":"Portland","postalCode":"97201","country":"US"}}"#
            );
        }
        traits
    }
}

/// The value of the changing trait in a round.
pub(super) fn value(round: u32) -> String {
    format!("round-{round}")
}

/// The address of one member.
pub(super) fn email(member: u32) -> String {
    format!("member-{member:07}@example.com")
}

/// The member with this address.
pub(super) fn member(email: &str) -> Option<u32> {
    email.strip_prefix("member-")?.strip_suffix("@example.com")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(number: u32, shape: Shape, which: u32) -> Value {
        let round = Round { number, at: Timestamp::UNIX_EPOCH, shape };
        serde_json::from_str(&round.event(7, which)).unwrap()
    }

    #[test]
    fn an_event_has_the_usual_size_and_a_round_changes_one_trait() {
        let [one, two] = [1, 2].map(|round| event(round, Shape::Whole, 0));
        assert!((500..800).contains(&one.to_string().len()), "{one}");
        assert_ne!(one["messageId"], two["messageId"]);
        let (mut one, mut two) = (one["traits"].clone(), two["traits"].clone());
        assert_eq!((one[CHANGING].take(), two[CHANGING].take()), ("round-1".into(), "round-2".into()));
        assert_eq!(one, two);
    }

    #[test]
    fn each_shape_has_the_traits_that_it_is_for() {
        let [user, address] = [0, 1].map(|which| event(1, Shape::Identifiers, which));
        assert_ne!(user["messageId"], address["messageId"]);
        assert_eq!(user["traits"], json!({ CHANGING: "round-1" }));
        assert_eq!(member(address["traits"]["email"].as_str().unwrap()), Some(7));
        assert!(event(1, Shape::Incomplete, 0)["traits"]["address"].is_null());
        assert!(event(1, Shape::Live, 0)["context"]["personas"].is_null());
    }
}
