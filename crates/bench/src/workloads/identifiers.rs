//! `bench two-identifiers`: Engage sends two events for each member, one with the user id, one with the address.

use clap::Args;

use super::{Workload, batches};
use crate::deployment::{Deployment, DeploymentOptions};
use crate::members::Shape;
use crate::report::Row;

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench two-identifiers
  refersion-destination bench two-identifiers --members 20000 --workers 2
  refersion-destination bench two-identifiers --members 1000000 --json

All members are affiliates already, and all events are in the queue when the workers start. `two events each` has for
each member one event with the user id alone and one with user id and address, `one event each` has one event with
both. The number of calls should be the same.";

/// The arguments of `bench two-identifiers`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
}

impl Workload for Options {
    const NAME: &'static str = "two-identifiers";

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let members = deployment.members;
        deployment.create_affiliates(members).await?;
        let mut rows = Vec::new();
        for (names, shape) in [
            (("two_identifiers", "two events each"), Shape::Identifiers),
            (("one_identifier", "one event each"), Shape::Whole),
        ] {
            deployment.stop_workers().await?;
            deployment.send_round(0, members, shape).await?;
            let measure = deployment.begin().await?;
            deployment.start_workers(&[]).await?;
            deployment.wait_for_completion().await?;
            let events = u64::from(members) * u64::from(shape.events());
            rows.push(deployment.end(measure, names, events, batches(members)).await?);
        }
        Ok(rows)
    }
}
