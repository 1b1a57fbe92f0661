//! One request of the Tracking API, from its headers to its events in the queue.

use std::net::IpAddr;

use hyper::body::{Body, Bytes};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use jiff::Timestamp;
use listener::Client;
use queue::Lane;
use segment::tracking::{Tracking, readable};
use serde_json::value::RawValue;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::{Route, gzip};
use crate::answer::Answer;
use crate::body::{self, BodyLimits};
use crate::budget::Held;
use crate::guard::Key;
use crate::publisher::{self, Incoming};
use crate::refused::Refused;
use crate::webhooks::ITEMS_AT_ONCE;
use crate::{Endpoint, credentials};

/// Maximum bytes of a body, compressed or not. Segment's limit is 500 KB; its clients count differently, and exceed it.
const BODY_BYTES: usize = 1024 * 1024;

/// The sender of a request.
struct Sender {
    connection: i64,
    key: String,
    /// Whether the key is a write key.
    is_public: bool,
}

impl Route {
    /// Answers a request for this route.
    pub(crate) async fn answer<B>(
        self,
        endpoint: &Endpoint,
        client: Client,
        head: &Parts,
        body: &mut B,
    ) -> Result<Answer, Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if head.method != Method::POST {
            return Err(Refused::NotPost);
        }
        let accepting = self.accept(endpoint, client, &head.headers, body);
        timeout(endpoint.limits().deadline, accepting).await.unwrap_or(Err(Refused::TooLate))?;
        Ok(self.accepted())
    }

    /// The steps of one request, in their order. When this returns, all of its events are durable.
    async fn accept<B>(
        self,
        endpoint: &Endpoint,
        client: Client,
        headers: &HeaderMap,
        body: &mut B,
    ) -> Result<(), Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let received_at = endpoint.now();
        let _under_way = endpoint.begin(client)?;
        let sender = match credentials::key(headers) {
            Some(key) => Some(self.sender(endpoint, client.address, key).await?),
            None => None,
        };
        let mut held = match &sender {
            Some(sender) => endpoint.budget.hold(sender.connection),
            // The key is in the body.
            None => endpoint.budget.hold_for_client(client.address),
        };
        let time = endpoint.limits().body_timeout;
        let limits = BodyLimits { bytes: BODY_BYTES, array_bytes: BODY_BYTES, time };
        let body = body::read(body, limits, &mut held).await?;
        let body = gzip::decoded(headers, body, BODY_BYTES, &mut held)?;
        let body = readable(&body);
        let request = Tracking::parse(&body)?;
        let sender = match (sender, request.write_key()) {
            (Some(sender), _) => sender,
            (None, Some(key)) => self.sender(endpoint, client.address, key.to_owned()).await?,
            (None, None) => return Err(endpoint.guard.without_key().await),
        };
        held.give_to(sender.connection)?;
        let events = self.events(&request, &sender, received_at, &mut held).await?;
        let count = events.len();
        endpoint.publisher.publish(sender.connection, received_at, events).await?;
        endpoint.meters.accepted(count as u64);
        Ok(())
    }

    /// The owner of a key. A web page shows its key to everybody: there, an API key counts as wrong.
    async fn sender(self, endpoint: &Endpoint, client: IpAddr, key: String) -> Result<Sender, Refused> {
        let asked = if self.is_for_browsers { Key::Write(&key) } else { Key::of(&key) };
        let is_public = matches!(asked, Key::Write(_));
        let is_secret = self.is_for_browsers && matches!(Key::of(&key), Key::Api(_));
        let connection =
            endpoint.guard.connection_for(client, asked).await.map_err(|refused| match refused {
                Refused::UnknownKey if is_secret => Refused::ApiKeyOnPage,
                other => other,
            })?;
        Ok(Sender { connection, key, is_public })
    }

    async fn events(
        self,
        request: &Tracking<'_>,
        sender: &Sender,
        received_at: Timestamp,
        held: &mut Held,
    ) -> Result<Vec<Incoming>, Refused> {
        let mut events = Vec::new();
        for event in request.events(self.call, received_at)? {
            let event = event?;
            held.grow(event.len())?;
            events.push(incoming(event, sender, received_at)?);
            if events.len().is_multiple_of(ITEMS_AT_ONCE) {
                yield_now().await;
            }
        }
        Ok(events)
    }
}

fn incoming(event: String, sender: &Sender, received_at: Timestamp) -> Result<Incoming, Refused> {
    // Only events that may be from Engage are read here: the worker reads every event.
    let may_be_bulk = event.contains("personas");
    let bulk = may_be_bulk && segment::check(event.as_bytes(), received_at).is_ok_and(|event| event.bulk);
    let lane = if bulk { Lane::Bulk } else { Lane::Live };
    let event = RawValue::from_string(event).map_err(|_| Refused::BodyBroken)?;
    let payload = publisher::without_key(event, &sender.key);
    Ok(Incoming { lane, is_delete: false, is_public: sender.is_public, payload })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use segment::tracking::{Call, MAX_EVENTS};

    use super::*;
    use crate::budget::Budget;

    #[test]
    fn a_long_batch_does_not_block_other_requests() {
        let items = vec![r#"{"type":"identify","userId":"u"}"#; MAX_EVENTS].join(",");
        let body = format!(r#"{{"context":{{"a":1}},"batch":[{items}]}}"#);
        let request = Tracking::parse(body.as_bytes()).unwrap();
        let mut held = Budget::new(1 << 30, 1 << 20).hold(7);
        let route = Route { call: Call::Batch, is_for_browsers: false };
        let sender = Sender { connection: 1, key: "key".to_owned(), is_public: true };
        let mut events = pin!(route.events(&request, &sender, Timestamp::UNIX_EPOCH, &mut held));
        let mut turns = 0;
        let events = loop {
            match events.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(events) => break events.unwrap(),
                Poll::Pending => turns += 1,
            }
        };
        assert_eq!((events.len(), turns), (MAX_EVENTS, MAX_EVENTS / ITEMS_AT_ONCE));
    }
}
