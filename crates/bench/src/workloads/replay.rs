//! `bench replay`: everybody's event dies, because Refersion fails for too long, and all dead letters are replayed.

use clap::Args;

use super::{Workload, batches};
use crate::crew::Hand;
use crate::members::Shape;
use crate::report::Row;
use crate::rest::until_dead;
use crate::stage::{Stage, StageOptions};

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench replay
  refersion-destination bench replay --members 100000
  refersion-destination bench replay --members 1000 --json

Everybody is an affiliate already. Workers that try each call once meet a Refersion that answers 503, so all events
become dead letters. Then other workers begin, and `dead-letters replay state:open` is measured up to the last outcome.";

/// The arguments of `bench replay`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) stage: StageOptions,
}

/// Workers with these settings give up at once, and never take a breath.
const IMPATIENT: [(&str, &str); 5] = [
    ("RETRY__MAX_ATTEMPTS", "1"),
    ("RETRY__MAX_ELAPSED", "1ms"),
    ("RETRY__INITIAL", "10ms"),
    ("RETRY__MAX_INTERVAL", "10ms"),
    ("BREAKER__FAILURES", "1000000"),
];

impl Workload for Options {
    const NAME: &'static str = "replay";
    const MEMBERS: u32 = 10_000;

    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>> {
        let members = stage.members;
        stage.enrol(members).await?;
        stage.end_workers().await?;
        stage.refersion.set_faults("503=100%").await?;
        let impatient =
            IMPATIENT.map(|(name, value)| (format!("REFERSION_DESTINATION__{name}"), value.to_owned()));
        stage.start_workers(&impatient).await?;
        stage.say(0, members, Shape::Whole).await?;
        tracing::info!("everybody's event dies");
        until_dead(&stage.ground.engines, stage.connection, members.into()).await?;
        stage.end_workers().await?;

        tracing::info!("all dead letters are replayed");
        stage.refersion.set_faults("").await?;
        stage.start_workers(&[]).await?;
        let measure = stage.begin().await?;
        let mut command = Hand::start(&["dead-letters", "replay", "state:open"], &stage.ground.variables)?;
        let replayed = command.says().await?;
        anyhow::ensure!(replayed["count"] == members, "{} dead letters are replayed", replayed["count"]);
        stage.settle().await?;
        let names = ("replay", "replay");
        Ok(vec![stage.end(measure, names, u64::from(members), batches(members)).await?])
    }
}
