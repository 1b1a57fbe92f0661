//! `bench sync`: one event per member with a new trait value, from a full queue, through the ingest endpoint, and to the
//! plain worker. All members are affiliates.

use std::path::PathBuf;

use clap::Args;

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
  REFERSION_DESTINATION__QUEUE__URL=amqp://guest:guest@127.0.0.1:5672/bench \\
  REFERSION_DESTINATION__LEDGER__URL=postgres://bench@127.0.0.1/bench \\
  REFERSION_DESTINATION__SECRETS__KEY_FILE=bench.key \\
    refersion-destination bench sync

Ingest processes, workers, the simulated Refersion, the sender and the plain worker are processes of their own, all on
this machine. First all members become affiliates, which is not measured. Then each row has one event for each member, with
a new trait value. `from the queue`: all events are in the queue when the workers start. `through the endpoint`: one event in
each request, over 64 connections that stay open. The plain worker makes one call, one row and one acknowledgement for each
event, 64 at once, on its own queue and table in the same engines. Compare the rows of one run, not those of two runs.";

/// The arguments of `bench sync`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
    /// Draw the events over time while they go through the endpoint
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl Workload for Options {
    const NAME: &'static str = "sync";

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let members = deployment.members;
        let (events, least) = (u64::from(members), batches(members));
        deployment.create_affiliates(members).await?;
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
        let plain = plain::measure(deployment).await?;
        Ok(vec![from_queue, through_endpoint.with_answers(&sent), plain])
    }
}
