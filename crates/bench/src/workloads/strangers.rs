//! `bench strangers`: an audience of which only a part are affiliates; the others lack what a create needs.

use std::time::Duration;

use clap::Args;

use super::{Workload, batches};
use crate::members::Shape;
use crate::report::Row;
use crate::stage::{Stage, StageOptions};
use service::operator::adoption;

/// How often it is looked whether the walk is done.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench strangers
  refersion-destination bench strangers --members 1000000 --affiliates 0.02
  refersion-destination bench strangers --affiliates 0.5 --without-directory --json

The affiliates are created and walked through (`connections adopt`) first, which is not measured. Then everybody is
synced, with user id and address alone. The least calls are those for the affiliates: nothing can be done for the
others.";

/// The arguments of `bench strangers`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) stage: StageOptions,
    /// The share of the members that are affiliates
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = share)]
    affiliates: f64,
    /// Do not walk through the affiliates first: each stranger costs a search
    #[arg(long)]
    without_directory: bool,
}

/// Reads a share.
pub(super) fn share(text: &str) -> Result<f64, &'static str> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("a share is a number from 0 to 1, like 0.02")
}

/// This share of the members, at least one.
pub(super) fn part(members: u32, share: f64) -> u32 {
    ((f64::from(members) * share).round() as u32).clamp(1, members)
}

impl Workload for Options {
    const NAME: &'static str = "strangers";

    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>> {
        let members = stage.members;
        let affiliates = part(members, self.affiliates);
        stage.enrol(affiliates).await?;
        if !self.without_directory {
            adopt(stage).await?;
        }
        tracing::info!(affiliates, "everybody is synced");
        let measure = stage.begin().await?;
        let sent = stage.say(0, members, Shape::Incomplete).await?;
        stage.settle().await?;
        let names = ("strangers", "with strangers");
        let row = stage.end(measure, names, u64::from(members), batches(affiliates)).await?;
        Ok(vec![row.with_answers(&sent)])
    }
}

/// Waits until the workers have walked through the affiliates.
async fn adopt(stage: &Stage<'_>) -> anyhow::Result<()> {
    tracing::info!("they are walked through");
    let engines = &stage.ground.engines;
    adoption::request_walk(engines, stage.connection).await?;
    while engines.ledger.directory(stage.connection).await?.complete_since.is_none() {
        tokio::time::sleep(LOOK).await;
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
