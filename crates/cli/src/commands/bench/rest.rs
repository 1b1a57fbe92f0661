//! What Refersion has been told, and when everything that was accepted has come to its end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use connections::ConnectionId;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;
use serde::de::DeserializeOwned;
use simulator::{Calls, Effects, State};

use crate::commands::line::Line;
use crate::engines::Engines;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(25);
/// How long nothing at all may happen before the benchmark is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest page of the simulator that is read, in bytes: a million affiliates have about 600 MB.
const LONGEST_PAGE: usize = 2 << 30;

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

    /// What it was asked for.
    pub(super) async fn calls(&mut self) -> anyhow::Result<Calls> {
        self.page("calls").await
    }

    /// What it holds.
    pub(super) async fn state(&mut self) -> anyhow::Result<State> {
        self.page("state").await
    }

    /// What calls did to affiliates.
    pub(super) async fn effects(&mut self) -> anyhow::Result<Effects> {
        let calls = self.calls().await?;
        Ok(calls.accounts.first().map(|account| account.effects).unwrap_or_default())
    }

    async fn page<T: DeserializeOwned>(&mut self, name: &str) -> anyhow::Result<T> {
        let request = Request::get(format!("/_simulator/{name}"))
            .header(HOST, self.address.to_string())
            .body(Full::default())?;
        let (status, body) = self.line.ask(request).await?;
        anyhow::ensure!(status == 200, "the simulator answered {status}");
        serde_json::from_slice(&body).context("the simulator's page cannot be read")
    }

    /// Waits until this number of affiliates was edited since the simulator started. It asks the simulator, at no cost
    /// in calls.
    pub(super) async fn until_edited(&mut self, affiliates: u64) -> anyhow::Result<()> {
        let mut stirred = (0, Instant::now());
        loop {
            let Effects { created, edited, .. } = self.effects().await?;
            if edited >= affiliates {
                return Ok(());
            }
            if created + edited != stirred.0 {
                stirred = (created + edited, Instant::now());
            }
            let still = stirred.1.elapsed();
            anyhow::ensure!(still < PATIENCE, "{edited} of {affiliates} edits, and none for {still:?}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Waits until `events` events of the connection have ended, and nothing is left to tell.
pub(super) async fn until_ended(
    engines: &Engines,
    connection: ConnectionId,
    events: u64,
) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let counts = engines.ledger.counts(Some(connection), engines.now()).await?;
        let ended: u64 = counts.outcomes.values().sum();
        if ended == events && counts.pending == 0 && counts.dirty == 0 {
            return Ok(());
        }
        anyhow::ensure!(
            began.elapsed() < PATIENCE,
            "{ended} of {events} events have ended, {} are pending, {} persons dirty",
            counts.pending,
            counts.dirty
        );
        tokio::time::sleep(LOOK).await;
    }
}
