//! `bench sync`: everybody becomes an affiliate, and then everybody says something new: from a full queue, to the ingest
//! endpoint, and to the plain worker.

use std::path::PathBuf;

use clap::Args;

use super::{Workload, batches};
use crate::members::Shape;
use crate::plain;
use crate::plot::Plot;
use crate::report::Row;
use crate::stage::{Stage, StageOptions};

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench sync
  refersion-destination bench sync --members 20000 --workers 2 --json
  refersion-destination bench sync --plot sync.svg
  REFERSION_DESTINATION__QUEUE__URL=amqp://guest:guest@127.0.0.1:5672/bench \\
  REFERSION_DESTINATION__LEDGER__URL=postgres://bench@127.0.0.1/bench \\
  REFERSION_DESTINATION__SECRETS__KEY_FILE=bench.key \\
    refersion-destination bench sync

Ingest processes, workers, the simulated Refersion, the sender and the plain worker are processes of their own, all on
this machine. First everybody becomes an affiliate, which is not measured. Then each way has one event for each of them,
with one new trait: `from the queue` begins with a full queue, `from the door` sends one event in a request over 64
connections that stay open. The plain worker makes one call, one row and one acknowledgement for each event, 64 at once,
on a queue and a table of its own in the same engines. Ratios within one run say more than numbers of two.";

/// The arguments of `bench sync`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) stage: StageOptions,
    /// Draw events accepted, absorbed and delivered over time, for the way through the ingest endpoint; costs a little speed
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl Workload for Options {
    const NAME: &'static str = "sync";

    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>> {
        let members = stage.members;
        let (events, least) = (u64::from(members), batches(members));
        stage.enrol(members).await?;
        stage.end_workers().await?;

        tracing::info!("everybody says something new, while nobody works");
        stage.say(0, members, Shape::Whole).await?;
        tracing::info!("the workers begin");
        let measure = stage.begin().await?;
        stage.start_workers(&[]).await?;
        stage.settle().await?;
        let from_queue = stage.end(measure, ("from_queue", "from the queue"), events, least).await?;

        tracing::info!("everybody says something new, while the workers work");
        let plot = self.plot.as_ref().map(|_| Plot::begin(stage));
        let measure = stage.begin().await?;
        let sent = stage.say(0, members, Shape::Whole).await?;
        stage.settle().await?;
        let from_door = stage.end(measure, ("from_door", "from the door"), events, least).await?;
        if let (Some(path), Some(plot)) = (&self.plot, plot) {
            std::fs::write(path, plot.end().await?)?;
        }

        stage.end_workers().await?;
        let plain = plain::measure(stage).await?;
        Ok(vec![from_queue, from_door.with_answers(&sent), plain])
    }
}
