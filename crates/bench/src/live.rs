//! Sends live identifies, one at a time, and measures how long each takes until its call arrives at Refersion.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;

use super::control::Refersion;
use super::deployment::Deployment;
use super::environment::api_key;
use super::latency::Latency;
use super::members::{self, Round, Shape};
use super::send::{Answers, IngestEndpoint, basic};
use crate::http_connection::HttpConnection;

/// Sends one live event for each of several members.
pub(super) struct LiveSender {
    endpoint: IngestEndpoint,
    connection: HttpConnection,
    answers: Answers,
    /// When the event of each member was accepted.
    accepted: BTreeMap<u32, Instant>,
}

impl LiveSender {
    /// A sender to the first ingest endpoint.
    pub(super) fn new(deployment: &Deployment<'_>) -> anyhow::Result<Self> {
        let address = *deployment.addresses.first().context("there is no ingest endpoint")?;
        let endpoint = IngestEndpoint { address, authorization: basic(&api_key())? };
        let connection = endpoint.connect();
        Ok(Self { endpoint, connection, answers: Answers::default(), accepted: BTreeMap::new() })
    }

    /// Sends the event of one member, and waits until it is accepted.
    pub(super) async fn send(&mut self, round: u32, member: u32) -> anyhow::Result<()> {
        let event = Round { number: round, at: Timestamp::now(), shape: Shape::Live }.event(member, 0);
        self.endpoint.post(event.into(), &mut self.connection, &mut self.answers).await?;
        self.accepted.insert(member, Instant::now());
        Ok(())
    }

    /// The latency of the answers, and from each answer to the arrival of the call. All events must be delivered,
    /// and no newer event of these members sent. The simulator answers calls at once, so the time that the API takes is
    /// in neither.
    pub(super) async fn latencies(self, refersion: &mut Refersion) -> anyhow::Result<(Latency, Latency)> {
        let began = refersion.clock_began().await?;
        let mut waits = Vec::with_capacity(self.accepted.len());
        for edit in refersion.last_edits().await? {
            let accepted = members::member(&edit.email).and_then(|member| self.accepted.get(&member));
            if let Some(accepted) = accepted {
                let arrived = began + Duration::from_micros(edit.at_micros);
                // Before the answer was read: not later than it.
                waits.push(arrived.saturating_duration_since(*accepted));
            }
        }
        Ok((Latency::of(self.answers.waits), Latency::of(waits)))
    }
}
