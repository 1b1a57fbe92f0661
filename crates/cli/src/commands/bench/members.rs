//! What the members of the audience say: in each round, everybody's `plan` is another one, and nothing else changes.

use jiff::Timestamp;
use serde_json::json;

/// The trait that changes from round to round.
pub(super) const CHANGING: &str = "plan";

/// The words of one round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// Its number.
    pub(super) number: u32,
    /// When it was said.
    pub(super) at: Timestamp,
}

impl Round {
    /// What everybody's changing trait is in this round.
    pub(super) fn value(self) -> String {
        format!("round-{}", self.number)
    }

    /// The identify of one member, as Engage sends it when an audience is synced with its traits.
    pub(super) fn event(self, member: u32) -> String {
        let at = self.at.to_string();
        json!({
            "type": "identify",
            "messageId": format!("personas_{}_{}_{member:07}", self.at.as_microsecond(), self.number),
            "userId": format!("member-{member:07}"),
            "context": {
                "library": { "name": "unknown", "version": "unknown" },
                "personas": {
                    "computation_class": "audience",
                    "computation_id": "aud_2bench",
                    "computation_key": "bench_members",
                    "namespace": "spa_2bench",
                    "space_id": "spa_2bench",
                },
            },
            "integrations": { "All": false, "Refersion": true },
            "timestamp": at,
            "receivedAt": at,
            "traits": {
                "email": email(member),
                "firstName": "Member",
                "lastName": format!("Number {member}"),
                CHANGING: self.value(),
                "address": {
                    "street": format!("{} Oak Street", member % 1000 + 1),
                    "city": "Portland",
                    "postalCode": "97201",
                    "country": "US",
                },
            },
        })
        .to_string()
    }
}

/// The address of one member.
pub(super) fn email(member: u32) -> String {
    format!("member-{member:07}@example.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_of_the_usual_size_and_a_round_changes_one_trait() {
        let say = |number| Round { number, at: Timestamp::UNIX_EPOCH }.event(7);
        let [one, two] =
            [say(1), say(2)].map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap());
        assert!((500..800).contains(&say(1).len()), "{}", say(1).len());
        assert_ne!(one["messageId"], two["messageId"]);
        let (mut one, mut two) = (one["traits"].clone(), two["traits"].clone());
        assert_eq!((one[CHANGING].take(), two[CHANGING].take()), ("round-1".into(), "round-2".into()));
        assert_eq!(one, two);
    }
}
