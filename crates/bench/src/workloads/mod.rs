//! The workloads, a file for each, and how each of them is run.

pub(super) mod create_storm;
pub(super) mod delta;
pub(super) mod identifiers;
pub(super) mod live;
pub(super) mod live_during_bulk;
pub(super) mod outage;
pub(super) mod replay;
pub(super) mod strangers;
pub(super) mod sync;

use std::net::SocketAddr;

use connections::ConnectionId;
use refersion::MAX_BATCH;

use super::crew::Hand;
use super::failed;
use super::ground::Ground;
use super::report::{Report, Row};
use super::stage::{Stage, StageOptions};
use service::Context;
use service::failure::{Exit, Failure};
use service::shutdown;

/// One workload.
pub(super) trait Workload {
    /// Its name on the command line.
    const NAME: &'static str;
    /// How many members its audience has unless told.
    const MEMBERS: u32 = 100_000;

    /// Runs it on a stage without workers and affiliates. Returns what was measured.
    async fn play(&self, stage: &mut Stage<'_>) -> anyhow::Result<Vec<Row>>;
}

/// Runs a workload on engines of its own, and prints the report.
///
/// # Errors
///
/// [`Failure`] if the engines are in use, or something does not start or does not come to its end.
pub(super) async fn run(
    workload: &impl Workload,
    options: &StageOptions,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let stop =
        shutdown::on_signals().map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;
    let ground = Ground::prepare(context).await?;
    let mut simulator = Hand::start(&["simulate", "--listen", "127.0.0.1:0"], &ground.variables)
        .map_err(|error| failed(&error))?;
    let refersion = simulator.address("listening").await.map_err(|error| failed(&error))?;
    let connection = ground.connect(format!("http://{refersion}")).await?.id;
    let played = tokio::select! {
        played = play(workload, options, &ground, (simulator, refersion), connection) => played,
        () = stop.cancelled() => Err(anyhow::anyhow!("the benchmark was interrupted")),
    };
    ground.clear(connection).await?;
    played.map_err(|error| failed(&error))?.print(&mut context.output)
}

async fn play<W: Workload>(
    workload: &W,
    options: &StageOptions,
    ground: &Ground,
    simulator: (Hand, SocketAddr),
    connection: ConnectionId,
) -> anyhow::Result<Report> {
    let members = options.members.unwrap_or(W::MEMBERS);
    let mut stage = Stage::open(options, members, ground, simulator, connection).await?;
    let rows = workload.play(&mut stage).await?;
    stage.report(W::NAME, rows).await
}

/// The least calls that edit this number of affiliates.
fn batches(affiliates: u32) -> u64 {
    u64::from(affiliates).div_ceil(MAX_BATCH as u64)
}
