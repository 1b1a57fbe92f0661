//! `bench live`: one identify at a time on an idle system.

use clap::Args;

use super::Workload;
use crate::live::Speaker;
use crate::members::Shape;
use crate::report::Row;
use crate::stage::{Stage, StageOptions};

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench live
  refersion-destination bench live --members 2000
  refersion-destination bench live --members 50 --json

Everybody is an affiliate already. One after the other sends an identify from a website, each after the one before was
delivered. Latencies run to the answer of the ingest endpoint, and from there to the arrival of the call at Refersion,
which answers at once: the time that the API takes is not part of them.";

/// The arguments of `bench live`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) stage: StageOptions,
}

impl Workload for Options {
    const NAME: &'static str = "live";
    const MEMBERS: u32 = 500;

    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>> {
        let members = stage.members;
        stage.enrol(members).await?;
        tracing::info!("one after the other says something new");
        let measure = stage.begin().await?;
        let mut speaker = Speaker::before(stage)?;
        for member in 0..members {
            stage.note_round(member, 1, Shape::Live);
            speaker.say(stage.round, member).await?;
            stage.until_edited().await?;
        }
        stage.settle().await?;
        let mut row = stage.end(measure, ("live", "live"), members.into(), members.into()).await?;
        let (answers, delivery) = speaker.latencies(&mut stage.refersion).await?;
        (row.answers, row.delivery) = (Some(answers), Some(delivery));
        Ok(vec![row])
    }
}
