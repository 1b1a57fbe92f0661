//! The processes that every workload runs on (a simulated Refersion, ingest processes and workers), a record of the events that were
//! sent to them, and the measurement of a part of a workload.

mod measure;

use std::net::SocketAddr;

use clap::Args;
use connections::ConnectionId;

use super::completion::wait_for_outcomes;
use super::control::Refersion;
use super::environment::{Environment, api_key};
use super::expected::ExpectedState;
use super::members::Shape;
use super::processes::{Process, stop_all};
use super::report::{Report, Row};
use super::send::Sent;
use super::setup::Setup;
use super::usage::Usages;
use service::API_KEY;

/// Options of all workloads.
#[derive(Args, Clone, Debug)]
pub(super) struct DeploymentOptions {
    /// Number of members in the audience [default: 100,000; live 500, outage and replay 10,000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) members: Option<u32>,
    /// Number of ingest processes
    #[arg(long, alias = "doors", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(super) ingest_processes: u16,
    /// Number of worker processes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(super) workers: u16,
}

/// The running processes, and a record of the events that were sent to them.
pub(super) struct Deployment<'a> {
    pub(super) options: DeploymentOptions,
    pub(super) members: u32,
    pub(super) environment: &'a Environment,
    pub(super) refersion: Refersion,
    pub(super) connection: ConnectionId,
    pub(super) setup: Setup,
    simulator: Process,
    pub(super) ingest_processes: Vec<Process>,
    /// The addresses of the ingest endpoints.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) workers: Vec<Process>,
    expected: ExpectedState,
    /// The number of the last round.
    pub(super) round: u32,
    /// Events that were accepted.
    accepted: u64,
    /// Number of edits that these events require, one for each affiliate that changes.
    edits: u64,
    lost: u64,
    /// CPU time and memory of the senders that have ended.
    senders: Usages,
}

impl<'a> Deployment<'a> {
    /// Starts everything but workers. The environment has the connection already.
    pub(super) async fn open(
        options: &DeploymentOptions,
        members: u32,
        environment: &'a Environment,
        simulator: (Process, SocketAddr),
        connection: ConnectionId,
    ) -> anyhow::Result<Self> {
        let setup = Setup::of(environment).await?;
        let mut deployment = Self {
            options: options.clone(),
            members,
            refersion: Refersion::at(simulator.1),
            connection,
            setup,
            simulator: simulator.0,
            ingest_processes: Vec::new(),
            addresses: Vec::new(),
            workers: Vec::new(),
            expected: ExpectedState::default(),
            round: 0,
            accepted: 0,
            edits: 0,
            lost: 0,
            senders: Usages::new(),
            environment,
        };
        for _ in 0..options.ingest_processes {
            let mut process = Process::start(&["ingest"], &deployment.environment.variables)?;
            deployment.addresses.push(process.address("segment").await?);
            deployment.ingest_processes.push(process);
        }
        Ok(deployment)
    }

    /// Starts the workers. `settings` are environment variables that only they get.
    pub(super) async fn start_workers(&mut self, settings: &[(String, String)]) -> anyhow::Result<()> {
        let variables = [&self.environment.variables[..], settings].concat();
        for _ in 0..self.options.workers {
            self.workers.push(Process::start(&["worker"], &variables)?);
        }
        for worker in &mut self.workers {
            worker.address("health").await?;
        }
        Ok(())
    }

    /// Stops the workers, and waits until they have ended.
    pub(super) async fn stop_workers(&mut self) -> anyhow::Result<()> {
        stop_all(std::mem::take(&mut self.workers)).await
    }

    /// Sends a new round of events of `members` members from `first` on, by one sender for each ingest endpoint.
    pub(super) async fn send_round(
        &mut self,
        first: u32,
        members: u32,
        shape: Shape,
    ) -> anyhow::Result<Sent> {
        let mut senders = self.start_senders(first, members, shape)?;
        let mut all = Sent::default();
        for sender in &mut senders {
            let sent: Sent = serde_json::from_value(sender.next_output().await?)?;
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

    fn start_senders(&mut self, first: u32, members: u32, shape: Shape) -> anyhow::Result<Vec<Process>> {
        self.record_round(first, members, shape);
        let mut variables = self.environment.variables.clone();
        variables.push((API_KEY.to_owned(), api_key()));
        let senders = self.addresses.len();
        let start = |(number, endpoint): (usize, &SocketAddr)| {
            let (members, part_first) = part(members, senders, number);
            let numbers = [members, first + part_first, self.round].map(|number| number.to_string());
            let [members, first, round] = numbers.each_ref().map(String::as_str);
            let mut arguments = vec!["bench", "send", "--members", members, "--first", first];
            let endpoint = endpoint.to_string();
            arguments.extend(["--round", round, "--shape", shape.word(), "--endpoint", &endpoint]);
            Process::start(&arguments, &variables)
        };
        self.addresses.iter().enumerate().map(start).collect()
    }

    /// Begins a new round of these members, and counts its events as accepted by the ingest endpoints.
    pub(super) fn record_round(&mut self, first: u32, members: u32, shape: Shape) {
        self.edits += u64::from(self.begin_round(first, members, shape));
        self.accepted += u64::from(members) * u64::from(shape.events());
    }

    /// Begins a new round of these members and updates the expected state. Returns the number of edits that the round requires.
    pub(super) fn begin_round(&mut self, first: u32, members: u32, shape: Shape) -> u32 {
        self.round += 1;
        self.expected.apply_round(first, members, self.round, shape)
    }

    /// Waits until Refersion has received every edit.
    pub(super) async fn wait_for_edits(&mut self) -> anyhow::Result<()> {
        self.refersion.wait_for_edits(self.edits).await
    }

    /// Waits until every accepted event has an outcome, and Refersion has received every edit.
    pub(super) async fn wait_for_completion(&mut self) -> anyhow::Result<()> {
        self.wait_for_edits().await?;
        self.lost = wait_for_outcomes(&self.environment.engines, self.connection, self.accepted).await?;
        Ok(())
    }

    /// Starts the workers, and creates affiliates for the first `members` members.
    pub(super) async fn create_affiliates(&mut self, members: u32) -> anyhow::Result<()> {
        tracing::info!(members, "affiliates are created");
        self.start_workers(&[]).await?;
        self.send_round(0, members, Shape::Whole).await?;
        self.wait_for_completion().await
    }

    /// Stops the processes, and compares the state of Refersion with the events that were sent.
    pub(super) async fn report(mut self, workload: &'static str, rows: Vec<Row>) -> anyhow::Result<Report> {
        self.stop_workers().await?;
        stop_all(self.ingest_processes).await?;
        let engines = &self.environment.engines;
        let counts = engines.ledger.counts(Some(self.connection), engines.now()).await?;
        let plain = rows.iter().find(|row| row.key == "plain").map(|row| row.events_per_second);
        let first = rows.first().map(|row| row.events_per_second);
        let report = Report {
            workload,
            engines: self.environment.pair(),
            members: self.members,
            ingest_processes: self.options.ingest_processes,
            workers: self.options.workers,
            times_the_plain_worker: first.zip(plain).map(|(first, plain)| first / plain),
            lost_events: self.lost,
            wrong_affiliates: self.expected.count_wrong(&self.refersion.state().await?),
            outcomes: counts.outcomes,
            setup: self.setup,
            rows,
        };
        self.simulator.stop().await?;
        Ok(report)
    }
}

/// The members that sender `number` of `senders` sends for: their number, and the first.
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
