//! One event as an operator sees it, from the ledger or from the queue.

use std::collections::{BTreeMap, BTreeSet};

use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use ledger::{AttemptView, EventView, GraphRow, State};
use queue::Envelope;
use segment::Body;
use serde::Serialize;
use uuid::Uuid;
use worker::translate::Translator;

use super::Directory;
use super::waiting::{until_resumed, waits_for};
use crate::engines::Engines;
use crate::failure::Failure;

/// One event. The names of its fields are fixed: scripts rely on them.
#[derive(Clone, Debug, Serialize)]
pub struct EventRow {
    /// Its id.
    pub event_id: Uuid,
    /// Segment's message id, while the event's payload is kept.
    pub message_id: Option<String>,
    /// `identify`, `delete` or `unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of its connection.
    pub connection: String,
    /// When the ingest endpoint accepted it.
    pub received_at: Timestamp,
    /// `pending`, or its outcome.
    pub state: &'static str,
    /// The reason.
    pub reason: Option<String>,
    /// The affiliate's code.
    pub affiliate_code: Option<String>,
    /// The affiliate's numeric id.
    pub affiliate_id: Option<u64>,
    /// Failed calls, oldest first.
    pub attempts: Vec<AttemptView>,
    /// The id of its dead letter, in any state; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_id: Option<i64>,
    /// The cause of its dead letter, in words; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The reason why it waits.
    pub waiting_for: Option<String>,
}

pub(super) async fn ledger_rows(
    engines: &Engines,
    directory: &Directory,
    views: Vec<EventView>,
) -> Result<Vec<EventRow>, Failure> {
    let mut graphs: BTreeMap<ConnectionId, Vec<GraphRow>> = BTreeMap::new();
    for connection in directory.all() {
        let open = |view: &&EventView| {
            view.connection == connection.id && matches!(view.state, State::Pending | State::Remembered)
        };
        let digests: BTreeSet<Digest> =
            views.iter().filter(open).flat_map(|view| view.found_by.clone()).collect();
        let digests: Vec<Digest> = digests.into_iter().collect();
        if !digests.is_empty() {
            let gathered = engines.ledger.gather(connection.id, &digests, &[]).await?;
            graphs.insert(connection.id, gathered.graphs);
        }
    }
    let mut rows = Vec::with_capacity(views.len());
    for view in views {
        let connection = directory.get(view.connection);
        let graphs = graphs.get(&view.connection).map(Vec::as_slice).unwrap_or_default();
        let waiting_for = connection.and_then(|connection| waits_for(&view, connection, graphs));
        let message_id = kept_message_id(engines, &view).await?;
        rows.push(EventRow { message_id, ..of_view(view, directory, waiting_for) });
    }
    Ok(rows)
}

/// The message id of an event whose payload is kept. Of every other event only the id's digest is kept.
async fn kept_message_id(engines: &Engines, view: &EventView) -> Result<Option<String>, Failure> {
    if !matches!(view.state, State::Pending | State::Dead) {
        return Ok(None);
    }
    let kept = engines.ledger.payload(view.event).await?;
    Ok(kept.and_then(|(_, received_at, payload)| message_id_in(&payload, received_at)))
}

/// The message id in an event's raw JSON; `None` where there is none or the event cannot be read.
pub fn message_id_in(payload: &str, received_at: Timestamp) -> Option<String> {
    segment::read(payload.as_bytes(), received_at).ok()?.message_id
}

fn of_view(view: EventView, directory: &Directory, waiting_for: Option<String>) -> EventRow {
    let affiliate = view.affiliate.unwrap_or_default();
    EventRow {
        event_id: view.event,
        message_id: None,
        kind: view.kind,
        connection: directory.name(view.connection),
        received_at: view.received_at,
        state: view.state.word(),
        reason: view.reason,
        affiliate_code: affiliate.code,
        affiliate_id: affiliate.id,
        attempts: view.attempts,
        dead_letter_id: view.dead_letter.as_ref().map(|letter| letter.id),
        cause: view.dead_letter.map(|letter| letter.cause),
        waiting_for,
    }
}

/// An event that ended and is in the queue again is being replayed.
pub(super) fn mark_readmitted(events: &mut [EventRow], envelope: &Envelope) {
    let row = events.iter_mut().find(|row| row.event_id == envelope.event_id);
    if let Some(row) = row.filter(|row| envelope.replay && row.state == State::Dead.word()) {
        row.waiting_for = Some("to be absorbed again (replay)".to_owned());
    }
}

/// An event of the queue, if `wanted` finds it.
pub(super) fn queued_row(
    engines: &Engines,
    directory: &Directory,
    envelope: &Envelope,
    wanted: &BTreeSet<&Digest>,
) -> Option<EventRow> {
    let connection = directory.get(envelope.connection)?;
    let event = segment::read(envelope.payload.get().as_bytes(), envelope.received_at).ok()?;
    let translator = Translator { vault: &engines.vault, connection: connection.id };
    if !translator.found_by(&event).iter().any(|digest| wanted.contains(digest)) {
        return None;
    }
    let waiting_for = match connection.state {
        connections::State::Paused(reason) => format!("to be absorbed, then {}", until_resumed(reason)),
        connections::State::Active => "to be absorbed".to_owned(),
    };
    Some(EventRow {
        event_id: envelope.event_id,
        message_id: event.message_id,
        kind: kind(&event.body).to_owned(),
        connection: connection.name.to_string(),
        received_at: envelope.received_at,
        state: State::Pending.word(),
        reason: None,
        affiliate_code: None,
        affiliate_id: None,
        attempts: Vec::new(),
        dead_letter_id: None,
        cause: None,
        waiting_for: Some(waiting_for),
    })
}

fn kind(body: &Body) -> &'static str {
    match body {
        Body::Identify(_) => "identify",
        Body::Delete(_) => "delete",
    }
}
