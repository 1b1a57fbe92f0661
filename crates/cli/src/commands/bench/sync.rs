//! `bench sync`: everybody becomes an affiliate, and then everybody says something new: from a full queue, from the
//! ingest endpoint, and to the plain worker.

use std::net::SocketAddr;
use std::time::Instant;

use clap::Args;
use connections::ConnectionId;
use jiff::Timestamp;
use refersion::MAX_BATCH;

use super::crew::Hand;
use super::failed;
use super::ground::{FIELD, Ground, KEYS};
use super::members::Round;
use super::plain::Yard;
use super::report::{Report, Row};
use super::rest::{Refersion, until_ended};
use crate::commands::Context;
use crate::config::QueueUrl;
use crate::failure::{Exit, Failure};
use crate::program::API_KEY;
use crate::shutdown;

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench sync
  refersion-destination bench sync --members 20000 --workers 2 --json
  REFERSION_DESTINATION__QUEUE__URL=amqp://guest:guest@127.0.0.1:5672/bench \\
  REFERSION_DESTINATION__LEDGER__URL=postgres://bench@127.0.0.1/bench \\
  REFERSION_DESTINATION__SECRETS__KEY_FILE=bench.key \\
    refersion-destination bench sync

Doors, workers, the simulated Refersion, the sender and the plain worker are processes of their own, all on this
machine. First everybody becomes an affiliate, which is not measured. Then each way has one event for each of them, with
one new trait. The plain worker makes one call, one row and one acknowledgement for each event, 64 at once, on a queue
and a table of its own in the same engines. Ratios within one run say more than numbers of two.";

/// The arguments of `bench sync`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// How many members the audience has
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    members: u32,
    /// Processes that take events in
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    doors: u16,
    /// Processes that absorb and deliver
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    workers: u16,
}

/// Runs the benchmark.
///
/// # Errors
///
/// [`Failure`] if the engines are in use, or something does not start or does not come to its end.
pub(super) async fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let stop =
        shutdown::on_signals().map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;
    let ground = Ground::prepare(context).await?;
    let mut simulator = Hand::start(&["simulate", "--listen", "127.0.0.1:0"], &ground.variables)
        .map_err(|error| failed(&error))?;
    let refersion = simulator.address("listening").await.map_err(|error| failed(&error))?;
    let connection = ground.connect(format!("http://{refersion}")).await?.id;
    let bench = Bench { options, ground: &ground, refersion, connection };
    let measured = tokio::select! {
        measured = bench.measure() => measured,
        () = stop.cancelled() => Err(anyhow::anyhow!("the benchmark was interrupted")),
    };
    ground.clear(connection).await?;
    measured.map_err(|error| failed(&error))?.print(&mut context.output)
}

/// One run.
struct Bench<'a> {
    options: &'a Options,
    ground: &'a Ground,
    refersion: SocketAddr,
    connection: ConnectionId,
}

impl Bench<'_> {
    async fn measure(&self) -> anyhow::Result<Report> {
        let members = self.options.members;
        let mut refersion = Refersion::at(self.refersion);
        let doors = Doors::open(self).await?;

        tracing::info!(members, "everybody becomes an affiliate");
        let workers = self.workers().await?;
        doors.send(self, 1).await?;
        self.until_told(&mut refersion, 1).await?;
        end_all(workers).await?;

        tracing::info!("everybody says something new, while nobody works");
        doors.send(self, 2).await?;
        tracing::info!("the workers begin");
        let (began, calls) = (Instant::now(), refersion.calls().await?.total);
        let workers = self.workers().await?;
        self.until_told(&mut refersion, 2).await?;
        let from_queue = self.row("from the queue", began, calls, &mut refersion).await?;

        tracing::info!("everybody says something new, while the workers work");
        let (began, calls) = (Instant::now(), refersion.calls().await?.total);
        doors.send(self, 3).await?;
        self.until_told(&mut refersion, 3).await?;
        let from_door = self.row("from the door", began, calls, &mut refersion).await?;
        let wrong = self.wrong(&mut refersion, 3).await?;
        end_all(workers).await?;
        doors.close().await?;

        tracing::info!("everybody says something new to the plain worker");
        let plain = self.plain(&mut refersion).await?;
        Ok(Report {
            engines: match self.ground.config.queue.url {
                QueueUrl::Sqlite(_) => "SQLite",
                QueueUrl::Amqp(_) => "RabbitMQ and Postgres",
            },
            members,
            doors: self.options.doors,
            workers: self.options.workers,
            times_the_plain_worker: from_queue.events_per_second / plain.events_per_second,
            from_queue,
            from_door,
            plain,
            wrong_affiliates: wrong + self.wrong(&mut refersion, 4).await?,
        })
    }

    /// Waits until the events of all rounds up to this one have come to their end. The first one's creates cannot carry
    /// custom fields, so it edits everybody too.
    async fn until_told(&self, refersion: &mut Refersion, round: u32) -> anyhow::Result<()> {
        let events = u64::from(self.options.members) * u64::from(round);
        refersion.until_edited(events).await?;
        until_ended(&self.ground.engines, self.connection, events).await
    }

    async fn row(
        &self,
        what: &'static str,
        began: Instant,
        calls: u64,
        refersion: &mut Refersion,
    ) -> anyhow::Result<Row> {
        let seconds = began.elapsed().as_secs_f64();
        let calls = refersion.calls().await?.total - calls;
        let least = u64::from(self.options.members).div_ceil(MAX_BATCH as u64);
        Ok(Row::new(what, self.options.members, seconds, calls, least))
    }

    /// Affiliates that do not hold what was said in this round.
    async fn wrong(&self, refersion: &mut Refersion, round: u32) -> anyhow::Result<u64> {
        let value = Round { number: round, at: Timestamp::UNIX_EPOCH }.value();
        let state = refersion.state().await?;
        let affiliates = state.accounts.iter().flat_map(|account| &account.affiliates);
        let right =
            affiliates.filter(|affiliate| affiliate.custom_fields.get(&FIELD) == Some(&value)).count();
        Ok(u64::from(self.options.members).abs_diff(u64::try_from(right)?))
    }

    async fn workers(&self) -> anyhow::Result<Vec<Hand>> {
        let mut workers = Vec::new();
        for _ in 0..self.options.workers {
            workers.push(Hand::start(&["worker"], &self.ground.variables)?);
        }
        for worker in &mut workers {
            worker.address("health").await?;
        }
        Ok(workers)
    }

    /// The baseline's run, with the same people and another round.
    async fn plain(&self, refersion: &mut Refersion) -> anyhow::Result<Row> {
        let yard = Yard::of(&self.ground.config)?;
        let round = Round { number: 4, at: Timestamp::now() };
        let events: Vec<String> = (0..self.options.members).map(|member| round.event(member)).collect();
        yard.fill(&events).await?;
        drop(events);
        let events = self.options.members.to_string();
        let address = self.refersion.to_string();
        let arguments = ["bench", "plain-worker", "--events", &events, "--refersion", &address];
        let mut worker = Hand::start(&arguments, &self.ground.variables)?;
        worker.says().await?;
        let (began, calls) = (Instant::now(), refersion.calls().await?.total);
        worker.go().await?;
        worker.says().await?;
        let mut row = self.row("plain worker", began, calls, refersion).await?;
        row.least_calls = u64::from(self.options.members);
        let worked_off = yard.worked_off().await?;
        anyhow::ensure!(worked_off == row.least_calls, "the plain worker has rows of {worked_off} events");
        yard.clear().await?;
        Ok(row)
    }
}

async fn end_all(hands: Vec<Hand>) -> anyhow::Result<()> {
    for hand in hands {
        hand.end().await?;
    }
    Ok(())
}

/// The ingest endpoints, and where they listen.
struct Doors {
    hands: Vec<Hand>,
    addresses: Vec<SocketAddr>,
}

impl Doors {
    async fn open(bench: &Bench<'_>) -> anyhow::Result<Self> {
        let mut doors = Self { hands: Vec::new(), addresses: Vec::new() };
        for _ in 0..bench.options.doors {
            let mut hand = Hand::start(&["ingest"], &bench.ground.variables)?;
            doors.addresses.push(hand.address("segment").await?);
            doors.hands.push(hand);
        }
        Ok(doors)
    }

    /// Everybody speaks: a sender for each ingest endpoint, each with its part of the members.
    async fn send(&self, bench: &Bench<'_>, round: u32) -> anyhow::Result<()> {
        let (public, secret) = KEYS;
        let mut variables = bench.ground.variables.clone();
        variables.push((API_KEY.to_owned(), format!("{public}.{secret}")));
        let mut senders = Vec::new();
        for (number, door) in self.addresses.iter().enumerate() {
            let (members, first) = part(bench.options.members, self.addresses.len(), number);
            let numbers = [members, first, round].map(|number| number.to_string());
            let [members, first, round] = numbers.each_ref().map(String::as_str);
            let door = door.to_string();
            let arguments =
                ["bench", "send", "--members", members, "--first", first, "--round", round, "--door", &door];
            senders.push(Hand::start(&arguments, &variables)?);
        }
        for sender in &mut senders {
            let sent = sender.says().await?;
            tracing::info!(%sent, "a sender is done");
        }
        Ok(())
    }

    async fn close(self) -> anyhow::Result<()> {
        end_all(self.hands).await
    }
}

/// The part of the members that sender `number` of `senders` has: how many, and the first.
fn part(members: u32, senders: usize, number: usize) -> (u32, u32) {
    let begin = |number: usize| {
        let begin = u64::from(members) * number as u64 / senders as u64;
        u32::try_from(begin).unwrap_or(members)
    };
    (begin(number + 1) - begin(number), begin(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_has_one_sender() {
        let parts: Vec<(u32, u32)> = (0..3).map(|number| part(10, 3, number)).collect();
        assert_eq!(parts, [(3, 0), (3, 3), (4, 6)]);
    }
}
