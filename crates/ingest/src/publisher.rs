//! The only way into the queue: every contract turns a request into events, and this module makes them durable.

use std::borrow::Cow;
use std::sync::Arc;

use connections::Randomness;
use jiff::Timestamp;
use queue::{Envelope, FORMAT, GroupCommit, GroupCounts, Lane, PublishError};
use segment::Checked;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::refused::Refused;
use crate::shedding::Shedding;
use crate::{Admission, NoRoom};

/// One event of a request, ready for the queue.
pub(crate) struct Incoming {
    /// The lane in which it will wait.
    pub(crate) lane: Lane,
    /// Whether it makes room, so that it goes before others if there is little room.
    pub(crate) is_delete: bool,
    /// Whether it came with a write key, which is no secret.
    pub(crate) is_public: bool,
    /// The event, without any key in it.
    pub(crate) payload: Box<RawValue>,
}

impl Incoming {
    /// An event of a sender that has the secret of its connection.
    pub(crate) fn of(event: Checked, payload: Box<RawValue>) -> Self {
        Self {
            lane: if event.bulk { Lane::Bulk } else { Lane::Live },
            is_delete: event.is_delete,
            is_public: false,
            payload,
        }
    }
}

/// An event without the key of its sender, in any escape, also if it is nested too deeply to be read: the worker reports why it
/// failed.
pub(crate) fn without_key(event: Box<RawValue>, key: &str) -> Box<RawValue> {
    let changed = match segment::without_key(event.get().as_bytes(), key) {
        Ok(Cow::Borrowed(_)) => return event,
        Ok(Cow::Owned(clean)) => String::from_utf8_lossy(&clean).into_owned(),
        Err(_) => segment::text_without_key(event.get(), key),
    };
    RawValue::from_string(changed).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Publishes the events of requests.
pub(crate) struct Publisher {
    group: GroupCommit,
    shedding: Shedding,
    admission: Arc<dyn Admission>,
    randomness: Arc<dyn Randomness>,
}

impl Publisher {
    pub(crate) fn new(
        group: GroupCommit,
        admission: Arc<dyn Admission>,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        Self { group, shedding: Shedding::default(), admission, randomness }
    }

    pub(crate) fn with_admission(self, admission: Arc<dyn Admission>) -> Self {
        Self { admission, ..self }
    }

    /// The number of commits and events since the start.
    pub(crate) fn counts(&self) -> GroupCounts {
        self.group.counts()
    }

    /// Publishes the events of one request; when this returns their ids, all of them are durable. If a lane is full, other
    /// requests make way for those that contain only deletes.
    ///
    /// # Errors
    /// [`Refused`]; some of the events may be in the queue nevertheless, which does no harm.
    pub(crate) async fn publish(
        &self,
        connection: i64,
        received_at: Timestamp,
        events: Vec<Incoming>,
    ) -> Result<Vec<Uuid>, Refused> {
        let deletes_only = events.iter().all(|event| event.is_delete);
        self.check_room(connection, deletes_only)?;
        if !deletes_only && events.iter().any(|event| self.shedding.is_on(event.lane)) {
            return Err(Refused::QueueFull);
        }
        let envelope = |event: Incoming| Envelope {
            format: FORMAT,
            event_id: self.new_event_id(received_at),
            connection,
            lane: event.lane,
            received_at,
            replay: false,
            revision: 0,
            public: event.is_public,
            payload: event.payload,
        };
        let envelopes: Vec<Envelope> = events.into_iter().map(envelope).collect();
        let ids = envelopes.iter().map(|envelope| envelope.event_id).collect();
        let bytes = envelopes.iter().map(Envelope::estimated_bytes).sum();
        self.commit(envelopes, deletes_only).await?;
        self.admission.accepted(bytes);
        Ok(ids)
    }

    async fn commit(&self, envelopes: Vec<Envelope>, deletes_only: bool) -> Result<(), Refused> {
        let used = |lane| envelopes.iter().any(|envelope| envelope.lane == lane);
        let lanes = [Lane::Live, Lane::Bulk].map(|lane| (lane, used(lane)));
        let again = deletes_only.then(|| envelopes.clone());
        match (self.group.publish_all(envelopes).await, again) {
            (Err(PublishError::Full), Some(deletes)) => {
                // The lanes may share their room, and identifies take it from either.
                self.shedding.begin(Lane::Live);
                self.shedding.begin(Lane::Bulk);
                // They may have failed because identifies were published with them; that does not happen again now.
                self.group.publish_all(deletes).await.map_err(|error| self.not_published(&error, &lanes))
            }
            (result, _) => result.map_err(|error| self.not_published(&error, &lanes)),
        }
    }

    fn check_room(&self, connection: i64, deletes_only: bool) -> Result<(), NoRoom> {
        let refusal = self.admission.refusal(connection);
        refusal.filter(|why| !deletes_only || why.stops_deletes()).map_or(Ok(()), Err)
    }

    fn not_published(&self, error: &PublishError, lanes: &[(Lane, bool)]) -> Refused {
        match error {
            PublishError::Full => {
                lanes.iter().filter(|(_, used)| *used).for_each(|(lane, _)| self.shedding.begin(*lane));
                Refused::QueueFull
            }
            // The group commit goes on, and the queue may have room, so no other request is turned away.
            PublishError::Busy => Refused::QueueFull,
            PublishError::Unavailable { .. } => Refused::QueueUnavailable,
            PublishError::TooLarge { limit, .. } => Refused::TooLarge { limit: *limit },
        }
    }

    /// A UUIDv7: later ids sort later, to the millisecond, which keeps indexes on them fast.
    fn new_event_id(&self, at: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.randomness.fill(&mut random);
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
