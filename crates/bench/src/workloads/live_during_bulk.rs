//! `bench live-during-bulk`: live identifies of some people while a sync of everybody else runs.

use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{Workload, batches};
use crate::live::Speaker;
use crate::members::Shape;
use crate::report::Row;
use crate::stage::{Stage, StageOptions};

/// The pause between two live identifies.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench live-during-bulk
  refersion-destination bench live-during-bulk --members 1000000 --live 5000
  refersion-destination bench live-during-bulk --workers 2 --json

Everybody is an affiliate already. While the audience is synced through the ingest endpoint, other people send one live
identify each, every 20 ms, until the sync is delivered. Latencies as for `bench live`; answers are those to the sync.";

/// The arguments of `bench live-during-bulk`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) stage: StageOptions,
    /// How many people beside the audience send one live identify each, at most 50 a second
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    live: u32,
}

impl Workload for Options {
    const NAME: &'static str = "live-during-bulk";

    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>> {
        let members = stage.members;
        stage.enrol(members + self.live).await?;
        tracing::info!("everybody is synced, while some are live");
        let measure = stage.begin().await?;
        let mut speaker = Speaker::before(stage)?;
        // A round of their own, behind that of the sync.
        let (round, is_over) = (stage.round + 2, CancellationToken::new());
        let bulk = async {
            let sent = stage.say(0, members, Shape::Whole).await?;
            stage.until_edited().await?;
            is_over.cancel();
            anyhow::Ok(sent)
        };
        let live = async {
            let mut said = 0;
            while said < self.live && !is_over.is_cancelled() {
                speaker.say(round, members + said).await?;
                said += 1;
                tokio::time::sleep(PAUSE).await;
            }
            anyhow::Ok(said)
        };
        let (sent, said) = tokio::try_join!(bulk, live)?;
        stage.note_round(members, said, Shape::Live);
        stage.settle().await?;
        let events = u64::from(members + said);
        let names = ("live_during_bulk", "live during bulk");
        let mut row = stage.end(measure, names, events, batches(members + said)).await?;
        row.delivery = Some(speaker.latencies(&mut stage.refersion).await?.1);
        Ok(vec![row.with_answers(&sent)])
    }
}
