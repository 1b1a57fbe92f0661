//! Sends events as Segment does: over kept-alive HTTP connections, with retries.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::task::JoinSet;

use super::scenario::Call;

/// Number of HTTP connections.
const CONNECTIONS: usize = 48;
/// Maximum number of attempts for one request.
const MAX_ATTEMPTS: u32 = 20;
/// Pause before a retry.
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// An API key that no connection has.
const WRONG_KEY: &str = "pub_wrong.sec_wrong";

/// The requests that were sent, and their answers.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Answers by status, including those that were followed by a retry.
    pub(super) answers: BTreeMap<u16, u64>,
    /// How long each answer took.
    pub(super) took: Vec<Duration>,
    /// Accepted requests with their event ids.
    pub(super) accepted: Vec<(String, Call)>,
}

/// Sends to the ingest endpoint.
#[derive(Clone)]
pub(super) struct Sender {
    http: Client,
    endpoint: String,
    key: String,
    accepted: Arc<AtomicU64>,
}

impl Sender {
    /// A sender to `address`. `key` is used unless a request asks for the wrong one.
    pub(super) fn to(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        Ok(Self {
            http: Client::builder().no_proxy().retry(reqwest::retry::never()).build()?,
            endpoint: format!("http://{address}/segment"),
            key: key.to_owned(),
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

    /// Sends the calls of one connection: always the next one that no other connection has taken.
    async fn send_share(self, calls: Arc<Vec<Call>>, next: Arc<AtomicUsize>) -> anyhow::Result<Sent> {
        let mut sent = Sent::default();
        while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
            self.send_one(call, &mut sent).await?;
        }
        Ok(sent)
    }

    async fn send_one(&self, call: &Call, sent: &mut Sent) -> anyhow::Result<()> {
        for _ in 0..MAX_ATTEMPTS {
            let began = Instant::now();
            let Ok((status, body)) = self.post(call).await else {
                tokio::time::sleep(RETRY_DELAY).await;
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
                // Segment retries these, and no others, for 4 hours.
                429 | 500 | 502..=599 => tokio::time::sleep(RETRY_DELAY).await,
                _ => return Ok(()),
            }
        }
        anyhow::bail!("the ingest endpoint did not accept a request in {MAX_ATTEMPTS} attempts")
    }

    /// The status of an answer, and its body.
    async fn post(&self, call: &Call) -> reqwest::Result<(u16, Vec<u8>)> {
        let key = if call.wrong_key { WRONG_KEY } else { &self.key };
        let request = self.http.post(&self.endpoint).basic_auth(key, Some(""));
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = request.body(call.body.clone()).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }
}

impl Sent {
    /// Adds the results of another connection, or of another phase.
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
