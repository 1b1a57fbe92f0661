//! `bench delta`: the audience is synced already, and few members change.

use clap::Args;

use super::strangers::{part, share};
use super::{Workload, batches};
use crate::deployment::{Deployment, DeploymentOptions};
use crate::members::Shape;
use crate::report::Row;

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench delta
  refersion-destination bench delta --members 1000000 --changes 0.001
  refersion-destination bench delta --changes 0.05 --json

All members are affiliates already. The members that change send one event each to the ingest endpoint.";

/// The arguments of `bench delta`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
    /// The share of the members that change
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    changes: f64,
}

impl Workload for Options {
    const NAME: &'static str = "delta";

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let changed = part(deployment.members, self.changes);
        deployment.create_affiliates(deployment.members).await?;
        tracing::info!(changed, "one event per changed member with a new trait value");
        let measure = deployment.begin().await?;
        let sent = deployment.send_round(0, changed, Shape::Whole).await?;
        deployment.wait_for_completion().await?;
        let names = ("delta", "few changes");
        let row = deployment.end(measure, names, u64::from(changed), batches(changed)).await?;
        Ok(vec![row.with_answers(&sent)])
    }
}
