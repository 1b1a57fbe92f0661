//! `bench delta`: the audience is synced already, and few members change.

use clap::Args;

use super::strangers::{part, share};
use super::{Workload, batches};
use crate::members::Shape;
use crate::report::Row;
use crate::stage::{Stage, StageOptions};

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench delta
  refersion-destination bench delta --members 1000000 --changes 0.001
  refersion-destination bench delta --changes 0.05 --json

Everybody is an affiliate already. The members that change send one event each to the ingest endpoint.";

/// The arguments of `bench delta`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) stage: StageOptions,
    /// The share of the members that change
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    changes: f64,
}

impl Workload for Options {
    const NAME: &'static str = "delta";

    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>> {
        let changed = part(stage.members, self.changes);
        stage.enrol(stage.members).await?;
        tracing::info!(changed, "few say something new");
        let measure = stage.begin().await?;
        let sent = stage.say(0, changed, Shape::Whole).await?;
        stage.settle().await?;
        let names = ("delta", "few changes");
        let row = stage.end(measure, names, u64::from(changed), batches(changed)).await?;
        Ok(vec![row.with_answers(&sent)])
    }
}
