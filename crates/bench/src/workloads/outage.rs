//! `bench outage`: everybody says something new while Refersion is away, and it comes back.

use std::time::Duration;

use clap::Args;

use super::{Workload, batches};
use crate::members::Shape;
use crate::report::Row;
use crate::stage::{Stage, StageOptions};

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench outage
  refersion-destination bench outage --members 100000 --lasts 60
  refersion-destination bench outage --lasts 0 --json

Everybody is an affiliate already. Refersion answers every call with 503 while the events are accepted, and for --lasts
longer. `catch up` begins when it is back, and includes the wait until a worker finds that out.";

/// The arguments of `bench outage`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) stage: StageOptions,
    /// How long Refersion is away after the last event was accepted, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=3600))]
    lasts: u64,
}

impl Workload for Options {
    const NAME: &'static str = "outage";
    const MEMBERS: u32 = 10_000;

    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>> {
        let members = stage.members;
        stage.enrol(members).await?;
        tracing::info!("refersion is away");
        // No call has an effect until the faults are replaced.
        stage.refersion.set_faults("503=100%").await?;
        let outage = stage.begin().await?;
        stage.say(0, members, Shape::Whole).await?;
        tokio::time::sleep(Duration::from_secs(self.lasts)).await;
        let away = stage.end(outage, ("away", "refersion is away"), u64::from(members), 0).await?;
        tracing::info!("refersion is back");
        let measure = stage.begin().await?;
        stage.refersion.set_faults("").await?;
        stage.settle().await?;
        let names = ("catch_up", "catch up");
        let catch_up = stage.end(measure, names, u64::from(members), batches(members)).await?;
        Ok(vec![catch_up, away])
    }
}
