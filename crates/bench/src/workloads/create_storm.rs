//! `bench create-storm`: all members become affiliates for the first time.

use clap::Args;

use super::{Workload, batches};
use crate::deployment::{Deployment, DeploymentOptions};
use crate::members::Shape;
use crate::report::Row;

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench create-storm
  refersion-destination bench create-storm --members 20000 --workers 2
  refersion-destination bench create-storm --members 1000 --json

All events are in the queue when the workers start. A create is one call for one affiliate, and only edits write
custom fields: the minimum is one create for each member, and one edit for every fifty.";

/// The arguments of `bench create-storm`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
}

impl Workload for Options {
    const NAME: &'static str = "create-storm";

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let members = deployment.members;
        deployment.send_round(0, members, Shape::Whole).await?;
        let measure = deployment.begin().await?;
        deployment.start_workers(&[]).await?;
        deployment.wait_for_completion().await?;
        // A create is one call for one affiliate, and cannot carry the custom field.
        let least = u64::from(members) + batches(members);
        let names = ("create_storm", "first creation");
        Ok(vec![deployment.end(measure, names, u64::from(members), least).await?])
    }
}
