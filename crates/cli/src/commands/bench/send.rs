//! `bench send`: posts an audience sync to an ingest endpoint over connections that stay open, and tries again what may
//! succeed later.

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
use serde::Serialize;
use tokio::task::JoinSet;

use super::failed;
use super::members::Round;
use crate::commands::Context;
use crate::commands::line::Line;
use crate::failure::{Exit, Failure};
use crate::program::API_KEY;

pub(super) const EXAMPLES: &str = "\
Examples:
  REFERSION_DESTINATION_API_KEY=pub_1.sec_1 refersion-destination bench send --members 10000
  refersion-destination bench send --members 10000 --round 2 --door 127.0.0.1:8080
  refersion-destination bench send --members 1000000 --connections 256 --json

The members are always the same people. In each round their trait `plan` is another one (`round-2`), and nothing else
changes. The API key is taken from REFERSION_DESTINATION_API_KEY.";

/// How often a request is sent at most.
const TRIES: u32 = 40;
/// The pause before a request is sent again.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest answer of the ingest endpoint that is read, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The arguments of `bench send`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// How many members the audience has
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    members: u32,
    /// The number of the first of them
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u32,
    /// What they say: everybody's plan is `round-N`
    #[arg(long, value_name = "N", default_value_t = 1)]
    round: u32,
    /// Where the ingest endpoint listens
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    door: SocketAddr,
    /// Requests under way at the same time, each on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
}

/// What was sent.
#[derive(Debug, Serialize)]
struct Sent {
    accepted: u32,
    seconds: f64,
    events_per_second: f64,
    /// Answers by status, those that were followed by another try included.
    answers: BTreeMap<u16, u64>,
}

/// Sends everything, and tells what the ingest endpoint answered.
///
/// # Errors
///
/// [`Failure`] if there is no API key, or the ingest endpoint refuses an event or takes none.
pub(super) async fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let Some(key) = &context.api_key else {
        let hint = format!("put the connection's API key (publickey.secretkey) into {API_KEY}");
        return Err(Failure::usage("api_key", "the ingest endpoint takes events with an API key only", hint));
    };
    let authorization = basic(key).map_err(|error| failed(&error))?;
    let began = Instant::now();
    let answers = send(options, authorization).await.map_err(|error| failed(&error))?;
    let seconds = began.elapsed().as_secs_f64();
    let rate = f64::from(options.members) / seconds;
    let sent = Sent { accepted: options.members, seconds, events_per_second: rate, answers };
    if context.output.is_json() {
        context.output.json(&sent)?;
    } else {
        let text = format!("{} events accepted in {seconds:.1} s: {rate:.0} a second", sent.accepted);
        context.output.line(&text)?;
    }
    Ok(Exit::Done)
}

/// The header of this key.
pub(super) fn basic(key: &str) -> anyhow::Result<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(format!("{key}:"))))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn send(options: &Options, authorization: HeaderValue) -> anyhow::Result<BTreeMap<u16, u64>> {
    let round = Round { number: options.round, at: Timestamp::now() };
    let next = Arc::new(AtomicU32::new(options.first));
    let mut tasks = JoinSet::new();
    for _ in 0..options.connections {
        let share = Share {
            round,
            behind_the_last: options.first.saturating_add(options.members),
            next: Arc::clone(&next),
            door: options.door,
            authorization: authorization.clone(),
        };
        tasks.spawn(share.send());
    }
    let mut answers = BTreeMap::new();
    while let Some(share) = tasks.join_next().await {
        for (status, count) in share?? {
            *answers.entry(status).or_default() += count;
        }
    }
    Ok(answers)
}

/// What one connection sends: the next member that no other has taken, until there is none.
struct Share {
    round: Round,
    behind_the_last: u32,
    next: Arc<AtomicU32>,
    door: SocketAddr,
    authorization: HeaderValue,
}

impl Share {
    async fn send(self) -> anyhow::Result<BTreeMap<u16, u64>> {
        let mut line = Line::to(self.door, LONGEST_ANSWER);
        let mut answers = BTreeMap::new();
        loop {
            let member = self.next.fetch_add(1, Ordering::Relaxed);
            if member >= self.behind_the_last {
                return Ok(answers);
            }
            self.send_one(self.round.event(member).into(), &mut line, &mut answers).await?;
        }
    }

    async fn send_one(
        &self,
        event: Bytes,
        line: &mut Line,
        answers: &mut BTreeMap<u16, u64>,
    ) -> anyhow::Result<()> {
        for _ in 0..TRIES {
            if let Ok((status, body)) = line.ask(self.request(event.clone())?).await {
                *answers.entry(status).or_default() += 1;
                match status {
                    202 => return Ok(()),
                    // Segment tries these again, for 4 hours; and no others.
                    429 | 500 | 502..=599 => {}
                    _ => anyhow::bail!(
                        "the ingest endpoint answered {status}: {}",
                        String::from_utf8_lossy(&body)
                    ),
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::bail!("the ingest endpoint at {} did not take a request in {TRIES} tries", self.door)
    }

    fn request(&self, event: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
        Ok(Request::post("/segment")
            .header(HOST, self.door.to_string())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(event))?)
    }
}
