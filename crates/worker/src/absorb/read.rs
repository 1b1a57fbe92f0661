//! Reads envelopes: the request of each, or the reason why it cannot be read.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use connections::{ConnectionId, Vault};
use identity::Digest;
use identity::graph::Lane;
use identity::stamp::Moment;
use jiff::Timestamp;
use ledger::NamedAudience;
use queue::{Envelope, Item};
use segment::{Outline, ReadOptions, Refusal};
use uuid::Uuid;

use super::left_out::LeftOut;
use super::names::Names;
use super::too_long;
use crate::Worker;
use crate::audiences;
use crate::rules::ConnectionCache;
use crate::translate::{Action, Translator, unusable_country};

/// The event has a type that is not for us.
const TYPE_NOT_SUPPORTED: &str = "event_type_not_supported";

/// The event came with a write key, and cannot be read.
const UNREADABLE: &str = "unreadable";

/// An envelope, read.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) connection: ConnectionId,
    pub(super) event: Uuid,
    pub(super) received_at: Timestamp,
    /// The event's own time; if it has none, the time when it was accepted.
    pub(super) stated_at: Moment,
    pub(super) lane: Lane,
    pub(super) replay: bool,
    /// How often an operator has repaired the event.
    pub(super) revision: u32,
    /// The identifiers that its former versions name, if it is repaired.
    pub(super) former: Vec<Digest>,
    pub(super) kind: &'static str,
    pub(super) payload: Arc<str>,
    pub(super) found_by: Vec<Digest>,
    /// The names of its custom traits that are counted.
    pub(super) trait_names: Names,
    /// The folded keys of traits that are too long to be kept.
    pub(super) too_long: Vec<String>,
    /// The audience that it is about, if it may be kept.
    pub(super) audience: Option<NamedAudience>,
    /// The parts that are left out of it.
    pub(super) left_out: LeftOut,
    pub(super) content: Content,
}

/// The request of an envelope, or why it has none.
#[derive(Clone)]
pub(super) enum Content {
    /// A statement, a delete, or a reason to skip the event.
    Action(Action),
    /// Nothing: its connection was removed.
    NoConnection,
    /// It cannot be read or folded: class and cause.
    Bad(&'static str, String),
}

pub(super) fn read(worker: &Worker, cache: &ConnectionCache, item: &Item) -> Reading {
    match item {
        Item::Readable(envelope) => read_envelope(worker, cache, envelope),
        Item::Unreadable { raw, why } => match envelope_in(item) {
            Some(envelope) => read_rejected(worker, cache, &envelope, why),
            None => unreadable(worker, raw, why),
        },
    }
}

/// The connection of an item's envelope, if it has one.
pub(super) fn connection_of(item: &Item) -> Option<ConnectionId> {
    match item {
        Item::Readable(envelope) => Some(envelope.connection),
        Item::Unreadable { .. } => envelope_in(item).map(|envelope| envelope.connection),
    }
}

/// An item that was redelivered too often is unreadable, but may still hold an envelope.
fn envelope_in(item: &Item) -> Option<Envelope> {
    let Item::Unreadable { raw, .. } = item else { return None };
    serde_json::from_slice(raw).ok()
}

/// An accepted event that must not be tried again: it becomes a dead letter under its own id, and is found by the identifiers
/// that it names. If reading it is what crashed the workers, only its id is used.
fn read_rejected(worker: &Worker, cache: &ConnectionCache, envelope: &Envelope, why: &str) -> Reading {
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| read_envelope(worker, cache, envelope)));
    let reading = read.unwrap_or_else(|_| blank(envelope));
    if cache.has(envelope.connection) { poison(&reading, why) } else { reading }
}

fn read_envelope(worker: &Worker, cache: &ConnectionCache, envelope: &Envelope) -> Reading {
    if !cache.has(envelope.connection) {
        return Reading { content: Content::NoConnection, payload: "{}".into(), ..blank(envelope) };
    }
    read_known(&worker.vault, &cache.read_options(envelope.connection), envelope)
}

/// Reads an envelope of an existing connection.
pub(super) fn read_known(vault: &Vault, options: &ReadOptions, envelope: &Envelope) -> Reading {
    let blank = blank(envelope);
    let payload = envelope.payload.get().as_bytes();
    let event = match segment::read_with(payload, envelope.received_at, options) {
        Ok(event) => event,
        Err(refusal) => return refused(vault, envelope, &refusal, options),
    };
    let translator = Translator { vault, connection: envelope.connection };
    let (kind, stated_at, trait_names, too_long) = match &event.body {
        segment::Body::Identify(it) => ("identify", it.time, Names::of(&it.spellings), too_long::keys(it)),
        segment::Body::Delete(it) => ("delete", it.time, Names::default(), Vec::new()),
    };
    let left_out = match &event.body {
        segment::Body::Identify(it) => LeftOut::of(&it.blocked, &it.ignored, unusable_country(&it.traits)),
        segment::Body::Delete(it) => LeftOut::of(&it.blocked, &[], None),
    };
    let mut action = translator.translate(envelope.event_id, envelope.revision, blank.lane, &event);
    if let Action::Identify(statement) = &mut action {
        statement.unusable = left_out.in_words();
    }
    Reading {
        left_out,
        audience: audience_of(envelope, &event, &action),
        kind,
        stated_at: stated_at.into(),
        trait_names,
        too_long,
        found_by: translator.found_by_action(&event, &action),
        content: Content::Action(action),
        ..blank
    }
}

/// The audience that an event is about; `None` if it came with a write key, which is public.
fn audience_of(envelope: &Envelope, event: &segment::Event, action: &Action) -> Option<NamedAudience> {
    let segment::Body::Identify(identify) = &event.body else { return None };
    let counts = matches!(action, Action::Identify(_)) && !envelope.public;
    identify.audience.as_ref().filter(|_| counts).and_then(|audience| audiences::named(audience))
}

/// An event that the reader refuses. The direct destination answers such an event with an error; requests with many events are
/// accepted as a whole. An event of a type that is not for us is skipped; any other becomes a dead letter with its payload. With
/// a write key, which any web page shows, strangers could fill the ledger with these, so they are skipped, as Segment drops them.
fn refused(vault: &Vault, envelope: &Envelope, refusal: &Refusal, options: &ReadOptions) -> Reading {
    let translator = Translator { vault, connection: envelope.connection };
    let outline = Outline::of(envelope.payload.get().as_bytes(), options);
    let content = match refusal {
        Refusal::UnsupportedType(_) => Content::Action(Action::Skip(TYPE_NOT_SUPPORTED)),
        _ if envelope.public => Content::Action(Action::Skip(UNREADABLE)),
        other => Content::Bad("unreadable", other.message()),
    };
    let found_by = translator.found_by_outline(&outline);
    Reading { content, kind: refusal.kind(), found_by, ..blank(envelope) }
}

fn blank(envelope: &Envelope) -> Reading {
    Reading {
        connection: envelope.connection,
        event: envelope.event_id,
        received_at: envelope.received_at,
        stated_at: envelope.received_at.into(),
        lane: match envelope.lane {
            queue::Lane::Live => Lane::Live,
            queue::Lane::Bulk => Lane::Bulk,
        },
        replay: envelope.replay,
        revision: envelope.revision,
        former: Vec::new(),
        kind: "unknown",
        payload: envelope.payload.get().into(),
        found_by: Vec::new(),
        trait_names: Names::default(),
        too_long: Vec::new(),
        audience: None,
        left_out: LeftOut::default(),
        content: Content::NoConnection,
    }
}

/// Bytes that are no envelope: kept as text, under an id derived from them, so that a redelivery is the same event.
fn unreadable(worker: &Worker, raw: &[u8], why: &str) -> Reading {
    let digest = worker.vault.digest("unreadable", 0, &String::from_utf8_lossy(raw));
    Reading {
        connection: 0,
        event: Uuid::from_bytes(digest),
        received_at: worker.now(),
        stated_at: worker.now().into(),
        lane: Lane::Live,
        replay: false,
        revision: 0,
        former: Vec::new(),
        kind: "unknown",
        payload: String::from_utf8_lossy(raw).into(),
        found_by: Vec::new(),
        trait_names: Names::default(),
        too_long: Vec::new(),
        audience: None,
        left_out: LeftOut::default(),
        content: Content::Bad("unreadable", why.to_owned()),
    }
}

/// An envelope whose folding failed.
pub(super) fn poison(reading: &Reading, why: &str) -> Reading {
    Reading {
        content: Content::Bad("poison", why.to_owned()),
        trait_names: Names::default(),
        audience: None,
        left_out: LeftOut::default(),
        ..reading.clone()
    }
}

impl Reading {
    /// The strongest identifier that it names.
    pub(super) fn person(&self) -> Option<Digest> {
        match &self.content {
            Content::Action(Action::Identify(statement)) => statement.digests().first().copied(),
            Content::Action(Action::Delete(deletion)) => deletion.digests().first().copied(),
            Content::Bad(..) | Content::Action(Action::Skip(_)) | Content::NoConnection => None,
        }
    }

    /// The identifiers that it names, strongest first.
    pub(super) fn names(&self) -> Vec<Digest> {
        match &self.content {
            Content::Action(Action::Identify(statement)) => statement.digests(),
            Content::Action(Action::Delete(deletion)) => deletion.digests(),
            // It goes into no graph, but a delete in one of these may cover it.
            Content::Bad(..) => self.found_by.clone(),
            Content::Action(Action::Skip(_)) | Content::NoConnection => Vec::new(),
        }
    }
}
