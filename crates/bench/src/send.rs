//! `bench send`: posts an audience sync to an ingest endpoint over connections that stay open, and retries temporary failures.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::failed;
use super::latency::Latency;
use super::members::{Round, Shape};
use super::usage::Usage;
use crate::http_connection::HttpConnection;
use service::API_KEY;
use service::Context;
use service::failure::{Exit, Failure};

pub(super) const EXAMPLES: &str = "\
Examples:
  REFERSION_DESTINATION_API_KEY=pub_1.sec_1 refersion-destination bench send --members 10000
  refersion-destination bench send --members 10000 --round 2 --endpoint 127.0.0.1:8080
  refersion-destination bench send --members 1000000 --connections 256 --json

The members are always the same people. In each round their trait `plan` has a new value (`round-2`), and nothing else
changes. Latencies run from a request to its answer. The API key is taken from REFERSION_DESTINATION_API_KEY.";

/// Maximum number of attempts for one request.
const MAX_ATTEMPTS: u32 = 40;
/// The time before a request is sent again.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// The path to which Segment posts events.
const PATH: &str = "/segment";
/// The answer to an event that is durable.
const ACCEPTED: u16 = 202;
/// Maximum size of an answer of the ingest endpoint, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// The arguments of `bench send`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Number of members to send
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_100_000))]
    members: u32,
    /// Number of the first member
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u32,
    /// Number of the round: the trait `plan` of all members is `round-N`
    #[arg(long, value_name = "N", default_value_t = 1)]
    round: u32,
    /// Form of the events
    #[arg(long, value_enum, default_value_t = Shape::Whole)]
    shape: Shape,
    /// Address of the ingest endpoint
    #[arg(long, alias = "door", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    endpoint: SocketAddr,
    /// Concurrent requests, each on its own connection
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
}

/// The result of sending.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Sent {
    /// Events that were answered 202.
    pub(super) accepted: u64,
    pub(super) seconds: f64,
    pub(super) events_per_second: f64,
    /// Answers by status, including those that were followed by a retry.
    pub(super) answers: BTreeMap<u16, u64>,
    /// From a request to its answer.
    pub(super) latency: Latency,
    /// CPU time and memory of the sender; absent where the system does not report them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
}

/// Sends everything, and reports the answers of the ingest endpoint.
///
/// # Errors
///
/// [`Failure`] if there is no API key, or the ingest endpoint refuses an event or accepts none.
pub(super) async fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let Some(key) = &context.api_key else {
        let hint = format!("put the connection's API key (publickey.secretkey) into {API_KEY}");
        return Err(Failure::usage("api_key", "the ingest endpoint takes events with an API key only", hint));
    };
    let authorization = basic(key).map_err(|error| failed(&error))?;
    let began = Instant::now();
    let answers = send(options, authorization).await.map_err(|error| failed(&error))?;
    let seconds = began.elapsed().as_secs_f64();
    let accepted = u64::from(options.members) * u64::from(options.shape.events());
    let sent = Sent {
        accepted,
        seconds,
        events_per_second: accepted as f64 / seconds,
        answers: answers.by_status,
        latency: Latency::of(answers.waits),
        usage: Usage::own(),
    };
    if context.output.is_json() {
        context.output.json(&sent)?;
    } else {
        let Sent { events_per_second: rate, latency, .. } = &sent;
        context.output.line(&format!(
            "{accepted} events accepted in {seconds:.1} s: {rate:.0} a second; answers: p50 {:.1} ms, p99 {:.1} ms",
            latency.p50_ms, latency.p99_ms
        ))?;
    }
    Ok(Exit::Done)
}

impl Sent {
    /// Number of answers that refused an event temporarily. It was sent again.
    pub(super) fn refused(&self) -> u64 {
        self.answers.iter().filter(|(status, _)| **status != ACCEPTED).map(|(_, count)| count).sum()
    }
}

/// The value of the header that carries an API key.
pub(super) fn basic(key: &str) -> anyhow::Result<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(format!("{key}:"))))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The answers of the ingest endpoint.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) by_status: BTreeMap<u16, u64>,
    /// From a request to its answer.
    pub(super) waits: Vec<Duration>,
}

async fn send(options: &Options, authorization: HeaderValue) -> anyhow::Result<Answers> {
    let round = Round { number: options.round, at: Timestamp::now(), shape: options.shape };
    let events = round.shape.events();
    let next = Arc::new(AtomicU32::new(options.first.saturating_mul(events)));
    let mut tasks = JoinSet::new();
    for _ in 0..options.connections {
        let share = Share {
            round,
            end: options.first.saturating_add(options.members).saturating_mul(events),
            next: Arc::clone(&next),
            endpoint: IngestEndpoint { address: options.endpoint, authorization: authorization.clone() },
            answers: Answers::default(),
        };
        tasks.spawn(share.send());
    }
    let mut all = Answers::default();
    while let Some(share) = tasks.join_next().await {
        let share = share??;
        for (status, count) in share.by_status {
            *all.by_status.entry(status).or_default() += count;
        }
        all.waits.extend(share.waits);
    }
    Ok(all)
}

/// The events that one connection sends: always the next one that no other connection has taken.
struct Share {
    round: Round,
    end: u32,
    next: Arc<AtomicU32>,
    endpoint: IngestEndpoint,
    answers: Answers,
}

impl Share {
    async fn send(mut self) -> anyhow::Result<Answers> {
        let mut connection = self.endpoint.connect();
        let events = self.round.shape.events();
        loop {
            let event = self.next.fetch_add(1, Ordering::Relaxed);
            if event >= self.end {
                return Ok(self.answers);
            }
            let event = self.round.event(event / events, event % events);
            self.endpoint.post(event.into(), &mut connection, &mut self.answers).await?;
        }
    }
}

/// An ingest endpoint, and the API key for it.
#[derive(Clone)]
pub(super) struct IngestEndpoint {
    pub(super) address: SocketAddr,
    pub(super) authorization: HeaderValue,
}

impl IngestEndpoint {
    /// A connection to it.
    pub(super) fn connect(&self) -> HttpConnection {
        HttpConnection::new(self.address, MAX_ANSWER)
    }

    /// Posts an event until it is accepted. Retries like Segment: after a pause, if the answer says that it may succeed later.
    pub(super) async fn post(
        &self,
        event: Bytes,
        connection: &mut HttpConnection,
        answers: &mut Answers,
    ) -> anyhow::Result<()> {
        for _ in 0..MAX_ATTEMPTS {
            let began = Instant::now();
            if let Ok((status, body)) = connection.send(self.request(PATH, event.clone())?).await {
                answers.waits.push(began.elapsed());
                *answers.by_status.entry(status).or_default() += 1;
                match status {
                    ACCEPTED => return Ok(()),
                    // Segment retries these, and no others, for 4 hours.
                    429 | 500 | 502..=599 => {}
                    _ => anyhow::bail!(
                        "the ingest endpoint answered {status}: {}",
                        String::from_utf8_lossy(&body)
                    ),
                }
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
        anyhow::bail!(
            "the ingest endpoint at {} did not take a request in {MAX_ATTEMPTS} attempts",
            self.address
        )
    }

    /// A request with this body to one of its paths.
    pub(super) fn request(&self, path: &str, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
        Ok(Request::post(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?)
    }
}
