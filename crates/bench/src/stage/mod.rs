//! What every workload runs on: a simulated Refersion, ingest processes and workers, each a process of its own; what was
//! sent so far, and how a part of it is measured.

mod measure;

use std::net::SocketAddr;

use clap::Args;
use connections::ConnectionId;

use super::crew::{Hand, end_all};
use super::ground::{Ground, api_key};
use super::members::Shape;
use super::report::{Report, Row};
use super::rest::{Refersion, until_ended};
use super::send::Sent;
use super::setup::Setup;
use super::stated::Stated;
use super::usage::Usages;
use service::API_KEY;

/// What all workloads can be told.
#[derive(Args, Clone, Debug)]
pub(super) struct StageOptions {
    /// How many members the audience has [default: 100,000; live 500, outage and replay 10,000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) members: Option<u32>,
    /// Processes that take events in
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(super) doors: u16,
    /// Processes that absorb and deliver
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(super) workers: u16,
}

/// The processes, and what they were given.
pub(super) struct Stage<'a> {
    pub(super) options: StageOptions,
    pub(super) members: u32,
    pub(super) ground: &'a Ground,
    pub(super) refersion: Refersion,
    pub(super) connection: ConnectionId,
    pub(super) setup: Setup,
    simulator: Hand,
    pub(super) doors: Vec<Hand>,
    /// Where they listen.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) workers: Vec<Hand>,
    stated: Stated,
    /// The number of the last round.
    pub(super) round: u32,
    /// Events that were accepted.
    accepted: u64,
    /// Affiliates that have to be edited for them, one by one.
    edits: u64,
    lost: u64,
    /// What senders took that have ended.
    senders: Usages,
}

impl<'a> Stage<'a> {
    /// Starts everything but workers. The connection is on the ground already.
    pub(super) async fn open(
        options: &StageOptions,
        members: u32,
        ground: &'a Ground,
        simulator: (Hand, SocketAddr),
        connection: ConnectionId,
    ) -> anyhow::Result<Self> {
        let setup = Setup::of(ground).await?;
        let mut stage = Self {
            options: options.clone(),
            members,
            refersion: Refersion::at(simulator.1),
            connection,
            setup,
            simulator: simulator.0,
            doors: Vec::new(),
            addresses: Vec::new(),
            workers: Vec::new(),
            stated: Stated::default(),
            round: 0,
            accepted: 0,
            edits: 0,
            lost: 0,
            senders: Usages::new(),
            ground,
        };
        for _ in 0..options.doors {
            let mut hand = Hand::start(&["ingest"], &stage.ground.variables)?;
            stage.addresses.push(hand.address("segment").await?);
            stage.doors.push(hand);
        }
        Ok(stage)
    }

    /// Starts the workers. `settings` are variables that hold for them alone.
    pub(super) async fn start_workers(&mut self, settings: &[(String, String)]) -> anyhow::Result<()> {
        let variables = [&self.ground.variables[..], settings].concat();
        for _ in 0..self.options.workers {
            self.workers.push(Hand::start(&["worker"], &variables)?);
        }
        for worker in &mut self.workers {
            worker.address("health").await?;
        }
        Ok(())
    }

    /// Ends the workers, and waits until they have.
    pub(super) async fn end_workers(&mut self) -> anyhow::Result<()> {
        end_all(std::mem::take(&mut self.workers)).await
    }

    /// Members from `first` on speak in a new round: a sender for each ingest endpoint, each with its part of them.
    pub(super) async fn say(&mut self, first: u32, members: u32, shape: Shape) -> anyhow::Result<Sent> {
        let mut senders = self.begin_to_say(first, members, shape)?;
        let mut all = Sent::default();
        for sender in &mut senders {
            let sent: Sent = serde_json::from_value(sender.says().await?)?;
            tracing::info!(?sent, "a sender is done");
            self.senders.insert(("sender", sender.pid()), sent.usage.unwrap_or_default());
            all.accepted += sent.accepted;
            all.seconds = all.seconds.max(sent.seconds);
            all.latency = all.latency.worse(sent.latency);
            for (status, count) in sent.answers {
                *all.answers.entry(status).or_default() += count;
            }
        }
        Ok(all)
    }

    fn begin_to_say(&mut self, first: u32, members: u32, shape: Shape) -> anyhow::Result<Vec<Hand>> {
        self.note_round(first, members, shape);
        let mut variables = self.ground.variables.clone();
        variables.push((API_KEY.to_owned(), api_key()));
        let senders = self.addresses.len();
        let start = |(number, door): (usize, &SocketAddr)| {
            let (members, part_first) = part(members, senders, number);
            let numbers = [members, first + part_first, self.round].map(|number| number.to_string());
            let [members, first, round] = numbers.each_ref().map(String::as_str);
            let mut arguments = vec!["bench", "send", "--members", members, "--first", first];
            let door = door.to_string();
            arguments.extend(["--round", round, "--shape", shape.word(), "--door", &door]);
            Hand::start(&arguments, &variables)
        };
        self.addresses.iter().enumerate().map(start).collect()
    }

    /// Notes that these members speak in a new round.
    pub(super) fn note_round(&mut self, first: u32, members: u32, shape: Shape) {
        self.edits += u64::from(self.note_elsewhere(first, members, shape));
        self.accepted += u64::from(members) * u64::from(shape.events());
    }

    /// Notes that these members speak in a new round, but not to us. Returns how many have to be edited for it.
    pub(super) fn note_elsewhere(&mut self, first: u32, members: u32, shape: Shape) -> u32 {
        self.round += 1;
        self.stated.say(first, members, self.round, shape)
    }

    /// Waits until Refersion was given everything that was said.
    pub(super) async fn until_edited(&mut self) -> anyhow::Result<()> {
        self.refersion.until_edited(self.edits).await
    }

    /// Waits until everything that was accepted has come to its end, and Refersion was given all of it.
    pub(super) async fn settle(&mut self) -> anyhow::Result<()> {
        self.until_edited().await?;
        self.lost = until_ended(&self.ground.engines, self.connection, self.accepted).await?;
        Ok(())
    }

    /// Makes affiliates of the first members; it starts the workers.
    pub(super) async fn enrol(&mut self, members: u32) -> anyhow::Result<()> {
        tracing::info!(members, "they become affiliates");
        self.start_workers(&[]).await?;
        self.say(0, members, Shape::Whole).await?;
        self.settle().await
    }

    /// Ends the processes, and compares what Refersion holds with what was said.
    pub(super) async fn report(mut self, workload: &'static str, rows: Vec<Row>) -> anyhow::Result<Report> {
        self.end_workers().await?;
        end_all(self.doors).await?;
        let engines = &self.ground.engines;
        let counts = engines.ledger.counts(Some(self.connection), engines.now()).await?;
        let plain = rows.iter().find(|row| row.key == "plain").map(|row| row.events_per_second);
        let first = rows.first().map(|row| row.events_per_second);
        let report = Report {
            workload,
            engines: self.ground.pair(),
            members: self.members,
            doors: self.options.doors,
            workers: self.options.workers,
            times_the_plain_worker: first.zip(plain).map(|(first, plain)| first / plain),
            lost_events: self.lost,
            wrong_affiliates: self.stated.wrong(&self.refersion.state().await?),
            outcomes: counts.outcomes,
            setup: self.setup,
            rows,
        };
        self.simulator.end().await?;
        Ok(report)
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
