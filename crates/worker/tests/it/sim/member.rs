//! Members of an audience: plain people with a userId, an address and all that a create needs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::story::SentEvent;

/// A member, and the lane of their events.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) number: usize,
    pub(crate) bulk: bool,
}

impl Member {
    pub(crate) fn user(self) -> String {
        format!("member-{}", self.number)
    }

    pub(crate) fn address(self) -> String {
        format!("member{}@x.test", self.number)
    }

    /// All that a create needs.
    pub(crate) fn sign_up(self, now: Timestamp) -> SentEvent {
        let word = format!("fnM{}q", self.number);
        let traits = json!({
            "firstName": word,
            "lastName": "Lee",
            "email": self.address(),
            "address": { "city": "Bern", "country": "CH" },
        });
        let sent = self.identify("joins", &traits, now);
        SentEvent { address: Some(self.address()), words: vec![word], ..sent }
    }

    /// One trait; `which` distinguishes the message from others of this member.
    pub(crate) fn with_trait(self, which: &str, key: &str, value: Value, now: Timestamp) -> SentEvent {
        let mut traits = json!({});
        traits[key] = value;
        self.identify(which, &traits, now)
    }

    pub(crate) fn leaves(self, now: Timestamp) -> SentEvent {
        let json = json!({
            "type": "delete",
            "messageId": format!("leaves-{}", self.number),
            "userId": self.user(),
        });
        SentEvent {
            json: json.to_string(),
            delete: true,
            timestamp: None,
            ..self.identify("", &Value::Null, now)
        }
    }

    fn identify(self, which: &str, traits: &Value, now: Timestamp) -> SentEvent {
        let mut event = json!({
            "type": "identify",
            "messageId": format!("{which}-{}", self.number),
            "userId": self.user(),
            "timestamp": now.to_string(),
            "traits": traits,
        });
        if self.bulk {
            event["context"] = json!({ "personas": { "computation_key": "vip" } });
            event["integrations"] = json!({ "All": false, "Refersion": true });
        }
        SentEvent {
            json: event.to_string(),
            bulk: self.bulk,
            delete: false,
            timestamp: Some(now),
            user: Some(self.user()),
            address: None,
            anonymous: None,
            words: Vec::new(),
        }
    }
}
