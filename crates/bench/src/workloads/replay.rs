//! `bench replay`: every event becomes a dead letter, because Refersion fails for too long, and all dead letters are replayed.

use clap::Args;

use super::{Workload, batches};
use crate::completion::wait_for_dead_letters;
use crate::deployment::{Deployment, DeploymentOptions};
use crate::members::Shape;
use crate::processes::Process;
use crate::report::Row;

pub(crate) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench replay
  refersion-destination bench replay --members 100000
  refersion-destination bench replay --members 1000 --json

All members are affiliates already. Refersion answers 503, and the workers try each call only once, so all events
become dead letters. Then other workers start, and `dead-letters replay state:open` is measured until the last
outcome.";

/// The arguments of `bench replay`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
}

/// Settings with which workers try each call once and do not pause between calls.
const NO_RETRIES: [(&str, &str); 5] = [
    ("RETRY__MAX_ATTEMPTS", "1"),
    ("RETRY__MAX_ELAPSED", "1ms"),
    ("RETRY__INITIAL", "10ms"),
    ("RETRY__MAX_INTERVAL", "10ms"),
    ("BREAKER__FAILURES", "1000000"),
];

impl Workload for Options {
    const NAME: &'static str = "replay";
    const MEMBERS: u32 = 10_000;

    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>> {
        let members = deployment.members;
        deployment.create_affiliates(members).await?;
        deployment.stop_workers().await?;
        deployment.refersion.set_faults("503=100%").await?;
        let no_retries =
            NO_RETRIES.map(|(name, value)| (format!("REFERSION_DESTINATION__{name}"), value.to_owned()));
        deployment.start_workers(&no_retries).await?;
        deployment.send_round(0, members, Shape::Whole).await?;
        tracing::info!("every event becomes a dead letter");
        wait_for_dead_letters(&deployment.environment.engines, deployment.connection, members.into()).await?;
        deployment.stop_workers().await?;

        tracing::info!("all dead letters are replayed");
        deployment.refersion.set_faults("").await?;
        deployment.start_workers(&[]).await?;
        let measure = deployment.begin().await?;
        let mut command =
            Process::start(&["dead-letters", "replay", "state:open"], &deployment.environment.variables)?;
        let replayed = command.next_output().await?;
        anyhow::ensure!(replayed["count"] == members, "{} dead letters are replayed", replayed["count"]);
        deployment.wait_for_completion().await?;
        let names = ("replay", "replay");
        Ok(vec![deployment.end(measure, names, u64::from(members), batches(members)).await?])
    }
}
