//! Sends events as Segment does: over kept-alive HTTP connections, with retries.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use tokio::task::JoinSet;

use super::scenario::Call;
use crate::commands::line::Line;

/// Number of HTTP connections.
const CONNECTIONS: usize = 48;
/// Maximum number of attempts for one request.
const TRIES: u32 = 20;
/// Pause before a retry.
const PAUSE: Duration = Duration::from_millis(250);
/// Maximum size of an answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// What was sent and answered.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Answers by status, those that were followed by another try included.
    pub(super) answers: BTreeMap<u16, u64>,
    /// How long each answer took.
    pub(super) took: Vec<Duration>,
    /// Accepted requests with their event ids.
    pub(super) accepted: Vec<(String, Call)>,
}

/// Sends to the ingest endpoint.
#[derive(Clone)]
pub(super) struct Sender {
    address: SocketAddr,
    right: HeaderValue,
    wrong: HeaderValue,
    accepted: Arc<AtomicU64>,
}

impl Sender {
    /// A sender to `address`. `key` is used unless a request asks for the wrong one.
    pub(super) fn to(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        let basic = |key: &str| {
            let mut value =
                HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(format!("{key}:"))))?;
            value.set_sensitive(true);
            anyhow::Ok(value)
        };
        Ok(Self {
            address,
            right: basic(key)?,
            wrong: basic("pub_wrong.sec_wrong")?,
            accepted: Arc::default(),
        })
    }

    /// Events accepted until now.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Sends all of them, over several connections at once, and returns when every one is answered.
    pub(super) async fn send(&self, calls: Vec<Call>) -> anyhow::Result<Sent> {
        let connections = CONNECTIONS.min(calls.len());
        let (calls, next) = (Arc::new(calls), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            tasks.spawn(self.clone().send_share(Arc::clone(&calls), Arc::clone(&next)));
        }
        let mut sent = Sent::default();
        while let Some(share) = tasks.join_next().await {
            sent.add(share??);
        }
        Ok(sent)
    }

    /// What one connection sends: the next call that no other has taken, until there is none.
    async fn send_share(self, calls: Arc<Vec<Call>>, next: Arc<AtomicUsize>) -> anyhow::Result<Sent> {
        let mut sent = Sent::default();
        let mut line = Line::to(self.address, MAX_ANSWER);
        while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
            self.send_one(call, &mut line, &mut sent).await?;
        }
        Ok(sent)
    }

    async fn send_one(&self, call: &Call, line: &mut Line, sent: &mut Sent) -> anyhow::Result<()> {
        for _ in 0..TRIES {
            let began = Instant::now();
            let Ok((status, body)) = line.ask(self.request(call)?).await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            *sent.answers.entry(status).or_default() += 1;
            sent.took.push(began.elapsed());
            match status {
                202 => {
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    sent.accepted.push((event_id(&body)?, call.clone()));
                    return Ok(());
                }
                // Segment tries these again, for 4 hours; and no others.
                429 | 500 | 502..=599 => tokio::time::sleep(PAUSE).await,
                _ => return Ok(()),
            }
        }
        anyhow::bail!("the ingest endpoint did not accept a request in {TRIES} attempts")
    }

    fn request(&self, call: &Call) -> anyhow::Result<Request<Full<Bytes>>> {
        let key = if call.wrong_key { &self.wrong } else { &self.right };
        Ok(Request::post("/segment")
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, key.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(call.body.clone()))?)
    }
}

impl Sent {
    /// Counts what another connection, or another phase, sent.
    pub(super) fn add(&mut self, other: Self) {
        for (status, count) in other.answers {
            *self.answers.entry(status).or_default() += count;
        }
        self.took.extend(other.took);
        self.accepted.extend(other.accepted);
    }
}

fn event_id(body: &[u8]) -> anyhow::Result<String> {
    let answer: serde_json::Value = serde_json::from_slice(body)?;
    let id = answer["event_id"].as_str();
    Ok(id.ok_or_else(|| anyhow::anyhow!("a 202 has no event_id"))?.to_owned())
}
