//! A client of the simulator's control interface: the calls, the affiliates and the edits of the simulated Refersion.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HOST;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use simulator::{Calls, Effects, LastEdit, State};

use crate::http_connection::HttpConnection;

/// Maximum size of a page of the simulator, in bytes: a million affiliates take about 600 MB.
const MAX_PAGE: usize = 2 << 30;
/// Number of readings of the simulator's clock. The fastest answer is the most exact.
const CLOCK_READINGS: u32 = 20;

/// The simulated Refersion, over its control interface.
pub(super) struct Refersion {
    address: SocketAddr,
    http: HttpConnection,
}

impl Refersion {
    /// A client of the simulator at this address.
    pub(super) fn at(address: SocketAddr) -> Self {
        Self { address, http: HttpConnection::new(address, MAX_PAGE) }
    }

    /// The address of the simulator.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The calls that it received.
    pub(super) async fn calls(&mut self) -> anyhow::Result<Calls> {
        self.page("calls").await
    }

    /// The affiliates that it holds.
    pub(super) async fn state(&mut self) -> anyhow::Result<State> {
        self.page("state").await
    }

    /// When each affiliate was changed last.
    pub(super) async fn last_edits(&mut self) -> anyhow::Result<Vec<LastEdit>> {
        self.page("edits").await
    }

    /// The start of its clock, on the clock of this process.
    pub(super) async fn clock_began(&mut self) -> anyhow::Result<Instant> {
        #[derive(Deserialize)]
        struct Clock {
            micros: u64,
        }
        let mut best: Option<(Duration, Instant)> = None;
        for _ in 0..CLOCK_READINGS {
            let requested = Instant::now();
            let Clock { micros } = self.page("clock").await?;
            let took = requested.elapsed();
            // The clock was read in the middle of the request, plus or minus half its duration.
            let began = (requested + took / 2).checked_sub(Duration::from_micros(micros));
            let began = began.context("the simulator is older than this machine")?;
            if best.is_none_or(|(shortest, _)| took < shortest) {
                best = Some((took, began));
            }
        }
        best.map(|(_, began)| began).context("the simulator's clock was not read")
    }

    /// The effects of calls on affiliates.
    pub(super) async fn effects(&mut self) -> anyhow::Result<Effects> {
        let calls = self.calls().await?;
        Ok(calls.accounts.first().map(|account| account.effects).unwrap_or_default())
    }

    /// Replaces its faults. An empty specification ends them.
    pub(super) async fn set_faults(&mut self, faults: &str) -> anyhow::Result<()> {
        let request = Request::post("/_simulator/faults").body(Bytes::copy_from_slice(faults.as_bytes()));
        self.send(request?).await.map(drop)
    }

    async fn page<T: DeserializeOwned>(&mut self, name: &str) -> anyhow::Result<T> {
        let request = Request::get(format!("/_simulator/{name}")).body(Bytes::new())?;
        let body = self.send(request).await?;
        serde_json::from_slice(&body).context("the simulator's page cannot be read")
    }

    async fn send(&mut self, request: Request<Bytes>) -> anyhow::Result<Bytes> {
        let (mut head, body) = request.into_parts();
        head.headers.insert(HOST, self.address.to_string().try_into()?);
        let (status, body) = self.http.send(Request::from_parts(head, Full::new(body))).await?;
        anyhow::ensure!(status == 200, "the simulator answered {status}");
        Ok(body)
    }
}
