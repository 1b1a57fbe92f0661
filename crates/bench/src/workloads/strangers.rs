//! `bench strangers`: an audience of which only a part are affiliates; the others lack what a create needs.

use std::time::Duration;

use clap::Args;

use super::{Workload, batches};
use crate::deployment::{Deployment, DeploymentOptions};
use crate::members::Shape;
use crate::report::Row;
use service::operator::adoption;

/// How often to check whether the walk is done.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench strangers
  refersion-destination bench strangers --members 1000000 --affiliates 0.02
  refersion-destination bench strangers --affiliates 0.5 --without-directory --json

The affiliates are created and listed (`connections adopt`) first, which is not measured. Then all members are synced,
with user id and address alone. The minimum is the number of calls for the affiliates: the other members need none.";

/// The arguments of `bench strangers`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
    /// Share of the members that are affiliates
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = share)]
    affiliates: f64,
    /// Do not list the affiliates first: each stranger needs a search
    #[arg(long)]
    without_directory: bool,
}

/// Reads a share.
pub(super) fn share(text: &str) -> Result<f64, &'static str> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("a share is a number from 0 to 1, like 0.02")
}

/// The number of members in this share, at least one.
pub(super) fn part(members: u32, share: f64) -> u32 {
    ((f64::from(members) * share).round() as u32).clamp(1, members)
}

impl Workload for Options {
    const NAME: &'static str = "strangers";

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let members = deployment.members;
        let affiliates = part(members, self.affiliates);
        deployment.create_affiliates(affiliates).await?;
        if !self.without_directory {
            adopt(deployment).await?;
        }
        tracing::info!(affiliates, "all members are synced");
        let measure = deployment.begin().await?;
        let sent = deployment.send_round(0, members, Shape::Incomplete).await?;
        deployment.wait_for_completion().await?;
        let names = ("strangers", "with strangers");
        let row = deployment.end(measure, names, u64::from(members), batches(affiliates)).await?;
        Ok(vec![row.with_answers(&sent)])
    }
}

/// Requests a walk through the affiliates, and waits until the workers have done it.
pub(super) async fn adopt(deployment: &Deployment<'_>) -> anyhow::Result<()> {
    tracing::info!("the affiliates are listed");
    let engines = &deployment.environment.engines;
    adoption::request_walk(engines, deployment.connection).await?;
    while engines.ledger.directory(deployment.connection).await?.complete_since.is_none() {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_part_of_the_members() {
        assert_eq!((part(1_000_000, 0.02), part(10, 0.0), part(10, 1.0)), (20_000, 1, 10));
        assert!(share("1.5").is_err() && share("half").is_err());
    }
}
