//! `bench live-during-bulk`: live identifies of some people while a sync of all others runs.

use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{Workload, batches};
use crate::deployment::{Deployment, DeploymentOptions};
use crate::live::LiveSender;
use crate::members::Shape;
use crate::report::Row;

/// The pause between two live identifies.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench live-during-bulk
  refersion-destination bench live-during-bulk --members 1000000 --live 5000
  refersion-destination bench live-during-bulk --workers 2 --json

All members are affiliates already. While the audience is synced through the ingest endpoint, other people send one
live identify each, every 20 ms, until the sync is delivered. Latencies as for `bench live`; answers are those to the
sync.";

/// The arguments of `bench live-during-bulk`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
    /// People who send one live identify each, besides the members
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    live: u32,
}

impl Workload for Options {
    const NAME: &'static str = "live-during-bulk";

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let members = deployment.members;
        deployment.create_affiliates(members + self.live).await?;
        tracing::info!("all members are synced while others send live events");
        let measure = deployment.begin().await?;
        let mut sender = LiveSender::new(deployment)?;
        // A separate round, after that of the sync.
        let (round, is_over) = (deployment.round + 2, CancellationToken::new());
        let bulk = async {
            let sent = deployment.send_round(0, members, Shape::Whole).await?;
            deployment.wait_for_edits().await?;
            is_over.cancel();
            anyhow::Ok(sent)
        };
        let live = async {
            let mut sent_live = 0;
            while sent_live < self.live && !is_over.is_cancelled() {
                sender.send(round, members + sent_live).await?;
                sent_live += 1;
                tokio::time::sleep(PAUSE).await;
            }
            anyhow::Ok(sent_live)
        };
        let (sent, sent_live) = tokio::try_join!(bulk, live)?;
        deployment.record_round(members, sent_live, Shape::Live);
        deployment.wait_for_completion().await?;
        let events = u64::from(members + sent_live);
        let names = ("live_during_bulk", "live during bulk");
        let mut row = deployment.end(measure, names, events, batches(members + sent_live)).await?;
        row.delivery = Some(sender.latencies(&mut deployment.refersion).await?.1);
        Ok(vec![row.with_answers(&sent)])
    }
}
