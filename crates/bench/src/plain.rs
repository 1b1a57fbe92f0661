//! The baseline: the plain worker on the same engines, as a process that begins after a line on standard input, and ends after another
//! one.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use baseline::{Affiliates, rabbitmq, sqlite};
use clap::Args;
use jiff::Timestamp;

use super::control::Refersion;
use super::deployment::Deployment;
use super::environment::{FIELD, KEYS};
use super::failed;
use super::members::{Round, Shape};
use super::processes::Process;
use super::report::Row;
use service::Context;
use service::config::{Config, LedgerUrl, QueueUrl};
use service::failure::{Exit, Failure};

/// The arguments of the process.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Number of events
    #[arg(long)]
    events: u64,
    /// Address of Refersion
    #[arg(long)]
    refersion: SocketAddr,
}

/// The engines of the plain worker.
pub(super) enum BaselineEngines {
    /// A file beside those of the queue and the ledger.
    File(PathBuf),
    /// Its own queue and table.
    Servers(rabbitmq::Engines),
}

impl BaselineEngines {
    /// The engines beside those of the configuration.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        match (&config.queue.url, &config.ledger.url) {
            (QueueUrl::Amqp(nodes), LedgerUrl::Postgres(database)) => {
                let broker = nodes.first().map(|node| node.reveal().to_owned()).unwrap_or_default();
                Ok(Self::Servers(rabbitmq::Engines { broker, database: database.reveal().to_owned() }))
            }
            (QueueUrl::Sqlite(queue), LedgerUrl::Sqlite(_)) => {
                Ok(Self::File(queue.with_file_name("baseline.db")))
            }
            _ => anyhow::bail!("the baseline supports two pairs of engines only"),
        }
    }

    /// Puts the events into the queue.
    pub(super) async fn fill(&self, events: &[String]) -> anyhow::Result<()> {
        match self {
            Self::File(path) => sqlite::File::open(path)?.fill(events),
            Self::Servers(engines) => engines.fill(events).await,
        }
    }

    /// Number of events that the plain worker has processed.
    pub(super) async fn processed(&self) -> anyhow::Result<u64> {
        match self {
            Self::File(path) => sqlite::File::open(path)?.processed(),
            Self::Servers(engines) => engines.processed().await,
        }
    }

    /// Removes what it created. A file is removed with its folder.
    pub(super) async fn clear(&self) -> anyhow::Result<()> {
        match self {
            Self::File(_) => Ok(()),
            Self::Servers(engines) => engines.remove().await,
        }
    }

    async fn process(&self, refersion: &baseline::Refersion, events: u64) -> anyhow::Result<()> {
        match self {
            Self::File(path) => sqlite::File::open(path)?.process(refersion, events).await,
            Self::Servers(engines) => engines.process(refersion, events).await,
        }
    }
}

/// Measures the plain worker with one event for each member, each with a new trait value. All members are affiliates.
pub(super) async fn measure(deployment: &mut Deployment<'_>) -> anyhow::Result<Row> {
    tracing::info!("the plain worker starts: one event per member with a new trait value");
    let engines = BaselineEngines::of(&deployment.environment.config)?;
    let members = deployment.members;
    deployment.begin_round(0, members, Shape::Whole);
    let round = Round { number: deployment.round, at: Timestamp::now(), shape: Shape::Whole };
    let events: Vec<String> = (0..members).map(|member| round.event(member, 0)).collect();
    engines.fill(&events).await?;
    drop(events);
    let (events, address) = (members.to_string(), deployment.refersion.address().to_string());
    let arguments = ["bench", "plain-worker", "--events", &events, "--refersion", &address];
    let mut worker = Process::start(&arguments, &deployment.environment.variables)?;
    worker.next_output().await?;
    let measure = deployment.begin_beside(&[("plain worker", &worker)]).await?;
    worker.write_line().await?;
    worker.next_output().await?;
    let members = u64::from(members);
    let names = ("plain", "plain worker");
    let row = deployment.end_beside(measure, names, (members, members), &[("plain worker", &worker)]).await?;
    worker.write_line().await?;
    let processed = engines.processed().await?;
    anyhow::ensure!(processed == members, "the plain worker has rows of {processed} events");
    engines.clear().await?;
    Ok(row)
}

/// Processes all events of its queue after a line on standard input, and prints how long that took.
///
/// # Errors
///
/// [`Failure`] at the first event that fails.
pub(super) async fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let engines = BaselineEngines::of(&context.loaded.config).map_err(|error| failed(&error))?;
    let refersion = load_affiliates(options.refersion).await.map_err(|error| failed(&error))?;
    context.output.json(&serde_json::json!({ "knows": "everybody" }))?;
    wait_for_a_line().map_err(|error| failed(&error))?;
    let began = Instant::now();
    engines.process(&refersion, options.events).await.map_err(|error| failed(&error))?;
    context.output.json(&serde_json::json!({ "seconds": began.elapsed().as_secs_f64() }))?;
    // The parent reads CPU time and memory while the process exists.
    wait_for_a_line().map_err(|error| failed(&error))?;
    Ok(Exit::Done)
}

/// Waits for a line on standard input. Blocks the thread, which has nothing else to do.
fn wait_for_a_line() -> anyhow::Result<()> {
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

/// A client that has the numeric ids of all affiliates. They are read before the measurement.
async fn load_affiliates(address: SocketAddr) -> anyhow::Result<baseline::Refersion> {
    let state = Refersion::at(address).state().await?;
    let affiliates = state.accounts.into_iter().flat_map(|account| account.affiliates);
    let known: Affiliates = affiliates.map(|affiliate| (affiliate.email, affiliate.id)).collect();
    baseline::Refersion::new(&format!("http://{address}"), KEYS, FIELD, known)
}
