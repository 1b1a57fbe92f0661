//! `bench outage`: all members send an event during an outage of Refersion, which then ends.

use std::time::Duration;

use clap::Args;

use super::{Workload, batches};
use crate::deployment::{Deployment, DeploymentOptions};
use crate::members::Shape;
use crate::report::Row;

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench outage
  refersion-destination bench outage --members 100000 --lasts 60
  refersion-destination bench outage --lasts 0 --json

All members are affiliates already. Refersion answers every call with 503 while the events are accepted, and for
--lasts longer. `catch up` begins when the outage ends, and includes the time until a worker notices it.";

/// The arguments of `bench outage`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
    /// Duration of the outage after the last event was accepted
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=3600))]
    lasts: u64,
}

impl Workload for Options {
    const NAME: &'static str = "outage";
    const MEMBERS: u32 = 10_000;

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let members = deployment.members;
        deployment.create_affiliates(members).await?;
        tracing::info!("the outage begins");
        // No call has an effect until the faults are replaced.
        deployment.refersion.set_faults("503=100%").await?;
        let outage = deployment.begin().await?;
        deployment.send_round(0, members, Shape::Whole).await?;
        tokio::time::sleep(Duration::from_secs(self.lasts)).await;
        let away = deployment.end(outage, ("away", "during the outage"), u64::from(members), 0).await?;
        tracing::info!("the outage ends");
        let measure = deployment.begin().await?;
        deployment.refersion.set_faults("").await?;
        deployment.wait_for_completion().await?;
        let names = ("catch_up", "catch up");
        let catch_up = deployment.end(measure, names, u64::from(members), batches(members)).await?;
        Ok(vec![catch_up, away])
    }
}
