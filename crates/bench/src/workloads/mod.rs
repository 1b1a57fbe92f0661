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

use super::deployment::{Deployment, DeploymentOptions};
use super::environment::Environment;
use super::failed;
use super::processes::Process;
use super::report::{Report, Row};
use service::Context;
use service::failure::{Exit, Failure};
use service::shutdown;

/// One workload.
pub(super) trait Workload {
    /// Its name on the command line.
    const NAME: &'static str;
    /// Number of members of its audience by default.
    const MEMBERS: u32 = 100_000;

    /// Runs it on a deployment without workers and affiliates. Returns the measurements.
    async fn run(&self, deployment: &mut Deployment<'_>) -> anyhow::Result<Vec<Row>>;
}

/// Runs a workload on empty engines, and prints the report.
///
/// # Errors
///
/// [`Failure`] if the engines are in use, or a process does not start or does not end.
pub(super) async fn run(
    workload: &impl Workload,
    options: &DeploymentOptions,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let stop =
        shutdown::on_signals().map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;
    let environment = Environment::prepare(context).await?;
    let mut simulator = Process::start(&["simulate", "--listen", "127.0.0.1:0"], &environment.variables)
        .map_err(|error| failed(&error))?;
    let refersion = simulator.address("listening").await.map_err(|error| failed(&error))?;
    let connection = environment.connect(format!("http://{refersion}")).await?.id;
    let report = tokio::select! {
        report = measure(workload, options, &environment, (simulator, refersion), connection) => report,
        () = stop.cancelled() => Err(anyhow::anyhow!("the benchmark was interrupted")),
    };
    // The report comes first: removing a million members from Postgres takes minutes.
    let exit = match report {
        Ok(report) => report.print(&mut context.output),
        Err(error) => Err(failed(&error)),
    };
    environment.clear(connection).await?;
    exit
}

async fn measure<W: Workload>(
    workload: &W,
    options: &DeploymentOptions,
    environment: &Environment,
    simulator: (Process, SocketAddr),
    connection: ConnectionId,
) -> anyhow::Result<Report> {
    let members = options.members.unwrap_or(W::MEMBERS);
    let mut deployment = Deployment::open(options, members, environment, simulator, connection).await?;
    let rows = workload.run(&mut deployment).await?;
    deployment.report(W::NAME, rows).await
}

/// The minimum number of calls that edit this number of affiliates.
fn batches(affiliates: u32) -> u64 {
    u64::from(affiliates).div_ceil(MAX_BATCH as u64)
}
