//! One request, from its headers to its answer.

use std::net::IpAddr;
use std::sync::Arc;

use connections::Randomness;
use hyper::body::{Body, Bytes};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request};
use jiff::Timestamp;
use queue::{Clock, Envelope, FORMAT, GroupCommit, Lane, PublishError};
use segment::Event;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::admission::Unlimited;
use crate::answer::{self, Answer};
use crate::body::BodyLimits;
use crate::budget::Budget;
use crate::clients::{Clients, UnderWay};
use crate::guard::Guard;
use crate::meters::Meters;
use crate::refused::Refused;
use crate::shedding::Shedding;
use crate::{Admission, Figures, Keys, Limits, NoRoom, body, credentials};

/// Where Segment posts to.
const PATH: &str = "/segment";

/// The ingest endpoint. It holds nothing that a crash can lose.
pub struct Endpoint {
    guard: Guard,
    clients: Clients,
    budget: Arc<Budget>,
    group: GroupCommit,
    shedding: Shedding,
    admission: Arc<dyn Admission>,
    clock: Clock,
    randomness: Arc<dyn Randomness>,
    limits: Limits,
    meters: Meters,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Endpoint").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// An ingest endpoint that asks `keys` whose a key is, and publishes through `group`.
    #[must_use]
    pub fn new(
        keys: Arc<dyn Keys>,
        group: GroupCommit,
        clock: Clock,
        randomness: Arc<dyn Randomness>,
        limits: Limits,
    ) -> Self {
        let guard = Guard::new(keys, limits.failed_keys_per_minute);
        let clients = Clients::new(limits.max_connections_per_address);
        let budget = Budget::new(limits.body_memory_bytes, limits.max_body_bytes);
        let (shedding, meters) = (Shedding::default(), Meters::default());
        let admission = Arc::new(Unlimited);
        Self { guard, clients, budget, group, shedding, admission, clock, randomness, limits, meters }
    }

    /// The same endpoint, which accepts new events only while `admission` says that there is room.
    #[must_use]
    pub fn with_admission(self, admission: Arc<dyn Admission>) -> Self {
        Self { admission, ..self }
    }

    /// The limits that it keeps.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What it has counted since the start.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            connections: self.meters.connections.figures(),
            body_bytes: self.budget.in_use() as u64,
            ..self.meters.figures(self.group.counts().commits)
        }
    }

    /// Counts the connections to it.
    pub(crate) fn connection_meters(&self) -> Arc<listener::Meters> {
        Arc::clone(&self.meters.connections)
    }

    /// Answers one request that came from `peer`, within the deadline and half a second.
    pub(crate) async fn answer<B>(&self, peer: IpAddr, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let began = Instant::now();
        let (head, mut body) = request.into_parts();
        let answer = match self.route(peer, &head, &mut body).await {
            Ok(answer) => answer,
            // Read to its end, if it is short, so that the connection can go on.
            Err(refused) => answer::refused(&refused, !body::drain(&head.headers, &mut body).await),
        };
        self.meters.count(answer.status().as_u16(), began.elapsed());
        answer
    }

    async fn route<B>(&self, peer: IpAddr, head: &Parts, body: &mut B) -> Result<Answer, Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        listener::check_host(head)?;
        match (&head.method, head.uri.path().trim_end_matches('/')) {
            (&Method::POST, PATH) => {
                let client = listener::client(peer, &head.headers, &self.limits.trusted_proxies);
                let accepting = timeout(self.limits.deadline, self.accept(client, &head.headers, body));
                accepting.await.unwrap_or(Err(Refused::TooLate)).map(answer::accepted)
            }
            (_, PATH) => Err(Refused::NotPost),
            (&Method::GET, "") => Ok(answer::hint()),
            _ => Err(Refused::NoSuchPath),
        }
    }

    /// The steps of one event, in their order. When this returns, the event is durable.
    async fn accept<B>(&self, client: IpAddr, headers: &HeaderMap, body: &mut B) -> Result<Uuid, Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let received_at = to_the_microsecond((self.clock)());
        let _under_way = self.begin(client)?;
        let Some(api_key) = credentials::api_key(headers) else { return Err(self.guard.without_key().await) };
        let connection = self.guard.connection_for(client, &api_key).await?;
        let mut held = self.budget.hold(connection);
        let json = body::read(body, self.body_limits(), &mut held).await?;
        let event = segment::read(&json, received_at)?;
        let envelope = Envelope {
            format: FORMAT,
            event_id: self.new_event_id(received_at),
            connection,
            lane: if event.bulk { Lane::Bulk } else { Lane::Live },
            received_at,
            replay: false,
            revision: 0,
            payload: payload(&json, &api_key)?,
        };
        drop(json);
        let event_id = envelope.event_id;
        self.publish(envelope, &event).await?;
        Ok(event_id)
    }

    /// Counts the request as its client's. A proxy that does not say for whom it asks is no client.
    fn begin(&self, client: IpAddr) -> Result<Option<UnderWay<'_>>, Refused> {
        let is_proxy = self.limits.trusted_proxies.contains(client);
        (!is_proxy).then(|| self.clients.begin(client)).transpose()
    }

    fn body_limits(&self) -> BodyLimits {
        BodyLimits { bytes: self.limits.max_body_bytes, time: self.limits.body_timeout }
    }

    /// Publishes; when the lane is full, identifies make way for deletes.
    async fn publish(&self, envelope: Envelope, event: &Event) -> Result<(), Refused> {
        let is_delete = matches!(event.body, segment::Body::Delete(_));
        self.check_room(envelope.connection, is_delete)?;
        let lane = envelope.lane;
        if !is_delete && self.shedding.is_on(lane) {
            return Err(Refused::QueueFull);
        }
        let again = is_delete.then(|| envelope.clone());
        match (self.group.publish_one(envelope).await, again) {
            (Err(PublishError::Full), Some(delete)) => {
                // The lanes may share their room, and identifies take it from either.
                self.shedding.begin(Lane::Live);
                self.shedding.begin(Lane::Bulk);
                // It may have failed in the company of identifies, which does not happen again now.
                self.group.publish_one(delete).await.map_err(|error| self.not_published(&error, lane))
            }
            (result, _) => result.map_err(|error| self.not_published(&error, lane)),
        }
    }

    fn check_room(&self, connection: i64, is_delete: bool) -> Result<(), NoRoom> {
        let refusal = self.admission.refusal(connection);
        refusal.filter(|why| !is_delete || why.stops_deletes()).map_or(Ok(()), Err)
    }

    fn not_published(&self, error: &PublishError, lane: Lane) -> Refused {
        match error {
            PublishError::Full => {
                self.shedding.begin(lane);
                Refused::QueueFull
            }
            PublishError::Unavailable { .. } => Refused::QueueUnavailable,
            PublishError::TooLarge { limit, .. } => Refused::TooLarge { limit: *limit },
        }
    }

    /// A UUIDv7: ids given later sort later, to the millisecond, which keeps indexes on them quick.
    fn new_event_id(&self, at: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.randomness.fill(&mut random);
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// The precision of every time that is kept.
fn to_the_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// The event as it came, less the key with which it came.
fn payload(json: &[u8], api_key: &str) -> Result<Box<RawValue>, Refused> {
    let clean = segment::without_key(json, api_key)?;
    let text = String::from_utf8(clean.into_owned()).map_err(|_| Refused::BodyBroken)?;
    RawValue::from_string(text).map_err(|_| Refused::BodyBroken)
}
