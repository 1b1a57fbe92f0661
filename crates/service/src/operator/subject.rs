//! The subject of an operator's query: a message id, an email address, a userId or an anonymousId; the text does not say which.

use std::str::FromStr;

use connections::ConnectionId;
use identity::Digest;
use segment::{Body, Event};
use worker::translate::Translator;

use crate::engines::Engines;

/// A text that may be any kind of name.
#[derive(Clone, Debug)]
pub struct Subject {
    /// An identify that has the text in every place, so that it is compared exactly as those of events are.
    everywhere: Event,
    text: String,
}

impl FromStr for Subject {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let everywhere = serde_json::json!({
            "type": "identify", "messageId": text, "userId": text, "anonymousId": text, "email": text,
        });
        let received_at = jiff::Timestamp::UNIX_EPOCH;
        match segment::read(everywhere.to_string().as_bytes(), received_at) {
            Ok(everywhere) if !text.is_empty() => Ok(Self { everywhere, text: text.to_owned() }),
            _ => Err("give a message id, an email address or a userId"),
        }
    }
}

impl Subject {
    /// The text, trimmed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The email address that it is, if it looks like one.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        match &self.everywhere.body {
            Body::Identify(identify) => identify.address.as_ref().map(|stated| stated.address.as_str()),
            Body::Delete(_) => None,
        }
    }

    /// The digests that it is kept under in one connection, whatever kind of name it is.
    #[must_use]
    pub fn digests(&self, engines: &Engines, connection: ConnectionId) -> Vec<Digest> {
        Translator { vault: &engines.vault, connection }.found_by(&self.everywhere)
    }
}
