//! How many events were accepted, absorbed and delivered over time, as a chart in SVG.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::control::Refersion;
use super::deployment::Deployment;
use super::processes::Process;
use super::svg;
use crate::http_connection::HttpConnection;

/// How often metrics are read. For each page a process reads the ledger.
const INTERVAL: Duration = Duration::from_millis(250);
/// Maximum size of a page of metrics, in bytes.
const MAX_PAGE: usize = 4 << 20;
/// The metrics that are read.
const ACCEPTED: &str = "refersion_destination_ingest_events_accepted_total";
const ABSORBED: &str = "refersion_destination_events_absorbed_total";

/// The counters at one moment, counted from the start of the chart.
pub(super) struct Sample {
    pub(super) seconds: f64,
    /// Events accepted, events absorbed, and affiliates edited.
    pub(super) counts: [u64; 3],
}

/// A chart whose samples are being taken.
pub(super) struct Plot {
    stop: CancellationToken,
    samples: JoinHandle<anyhow::Result<Vec<Sample>>>,
}

impl Plot {
    /// Begins to take samples from the processes of the deployment.
    pub(super) fn begin(deployment: &Deployment<'_>) -> Self {
        let stop = CancellationToken::new();
        let pages = |processes: &[Process]| {
            processes.iter().filter_map(|process| process.announced("health")).map(Page::at).collect()
        };
        let sampler = Sampler {
            ingest: pages(&deployment.ingest_processes),
            workers: pages(&deployment.workers),
            refersion: Refersion::at(deployment.refersion.address()),
        };
        Self { stop: stop.clone(), samples: tokio::spawn(sampler.run(stop)) }
    }

    /// Ends sampling and draws the chart.
    pub(super) async fn end(self) -> anyhow::Result<String> {
        self.stop.cancel();
        Ok(svg::draw(&self.samples.await??))
    }
}

/// Reads the metrics of the processes at intervals.
struct Sampler {
    ingest: Vec<Page>,
    workers: Vec<Page>,
    refersion: Refersion,
}

impl Sampler {
    async fn run(mut self, stop: CancellationToken) -> anyhow::Result<Vec<Sample>> {
        let began = Instant::now();
        let first = self.counts().await?;
        let mut samples = vec![Sample { seconds: 0.0, counts: [0; 3] }];
        while !stop.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => {}
            }
            let mut counts = self.counts().await?;
            for (count, first) in counts.iter_mut().zip(first) {
                *count = count.saturating_sub(first);
            }
            samples.push(Sample { seconds: began.elapsed().as_secs_f64(), counts });
        }
        Ok(samples)
    }

    async fn counts(&mut self) -> anyhow::Result<[u64; 3]> {
        let accepted = sum(&mut self.ingest, ACCEPTED).await?;
        let absorbed = sum(&mut self.workers, ABSORBED).await?;
        Ok([accepted, absorbed, self.refersion.effects().await?.edited])
    }
}

async fn sum(pages: &mut [Page], counter: &str) -> anyhow::Result<u64> {
    let mut sum = 0;
    for page in pages {
        sum += page.counter(counter).await?;
    }
    Ok(sum)
}

/// The page of metrics of one process.
struct Page {
    address: SocketAddr,
    connection: HttpConnection,
}

impl Page {
    fn at(address: SocketAddr) -> Self {
        Self { address, connection: HttpConnection::new(address, MAX_PAGE) }
    }

    async fn counter(&mut self, name: &str) -> anyhow::Result<u64> {
        let request = Request::get("/metrics").header(HOST, self.address.to_string()).body(Full::default())?;
        let (status, body) = self.connection.send(request).await?;
        anyhow::ensure!(status == 200, "/metrics answered {status}");
        let text = String::from_utf8_lossy(&body);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: f64 = value.with_context(|| format!("/metrics has no {name}"))?.parse()?;
        Ok(value as u64)
    }
}
