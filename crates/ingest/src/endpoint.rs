//! One request, from its headers to its answer.

use std::net::IpAddr;
use std::sync::Arc;

use connections::Randomness;
use hyper::body::{Body, Bytes};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request};
use jiff::Timestamp;
use listener::Client;
use queue::{Clock, GroupCommit};
use segment::array;
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, debug_span};
use uuid::Uuid;

use crate::admission::Unlimited;
use crate::affiliates::{self, NoHooks};
use crate::answer::{self, Answer};
use crate::body::BodyLimits;
use crate::budget::Budget;
use crate::clients::{Clients, UnderWay};
use crate::guard::{Guard, Key};
use crate::meters::Meters;
use crate::publisher::Publisher;
use crate::refused::Refused;
use crate::registration::Registrations;
use crate::signatures::{Claim, NoSecrets, Signatures};
use crate::tracking::{self, Route};
use crate::{
    Admission, AffiliateHooks, Figures, Keys, Limits, RefusedSignatures, Registrar, RegistrationFigures,
    SharedSecrets, body, credentials, direct, refused_signatures, webhooks,
};

/// The ingest endpoint. It holds nothing that a crash can lose.
pub struct Endpoint {
    pub(crate) guard: Guard,
    signatures: Signatures,
    refused_signatures: refused_signatures::Counts,
    clients: Clients,
    pub(crate) budget: Arc<Budget>,
    pub(crate) publisher: Publisher,
    pub(crate) hooks: Arc<dyn AffiliateHooks>,
    clock: Clock,
    limits: Limits,
    pub(crate) meters: Meters,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Endpoint").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// An ingest endpoint that looks up the connections of keys in `keys`, and publishes through `group`.
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
        // The items of an array are copied, and both have to fit into the share of one connection.
        let max_array_bytes = limits.max_array_bytes.min(budget.share() / 2);
        let limits = Limits { max_array_bytes, ..limits };
        let signatures = Signatures::new(Arc::new(NoSecrets));
        let publisher = Publisher::new(group, Arc::new(Unlimited), randomness);
        Self {
            guard,
            signatures,
            refused_signatures: refused_signatures::Counts::new(),
            clients,
            budget,
            publisher,
            hooks: Arc::new(NoHooks),
            clock,
            limits,
            meters: Meters::default(),
        }
    }

    /// The same endpoint, which accepts new events only while `admission` says that there is room.
    #[must_use]
    pub fn with_admission(self, admission: Arc<dyn Admission>) -> Self {
        Self { publisher: self.publisher.with_admission(admission), ..self }
    }

    /// The same endpoint, which requires signatures of those connections that `secrets` says have a shared secret.
    #[must_use]
    pub fn with_shared_secrets(self, secrets: Arc<dyn SharedSecrets>) -> Self {
        Self { signatures: Signatures::new(secrets), ..self }
    }

    /// The same endpoint, which gives Refersion's webhooks to `hooks`.
    #[must_use]
    pub fn with_affiliate_hooks(self, hooks: Arc<dyn AffiliateHooks>) -> Self {
        Self { hooks, ..self }
    }

    /// The same endpoint, which has unknown keys verified and registered by `registrar`. Needs a tokio runtime.
    #[must_use]
    pub fn with_registrar(self, registrar: Arc<dyn Registrar>) -> Self {
        let registrations = Registrations::new(registrar, self.limits.registration);
        Self { guard: self.guard.with_registrations(registrations), ..self }
    }

    /// The counts of unknown keys; `None` unless unknown keys are registered.
    #[must_use]
    pub fn registrations(&self) -> Option<RegistrationFigures> {
        self.guard.registrations().map(Registrations::figures)
    }

    /// Requests that were refused because of their signature, of at most `most` connections, newest first.
    #[must_use]
    pub fn refused_signatures(&self, most: usize) -> Vec<RefusedSignatures> {
        self.refused_signatures.newest(most)
    }

    /// The limits that it keeps.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The counters since the start.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            connections: self.meters.connections.figures(),
            body_bytes: self.budget.in_use() as u64,
            registrations: self.registrations(),
            ..self.meters.figures(self.publisher.counts().commits)
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
        let span = debug_span!("request", %peer, method = %head.method);
        let answer = match self.route(peer, &head, &mut body).instrument(span).await {
            Ok(answer) => answer,
            Err(refused) => {
                // Reads the body to its end, if it is short, so that the connection can go on.
                let close = !body::drain(&head.headers, &mut body).await;
                answer::to_path(head.uri.path(), refused, close)
            }
        };
        self.meters.count(answer.status().as_u16(), began.elapsed());
        answer
    }

    async fn route<B>(&self, peer: IpAddr, head: &Parts, body: &mut B) -> Result<Answer, Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        listener::check_host(head)?;
        if head.method == Method::OPTIONS && tracking::is_below(head.uri.path()) {
            return Ok(tracking::preflight());
        }
        if let Some(route) = Route::of(head.uri.path()) {
            return route.answer(self, self.client(peer, &head.headers), head, body).await;
        }
        if affiliates::is_below(head.uri.path()) {
            return self.take_webhook(self.client(peer, &head.headers), head, body).await;
        }
        match (&head.method, head.uri.path().trim_end_matches('/')) {
            (&Method::POST | &Method::PUT | &Method::PATCH, direct::PATH) => {
                let client = self.client(peer, &head.headers);
                let accepting = timeout(self.limits.deadline, self.accept(client, &head.headers, body));
                accepting.await.unwrap_or(Err(Refused::TooLate))
            }
            (_, direct::PATH) => Err(Refused::NotPost),
            (&Method::GET, "") => Ok(answer::hint()),
            _ => Err(Refused::NoSuchPath),
        }
    }

    /// The steps of one request, in their order. When this returns, its events are durable.
    async fn accept<B>(&self, client: Client, headers: &HeaderMap, body: &mut B) -> Result<Answer, Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let received_at = self.now();
        let _under_way = self.begin(client)?;
        let Some(api_key) = credentials::key(headers) else { return Err(self.guard.without_key().await) };
        let connection = self.guard.connection_for(client.address, Key::Api(&api_key)).await?;
        let accepted = self.accept_from(Sender { connection, api_key, received_at }, headers, body).await;
        accepted.inspect_err(|refused| self.refused_signatures.note(connection, refused, received_at))
    }

    async fn accept_from<B>(
        &self,
        sender: Sender,
        headers: &HeaderMap,
        body: &mut B,
    ) -> Result<Answer, Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let claim = self.signatures.claim(sender.connection, headers).await?;
        if body::is_encoded(headers) {
            return Err(Refused::Compressed);
        }
        let mut held = self.budget.hold(sender.connection);
        let json = body::read(body, self.body_limits(), &mut held).await?;
        if array::begins_array(&json) {
            // Its items are copied.
            held.grow(json.len())?;
            self.accept_array(&sender, &claim, json).await.map(answer::accepted_all)
        } else {
            self.accept_event(&sender, &claim, json).await.map(answer::accepted)
        }
    }

    async fn accept_event(&self, sender: &Sender, claim: &Claim, json: Vec<u8>) -> Result<Uuid, Refused> {
        claim.check(&json)?;
        let event = direct::event(&json, &sender.api_key, sender.received_at)?;
        drop(json);
        let ids = self.publisher.publish(sender.connection, sender.received_at, vec![event]).await?;
        self.meters.accepted(1);
        ids.into_iter().next().ok_or(Refused::QueueUnavailable)
    }

    /// Returns the number of events.
    async fn accept_array(&self, sender: &Sender, claim: &Claim, json: Vec<u8>) -> Result<usize, Refused> {
        let events = {
            let items = array::items(&json)?;
            claim.check_array(&json, items.first().map(|item| item.get().as_bytes()))?;
            webhooks::events(&items, &sender.api_key, sender.received_at).await
        };
        drop(json);
        let count = events.len();
        // Deletes are published by themselves, so that they are accepted if others have to make way.
        let (deletes, others): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event.is_delete);
        for events in [deletes, others].into_iter().filter(|events| !events.is_empty()) {
            self.publisher.publish(sender.connection, sender.received_at, events).await?;
        }
        self.meters.accepted(count as u64);
        Ok(count)
    }

    /// The time of a request, in the precision in which all times are stored.
    pub(crate) fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        listener::client(peer, headers, &self.limits.trusted_proxies)
    }

    /// Counts the request for its client. A proxy that does not name its client is not a client.
    pub(crate) fn begin(&self, client: Client) -> Result<Option<UnderWay<'_>>, Refused> {
        client.counts.then(|| self.clients.begin(client.address)).transpose()
    }

    pub(crate) fn body_limits(&self) -> BodyLimits {
        BodyLimits {
            bytes: self.limits.max_body_bytes,
            array_bytes: self.limits.max_array_bytes,
            time: self.limits.body_timeout,
        }
    }
}

/// The sender of a request, and its time.
struct Sender {
    connection: i64,
    api_key: String,
    received_at: Timestamp,
}
