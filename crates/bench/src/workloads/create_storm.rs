//! `bench create-storm`: everybody becomes an affiliate for the first time.

use clap::Args;

use super::{Workload, batches};
use crate::members::Shape;
use crate::report::Row;
use crate::stage::{Stage, StageOptions};

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench create-storm
  refersion-destination bench create-storm --members 20000 --workers 2
  refersion-destination bench create-storm --members 1000 --json

The queue is full when the workers begin. Refersion takes one affiliate in a call, and custom fields by an edit only:
the minimum is one create for each member, and one edit for every fifty.";

/// The arguments of `bench create-storm`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) stage: StageOptions,
}

impl Workload for Options {
    const NAME: &'static str = "create-storm";

    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>> {
        let members = stage.members;
        stage.say(0, members, Shape::Whole).await?;
        let measure = stage.begin().await?;
        stage.start_workers(&[]).await?;
        stage.settle().await?;
        // A create is one call for one affiliate, and cannot carry the custom field.
        let least = u64::from(members) + batches(members);
        let names = ("create_storm", "first creation");
        Ok(vec![stage.end(measure, names, u64::from(members), least).await?])
    }
}
