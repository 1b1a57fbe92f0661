//! `bench two-identifiers`: Engage sends two events for each member, one with the user id, one with the address.

use clap::Args;

use super::{Workload, batches};
use crate::members::Shape;
use crate::report::Row;
use crate::stage::{Stage, StageOptions};

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench two-identifiers
  refersion-destination bench two-identifiers --members 20000 --workers 2
  refersion-destination bench two-identifiers --members 1000000 --json

Everybody is an affiliate already. Both ways begin with a full queue: `two events each` has one event with the user id
alone and one with user id and address for each member, `one event each` has the usual one. The calls should be the
same.";

/// The arguments of `bench two-identifiers`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) stage: StageOptions,
}

impl Workload for Options {
    const NAME: &'static str = "two-identifiers";

    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>> {
        let members = stage.members;
        stage.enrol(members).await?;
        let mut rows = Vec::new();
        for (names, shape) in [
            (("two_identifiers", "two events each"), Shape::Identifiers),
            (("one_identifier", "one event each"), Shape::Whole),
        ] {
            stage.end_workers().await?;
            stage.say(0, members, shape).await?;
            let measure = stage.begin().await?;
            stage.start_workers(&[]).await?;
            stage.settle().await?;
            let events = u64::from(members) * u64::from(shape.events());
            rows.push(stage.end(measure, names, events, batches(members)).await?);
        }
        Ok(rows)
    }
}
