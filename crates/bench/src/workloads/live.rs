//! `bench live`: one identify at a time on an idle system.

use clap::Args;

use super::Workload;
use crate::deployment::{Deployment, DeploymentOptions};
use crate::live::LiveSender;
use crate::members::Shape;
use crate::report::Row;

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench live
  refersion-destination bench live --members 2000
  refersion-destination bench live --members 50 --json

All members are affiliates already. Each sends one identify from a website, after that of the previous member was
delivered. Latencies run to the answer of the ingest endpoint, and from there to the arrival of the call at Refersion,
which answers at once: the response time of the real API is not included.";

/// The arguments of `bench live`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
}

impl Workload for Options {
    const NAME: &'static str = "live";
    const MEMBERS: u32 = 500;

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let members = deployment.members;
        deployment.create_affiliates(members).await?;
        tracing::info!("one live event per member, one after the other");
        let measure = deployment.begin().await?;
        let mut sender = LiveSender::new(deployment)?;
        for member in 0..members {
            deployment.record_round(member, 1, Shape::Live);
            sender.send(deployment.round, member).await?;
            deployment.wait_for_edits().await?;
        }
        deployment.wait_for_completion().await?;
        let mut row = deployment.end(measure, ("live", "live"), members.into(), members.into()).await?;
        let (answers, delivery) = sender.latencies(&mut deployment.refersion).await?;
        (row.answers, row.delivery) = (Some(answers), Some(delivery));
        Ok(vec![row])
    }
}
