//! How many events were accepted, absorbed and delivered over time, as a picture in SVG.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::crew::Hand;
use super::rest::Refersion;
use super::stage::Stage;
use super::svg;
use crate::line::Line;

/// How often the processes are asked. Each page costs them a look at the ledger.
const EVERY: Duration = Duration::from_millis(250);
/// The longest page that is read, in bytes.
const LONGEST_PAGE: usize = 4 << 20;
/// The counters on the pages of metrics.
const ACCEPTED: &str = "refersion_destination_ingest_events_accepted_total";
const ABSORBED: &str = "refersion_destination_events_absorbed_total";

/// What was counted at one moment, from the beginning of the picture.
pub(super) struct Sample {
    pub(super) seconds: f64,
    /// Events accepted, events absorbed, and affiliates edited.
    pub(super) counts: [u64; 3],
}

/// A picture that is being taken.
pub(super) struct Plot {
    stop: CancellationToken,
    samples: JoinHandle<anyhow::Result<Vec<Sample>>>,
}

impl Plot {
    /// Begins to ask the processes of the stage.
    pub(super) fn begin(stage: &Stage<'_>) -> Self {
        let stop = CancellationToken::new();
        let pages =
            |hands: &[Hand]| hands.iter().filter_map(|hand| hand.announced("health")).map(Page::at).collect();
        let camera = Camera {
            ingest: pages(&stage.doors),
            workers: pages(&stage.workers),
            refersion: Refersion::at(stage.refersion.address()),
        };
        Self { stop: stop.clone(), samples: tokio::spawn(camera.run(stop)) }
    }

    /// The picture.
    pub(super) async fn end(self) -> anyhow::Result<String> {
        self.stop.cancel();
        Ok(svg::draw(&self.samples.await??))
    }
}

/// Asks the processes again and again.
struct Camera {
    ingest: Vec<Page>,
    workers: Vec<Page>,
    refersion: Refersion,
}

impl Camera {
    async fn run(mut self, stop: CancellationToken) -> anyhow::Result<Vec<Sample>> {
        let began = Instant::now();
        let first = self.counts().await?;
        let mut samples = vec![Sample { seconds: 0.0, counts: [0; 3] }];
        while !stop.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
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
    line: Line,
}

impl Page {
    fn at(address: SocketAddr) -> Self {
        Self { address, line: Line::to(address, LONGEST_PAGE) }
    }

    async fn counter(&mut self, name: &str) -> anyhow::Result<u64> {
        let request = Request::get("/metrics").header(HOST, self.address.to_string()).body(Full::default())?;
        let (status, body) = self.line.ask(request).await?;
        anyhow::ensure!(status == 200, "/metrics answered {status}");
        let text = String::from_utf8_lossy(&body);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: f64 = value.with_context(|| format!("/metrics has no {name}"))?.parse()?;
        Ok(value as u64)
    }
}
