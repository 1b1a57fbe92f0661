//! The baseline: the plain worker on the same engines, as a process that starts when a line arrives on standard input, and ends after
//! another one.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use baseline::{Affiliates, rabbitmq, sqlite};
use clap::Args;
use jiff::Timestamp;

use super::crew::Hand;
use super::failed;
use super::ground::{FIELD, KEYS};
use super::members::{Round, Shape};
use super::report::Row;
use super::rest::Refersion;
use super::stage::Stage;
use service::Context;
use service::config::{Config, LedgerUrl, QueueUrl};
use service::failure::{Exit, Failure};

/// The arguments of the process.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// How many events there are
    #[arg(long)]
    events: u64,
    /// Where Refersion is
    #[arg(long)]
    refersion: SocketAddr,
}

/// Its engines.
pub(super) enum Yard {
    /// A file beside those of the queue and the ledger.
    File(PathBuf),
    /// A queue and a table of its own.
    Servers(rabbitmq::Engines),
}

impl Yard {
    /// Those that stand where the configuration says.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        match (&config.queue.url, &config.ledger.url) {
            (QueueUrl::Amqp(nodes), LedgerUrl::Postgres(database)) => {
                let broker = nodes.first().map(|node| node.reveal().to_owned()).unwrap_or_default();
                Ok(Self::Servers(rabbitmq::Engines { broker, database: database.reveal().to_owned() }))
            }
            (QueueUrl::Sqlite(queue), LedgerUrl::Sqlite(_)) => {
                Ok(Self::File(queue.with_file_name("baseline.db")))
            }
            _ => anyhow::bail!("the baseline knows pairs of engines only"),
        }
    }

    /// Puts the events into the queue.
    pub(super) async fn fill(&self, events: &[String]) -> anyhow::Result<()> {
        match self {
            Self::File(path) => sqlite::File::open(path)?.fill(events),
            Self::Servers(engines) => engines.fill(events).await,
        }
    }

    /// How many events it has worked off.
    pub(super) async fn worked_off(&self) -> anyhow::Result<u64> {
        match self {
            Self::File(path) => sqlite::File::open(path)?.processed(),
            Self::Servers(engines) => engines.processed().await,
        }
    }

    /// Leaves nothing behind. A file goes with its folder.
    pub(super) async fn clear(&self) -> anyhow::Result<()> {
        match self {
            Self::File(_) => Ok(()),
            Self::Servers(engines) => engines.remove().await,
        }
    }

    async fn work(&self, refersion: &baseline::Refersion, events: u64) -> anyhow::Result<()> {
        match self {
            Self::File(path) => sqlite::File::open(path)?.process(refersion, events).await,
            Self::Servers(engines) => engines.process(refersion, events).await,
        }
    }
}

/// The run of the plain worker: as many events as there are members, each with one new trait. Everybody is an affiliate.
pub(super) async fn measure(stage: &mut Stage<'_>) -> anyhow::Result<Row> {
    tracing::info!("everybody says something new to the plain worker");
    let yard = Yard::of(&stage.ground.config)?;
    let members = stage.members;
    stage.note_elsewhere(0, members, Shape::Whole);
    let round = Round { number: stage.round, at: Timestamp::now(), shape: Shape::Whole };
    let events: Vec<String> = (0..members).map(|member| round.event(member, 0)).collect();
    yard.fill(&events).await?;
    drop(events);
    let (events, address) = (members.to_string(), stage.refersion.address().to_string());
    let arguments = ["bench", "plain-worker", "--events", &events, "--refersion", &address];
    let mut worker = Hand::start(&arguments, &stage.ground.variables)?;
    worker.says().await?;
    let measure = stage.begin_beside(&[("plain worker", &worker)]).await?;
    worker.go().await?;
    worker.says().await?;
    let members = u64::from(members);
    let names = ("plain", "plain worker");
    let row = stage.end_beside(measure, names, (members, members), &[("plain worker", &worker)]).await?;
    worker.go().await?;
    let worked_off = yard.worked_off().await?;
    anyhow::ensure!(worked_off == members, "the plain worker has rows of {worked_off} events");
    yard.clear().await?;
    Ok(row)
}

/// Works off all events of its queue after a line on standard input has come, and says how long that took.
///
/// # Errors
///
/// [`Failure`] at the first event that fails.
pub(super) async fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let yard = Yard::of(&context.loaded.config).map_err(|error| failed(&error))?;
    let refersion = know(options.refersion).await.map_err(|error| failed(&error))?;
    context.output.json(&serde_json::json!({ "knows": "everybody" }))?;
    wait_for_a_line().map_err(|error| failed(&error))?;
    let began = Instant::now();
    yard.work(&refersion, options.events).await.map_err(|error| failed(&error))?;
    context.output.json(&serde_json::json!({ "seconds": began.elapsed().as_secs_f64() }))?;
    // What it took is looked up while it is still there.
    wait_for_a_line().map_err(|error| failed(&error))?;
    Ok(Exit::Done)
}

/// Nothing else is to be done until it comes, so the thread may wait.
fn wait_for_a_line() -> anyhow::Result<()> {
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

/// Learns everybody's number beforehand, which costs the plain worker nothing.
async fn know(address: SocketAddr) -> anyhow::Result<baseline::Refersion> {
    let state = Refersion::at(address).state().await?;
    let affiliates = state.accounts.into_iter().flat_map(|account| account.affiliates);
    let known: Affiliates = affiliates.map(|affiliate| (affiliate.email, affiliate.id)).collect();
    baseline::Refersion::new(&format!("http://{address}"), KEYS, FIELD, known)
}
