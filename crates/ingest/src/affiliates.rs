//! Refersion's webhooks about affiliates: `POST /refersion/ID`, one address for each connection.

use async_trait::async_trait;
use hyper::body::{Body, Bytes};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode};
use listener::Client;
use serde_json::json;
use tokio::time::timeout;

use crate::answer::{self, Answer};
use crate::body::BodyLimits;
use crate::refused::Refused;
use crate::{Endpoint, KeysUnavailable, body};

/// The prefix of the paths of connections.
const PATH: &str = "/refersion/";

/// The header of the signature.
const SIGNATURE: &str = "refersion-signature";

/// The result of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Its content is durable.
    Taken,
    /// It is about something else, and is not needed.
    NotNeeded,
    /// It is not signed with the connection's secret, or there is none.
    NotSigned,
}

/// Accepts webhooks of Refersion.
#[async_trait]
pub trait AffiliateHooks: Send + Sync {
    /// Checks the signature of `body` and processes its content. When this returns, the result is durable.
    ///
    /// # Errors
    /// If the signature cannot be checked now, or the result cannot be written.
    async fn receive(
        &self,
        connection: i64,
        signature: &str,
        body: &[u8],
    ) -> Result<Received, KeysUnavailable>;
}

/// Accepts none, for an endpoint that knows no secrets.
pub(crate) struct NoHooks;

#[async_trait]
impl AffiliateHooks for NoHooks {
    async fn receive(&self, _: i64, _: &str, _: &[u8]) -> Result<Received, KeysUnavailable> {
        Ok(Received::NotSigned)
    }
}

/// Whether a path is one of these.
pub(crate) fn is_below(path: &str) -> bool {
    path.starts_with(PATH)
}

impl Endpoint {
    /// The steps of one webhook, in their order.
    pub(crate) async fn take_webhook<B>(
        &self,
        client: Client,
        head: &Parts,
        body: &mut B,
    ) -> Result<Answer, Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let connection = head.uri.path()[PATH.len()..].trim_end_matches('/').parse();
        let Ok(connection) = connection else { return Err(Refused::NoSuchPath) };
        if head.method != Method::POST {
            return Err(Refused::NotPost);
        }
        let taking =
            timeout(self.limits().deadline, self.take_signed(connection, client, &head.headers, body));
        taking.await.unwrap_or(Err(Refused::TooLate))
    }

    async fn take_signed<B>(
        &self,
        connection: i64,
        client: Client,
        headers: &HeaderMap,
        body: &mut B,
    ) -> Result<Answer, Refused>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let address = client.address;
        let _under_way = self.begin(client)?;
        let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if signature.is_empty() {
            return Ok(not_signed());
        }
        if body::is_encoded(headers) {
            return Err(Refused::Compressed);
        }
        // Until the signature is checked, the sender is unknown.
        let mut held = self.budget.hold_for_client(address);
        let limits = BodyLimits { array_bytes: self.limits().max_body_bytes, ..self.body_limits() };
        let json = body::read(body, limits, &mut held).await?;
        match self.hooks.receive(connection, signature, &json).await {
            Ok(Received::Taken) => Ok(answer::with_json(StatusCode::OK, &json!({ "message": "taken" }))),
            Ok(Received::NotNeeded) => {
                Ok(answer::with_json(StatusCode::OK, &json!({ "message": "not needed" })))
            }
            Ok(Received::NotSigned) => Ok(not_signed()),
            Err(cause) => Err(self.guard.unavailable(Some(&cause))),
        }
    }
}

/// The answer does not reveal whether the connection exists.
fn not_signed() -> Answer {
    let message = "the Refersion-Signature is missing or wrong: check the address and the webhook secret";
    answer::with_json(StatusCode::FORBIDDEN, &json!({ "message": message }))
}
