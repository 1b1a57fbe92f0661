//! The reader through its public interface, with whole events.

mod any_bytes;
mod audiences;
mod blocked;
mod deletes;
mod identifies;
#[cfg(test)]
mod outlines;
mod refusals;
mod shapes;
mod spellings;
mod times;
mod tracking;

use jiff::Timestamp;
use segment::{Body, Delete, Event, Identify, Refusal};
use serde_json::Value;

/// The time of all requests. Times in the events are earlier, unless a test is about times in the future.
fn now() -> Timestamp {
    "2026-03-01T12:00:00.123456789Z".parse().expect("this is a time")
}

fn read(json: &Value) -> Result<Event, Refusal> {
    segment::read(json.to_string().as_bytes(), now())
}

#[track_caller]
fn identify(json: &Value) -> Identify {
    match read(json).expect("these tests read good events").body {
        Body::Identify(identify) => identify,
        Body::Delete(_) => panic!("{json} was read as a delete"),
    }
}

#[track_caller]
fn delete(json: &Value) -> Delete {
    match read(json).expect("these tests read good events").body {
        Body::Delete(delete) => delete,
        Body::Identify(_) => panic!("{json} was read as an identify"),
    }
}
