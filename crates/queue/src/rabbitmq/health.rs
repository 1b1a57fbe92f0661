//! The health of the engine.

use jiff::Timestamp;

use super::{RabbitError, RabbitQueue};

/// Whether the engine can do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether events can be published: connected, and not blocked by the broker.
    pub publishing: bool,
    /// Whether all queues are consumed that should be. A process that takes nothing consumes nothing, and is healthy.
    pub consuming: bool,
    /// Since when this is so, as far as is known.
    pub since: Timestamp,
    /// The reason, if it cannot.
    pub why: Option<String>,
}

impl RabbitQueue {
    /// Whether the engine can do its work now. A consumer that the broker cancelled shows at once.
    #[must_use]
    pub fn health(&self) -> Health {
        let (publisher, consumers) = (self.publisher.borrow(), self.consumers.borrow());
        let publishing = match &publisher.link {
            None => Err((publisher.why.to_string(), publisher.since)),
            Some(link) => link.blocked().map_or(Ok(publisher.since), |(reason, since)| {
                Err((RabbitError::Blocked { reason }.to_string(), since))
            }),
        };
        let outdated = "the queues hold events for a newer program: upgrade this one";
        let consuming = match &consumers.link {
            _ if self.buffer.is_outdated() => Err((outdated.to_owned(), consumers.since)),
            None if !consumers.idle => Err((consumers.why.to_string(), consumers.since)),
            _ => Ok(consumers.since),
        };
        let (since, why) = match (&publishing, &consuming) {
            (Err((why, since)), _) | (Ok(_), Err((why, since))) => (*since, Some(why.clone())),
            (Ok(one), Ok(other)) => (*one.max(other), None),
        };
        Health { publishing: publishing.is_ok(), consuming: consuming.is_ok(), since, why }
    }
}
