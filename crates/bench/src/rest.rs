//! Asks Refersion what it was given, and waits until every accepted event has an outcome.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use connections::ConnectionId;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HOST;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use simulator::{Calls, Effects, LastEdit, State};

use crate::line::Line;
use service::engines::Engines;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(25);
/// How long nothing at all may happen before the benchmark waits no longer.
const PATIENCE: Duration = Duration::from_secs(180);
/// The longest page of the simulator that is read, in bytes: a million affiliates have about 600 MB.
const LONGEST_PAGE: usize = 2 << 30;
/// How often the simulator's clock is read; the quickest answer is the most exact.
const CLOCK_READINGS: u32 = 20;
/// The state of an event that ended for the time being only.
const DEAD: &str = "dead";

/// The simulated Refersion, as one may ask it about itself.
pub(super) struct Refersion {
    address: SocketAddr,
    line: Line,
}

impl Refersion {
    /// The one at this address.
    pub(super) fn at(address: SocketAddr) -> Self {
        Self { address, line: Line::to(address, LONGEST_PAGE) }
    }

    /// Where it is.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked for.
    pub(super) async fn calls(&mut self) -> anyhow::Result<Calls> {
        self.page("calls").await
    }

    /// What it holds.
    pub(super) async fn state(&mut self) -> anyhow::Result<State> {
        self.page("state").await
    }

    /// When each affiliate was changed last.
    pub(super) async fn last_edits(&mut self) -> anyhow::Result<Vec<LastEdit>> {
        self.page("edits").await
    }

    /// When its clock began, on ours.
    pub(super) async fn clock_began(&mut self) -> anyhow::Result<Instant> {
        #[derive(Deserialize)]
        struct Clock {
            micros: u64,
        }
        let mut best: Option<(Duration, Instant)> = None;
        for _ in 0..CLOCK_READINGS {
            let asked = Instant::now();
            let Clock { micros } = self.page("clock").await?;
            let took = asked.elapsed();
            // It was read half way, give or take half the time that the question took.
            let began = (asked + took / 2).checked_sub(Duration::from_micros(micros));
            let began = began.context("the simulator is older than this machine")?;
            if best.is_none_or(|(quickest, _)| took < quickest) {
                best = Some((took, began));
            }
        }
        best.map(|(_, began)| began).context("the simulator's clock was not read")
    }

    /// What calls did to affiliates.
    pub(super) async fn effects(&mut self) -> anyhow::Result<Effects> {
        let calls = self.calls().await?;
        Ok(calls.accounts.first().map(|account| account.effects).unwrap_or_default())
    }

    /// Replaces its faults; an empty specification ends them.
    pub(super) async fn set_faults(&mut self, faults: &str) -> anyhow::Result<()> {
        let request = Request::post("/_simulator/faults").body(Bytes::copy_from_slice(faults.as_bytes()));
        self.ask(request?).await.map(drop)
    }

    async fn page<T: DeserializeOwned>(&mut self, name: &str) -> anyhow::Result<T> {
        let request = Request::get(format!("/_simulator/{name}")).body(Bytes::new())?;
        let body = self.ask(request).await?;
        serde_json::from_slice(&body).context("the simulator's page cannot be read")
    }

    async fn ask(&mut self, request: Request<Bytes>) -> anyhow::Result<Bytes> {
        let (mut head, body) = request.into_parts();
        head.headers.insert(HOST, self.address.to_string().try_into()?);
        let (status, body) = self.line.ask(Request::from_parts(head, Full::new(body))).await?;
        anyhow::ensure!(status == 200, "the simulator answered {status}");
        Ok(body)
    }

    /// Waits until this number of affiliates was edited since the simulator started, or nothing happens any more. It
    /// asks the simulator, at no cost in calls.
    pub(super) async fn until_edited(&mut self, affiliates: u64) -> anyhow::Result<()> {
        let mut patience = Patience::default();
        loop {
            let Effects { created, edited, .. } = self.effects().await?;
            if edited >= affiliates {
                return Ok(());
            }
            if patience.is_over(created + edited) {
                tracing::error!(edited, affiliates, "edits are missing");
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Waits until `events` events of the connection have ended, none of them as a dead letter, and nothing is left to send.
/// Returns the number of those that have not ended when nothing happens any more: 0 if all is well.
pub(super) async fn until_ended(
    engines: &Engines,
    connection: ConnectionId,
    events: u64,
) -> anyhow::Result<u64> {
    let mut patience = Patience::default();
    loop {
        let asked = Instant::now();
        let counts = engines.ledger.counts(Some(connection), engines.now()).await?;
        let ended: u64 =
            counts.outcomes.iter().filter(|(state, _)| *state != DEAD).map(|(_, count)| count).sum();
        if ended == events && counts.pending == 0 && counts.dirty == 0 {
            return Ok(0);
        }
        if patience.is_over(ended) {
            tracing::error!(ended, events, counts.pending, counts.dirty, "events have not ended");
            return Ok(events.abs_diff(ended).max(counts.dirty));
        }
        // A count of many events takes what it counts from the processes that are measured.
        tokio::time::sleep(LOOK.max(asked.elapsed() * 4)).await;
    }
}

/// Waits until the connection has this number of dead letters.
pub(super) async fn until_dead(
    engines: &Engines,
    connection: ConnectionId,
    letters: u64,
) -> anyhow::Result<()> {
    let mut patience = Patience::default();
    loop {
        let counts = engines.ledger.counts(Some(connection), engines.now()).await?;
        if counts.dead_letters >= letters && counts.pending == 0 {
            return Ok(());
        }
        let dead = counts.dead_letters;
        anyhow::ensure!(!patience.is_over(dead), "{dead} of {letters} events are dead letters");
        tokio::time::sleep(LOOK).await;
    }
}

/// How long a number has not changed.
struct Patience {
    number: Option<u64>,
    since: Instant,
}

impl Default for Patience {
    fn default() -> Self {
        Self { number: None, since: Instant::now() }
    }
}

impl Patience {
    /// Whether the number has been this one for too long.
    fn is_over(&mut self, number: u64) -> bool {
        if self.number != Some(number) {
            *self = Self { number: Some(number), since: Instant::now() };
        }
        self.since.elapsed() >= PATIENCE
    }
}
