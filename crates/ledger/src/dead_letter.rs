//! A dead letter, as a transaction writes it.

use identity::Digest;
use identity::answer::DeadEvent;
use identity::stamp::Moment;
use jiff::Timestamp;
use uuid::Uuid;

/// An event that is not retried until an operator replays it. Its payload is that of the event.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The event; an unreadable envelope gets a new id.
    pub event: Uuid,
    /// The class of the failure.
    pub class: String,
    /// The text of the cause.
    pub cause: String,
    /// The status of Refersion's answer, if there was one.
    pub http_status: Option<u16>,
    /// The refused field, if the failure is about one.
    pub field: Option<String>,
    /// The number of attempts.
    pub attempts: u32,
    /// When it died.
    pub died_at: Timestamp,
    /// The identifier that the event is about, by which persons are counted; `None` if the event names nobody.
    pub person: Option<Digest>,
}

impl DeadLetter {
    /// The dead letter of an event that died in a graph at this time.
    #[must_use]
    pub fn of(dead_event: DeadEvent, died_at: Timestamp) -> Self {
        Self {
            event: dead_event.event,
            class: dead_event.cause.class,
            cause: dead_event.cause.message,
            http_status: dead_event.cause.http_status,
            field: dead_event.field,
            attempts: dead_event.attempts,
            died_at,
            person: Some(dead_event.identifier),
        }
    }
}

/// A dead letter whose event is in no graph. A delete finds it by the identifiers that it names.
#[derive(Clone, Debug)]
pub struct OrphanedDeadLetter {
    /// The event.
    pub event: Uuid,
    /// The identifiers that it names.
    pub named: Vec<Digest>,
    /// The event's own time.
    pub stated_at: Moment,
}
