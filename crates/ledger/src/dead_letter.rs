//! A dead letter, as a transaction writes it.

use identity::Digest;
use identity::answer::DeadEvent;
use identity::stamp::Moment;
use jiff::Timestamp;
use uuid::Uuid;

/// An event that nobody will try again until an operator says so. Its payload is the pending one, or is given.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The event; an unreadable envelope gets a fresh id.
    pub event: Uuid,
    /// The failure's class.
    pub class: String,
    /// The cause in words.
    pub cause: String,
    /// The status of Refersion's answer, if there was one.
    pub http_status: Option<u16>,
    /// The field that was refused, if one is to blame.
    pub field: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it died.
    pub died_at: Timestamp,
    /// The identifier that the event speaks to, by which persons are counted; `None` where it names nobody.
    pub person: Option<Digest>,
}

impl DeadLetter {
    /// What an event leaves that died in a graph at this time.
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

/// A dead letter whose event is in no graph: by what it names a delete finds it all the same.
#[derive(Clone, Debug)]
pub struct OrphanedDeadLetter {
    /// The event.
    pub event: Uuid,
    /// The identifiers that it names.
    pub named: Vec<Digest>,
    /// The event's own time.
    pub stated_at: Moment,
}
