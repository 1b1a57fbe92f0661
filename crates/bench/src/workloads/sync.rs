//! `bench sync`: one event per member with a new trait value, from a full queue, through the ingest endpoint, and to the
//! plain worker. All members are affiliates.

use std::path::PathBuf;

use clap::Args;

use super::strangers::adopt;
use super::{Workload, batches};
use crate::deployment::{Deployment, DeploymentOptions};
use crate::members::Shape;
use crate::plain;
use crate::plot::Plot;
use crate::report::Row;

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench sync
  refersion-destination bench sync --members 20000 --workers 2 --json
  refersion-destination bench sync --plot sync.svg
  refersion-destination bench sync --members 1000000 --profiles 9000000 --no-baseline
  REFERSION_DESTINATION__QUEUE__URL=amqp://guest:guest@127.0.0.1:5672/bench \\
  REFERSION_DESTINATION__LEDGER__URL=postgres://bench@127.0.0.1/bench \\
  REFERSION_DESTINATION__SECRETS__KEY_FILE=bench.key \\
    refersion-destination bench sync

Ingest processes, workers, the simulated Refersion, the sender and the plain worker are processes of their own, all on
this machine. First all members become affiliates, and `--profiles` people without an affiliate are stored, which is not
measured. Then each row has one event for each member, with a new trait value. `from the queue`: all events are in the
queue when the workers start. `through the endpoint`: one event in each request, over 64 connections that stay open.
The plain worker makes one call, one row and one acknowledgement for each event, 64 at once, on its own queue and
table in the same engines. Compare the rows of one run, not those of two runs.";

/// The arguments of `bench sync`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
    /// Draw the events over time while they go through the endpoint
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Number of people without an affiliate that the ledger holds beforehand
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=20_000_000))]
    profiles: u32,
    /// Leave out the plain worker
    #[arg(long)]
    no_baseline: bool,
}

/// Maximum number of people without an affiliate that are sent in one round.
const PROFILES_AT_ONCE: u32 = 1_000_000;

impl Options {
    /// Stores people who are no affiliates and lack what a create requires, so that the worker makes no calls about them.
    async fn store_profiles(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<()> {
        if self.profiles > 0 {
            adopt(deployment).await?;
        }
        for stored in (0..self.profiles).step_by(PROFILES_AT_ONCE as usize) {
            tracing::info!(stored, of = self.profiles, "people without an affiliate are stored");
            let people = PROFILES_AT_ONCE.min(self.profiles - stored);
            deployment.send_round(deployment.members + stored, people, Shape::Incomplete).await?;
            deployment.wait_for_completion().await?;
        }
        Ok(())
    }
}

impl Workload for Options {
    const NAME: &'static str = "sync";

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let members = deployment.members;
        let (events, least) = (u64::from(members), batches(members));
        deployment.create_affiliates(members).await?;
        self.store_profiles(deployment).await?;
        deployment.stop_workers().await?;

        tracing::info!("one event per member with a new trait value, while no worker runs");
        deployment.send_round(0, members, Shape::Whole).await?;
        tracing::info!("the workers start");
        let measure = deployment.begin().await?;
        deployment.start_workers(&[]).await?;
        deployment.wait_for_completion().await?;
        let from_queue = deployment.end(measure, ("from_queue", "from the queue"), events, least).await?;

        tracing::info!("one event per member with a new trait value, while the workers run");
        let plot = self.plot.as_ref().map(|_| Plot::begin(deployment));
        let measure = deployment.begin().await?;
        let sent = deployment.send_round(0, members, Shape::Whole).await?;
        deployment.wait_for_completion().await?;
        let through_endpoint =
            deployment.end(measure, ("from_door", "through the endpoint"), events, least).await?;
        if let (Some(path), Some(plot)) = (&self.plot, plot) {
            std::fs::write(path, plot.end().await?)?;
        }

        deployment.stop_workers().await?;
        let mut rows = vec![from_queue, through_endpoint.with_answers(&sent)];
        if !self.no_baseline {
            rows.push(plain::measure(deployment).await?);
        }
        Ok(rows)
    }
}
