//! Finds events for an operator, in the ledger and in the queue.

use std::collections::{BTreeMap, BTreeSet};

use identity::Digest;
use ledger::EventView;
use serde_json::value::RawValue;
use uuid::Uuid;

pub use super::event_row::{EventRow, message_id_in};
use super::event_row::{ledger_rows, mark_readmitted, queued_row};
use super::{Directory, Subject};
use crate::engines::Engines;
use crate::failure::Failure;

/// Events of the queue that are looked at in one search. Beyond it a search says that it did not see everything.
pub const QUEUE_LOOK: usize = 50_000;

/// The result of a search.
pub struct Found {
    /// Events, newest first.
    pub events: Vec<EventRow>,
    /// The raw JSON of those that are still in the queue.
    pub queued: BTreeMap<Uuid, Box<RawValue>>,
    /// Whether the whole queue was looked at.
    pub complete: bool,
    /// How many events there are about the subject, as far as they were counted beyond the limit.
    pub total: usize,
}

/// Finds the newest `limit` events about `subject`, and counts up to `beyond` more: each of them is read.
///
/// # Errors
///
/// [`Failure`] if the queue or the ledger cannot be read.
pub async fn find(
    engines: &Engines,
    directory: &Directory,
    subject: &Subject,
    limit: usize,
    beyond: usize,
) -> Result<Found, Failure> {
    let digests: Vec<Digest> =
        directory.all().flat_map(|connection| subject.digests(engines, connection.id)).collect();
    find_by(engines, directory, &digests, limit, beyond).await
}

/// Finds the newest `limit` events that any of these digests finds, and counts up to `beyond` more.
///
/// # Errors
///
/// As [`find`].
pub async fn find_by(
    engines: &Engines,
    directory: &Directory,
    digests: &[Digest],
    limit: usize,
    beyond: usize,
) -> Result<Found, Failure> {
    // The queue is read first: an event that is absorbed between the two looks is seen twice, and never missed.
    let look = engines.queue.look(QUEUE_LOOK).await?;
    let mut views = engines.ledger.find_events(digests, limit.saturating_add(beyond)).await?;
    let in_ledger: BTreeSet<Uuid> = views.iter().map(|view| view.event).collect();
    views.truncate(limit);
    let mut events = ledger_rows(engines, directory, views).await?;
    let wanted: BTreeSet<&Digest> = digests.iter().collect();
    let mut queued = BTreeMap::new();
    for envelope in look.envelopes {
        if in_ledger.contains(&envelope.event_id) {
            mark_readmitted(&mut events, &envelope);
        } else if let Some(row) = queued_row(engines, directory, &envelope, &wanted) {
            events.push(row);
            queued.insert(envelope.event_id, envelope.payload);
        }
    }
    let total = in_ledger.len() + queued.len();
    events.sort_by_key(|row| std::cmp::Reverse((row.received_at, row.event_id)));
    events.truncate(limit);
    Ok(Found { events, queued, complete: look.complete, total })
}

/// One event of the ledger; `None` only if it was removed meanwhile.
///
/// # Errors
///
/// As [`find`].
pub async fn one(
    engines: &Engines,
    directory: &Directory,
    view: EventView,
) -> Result<Option<EventRow>, Failure> {
    Ok(ledger_rows(engines, directory, vec![view]).await?.pop())
}
