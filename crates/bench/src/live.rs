//! Sends live identifies, one at a time, and measures how long each takes until its call arrives at Refersion.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;

use super::ground::api_key;
use super::latency::Latency;
use super::members::{self, Round, Shape};
use super::rest::Refersion;
use super::send::{Answers, Door, basic};
use super::stage::Stage;
use crate::line::Line;

/// Says live what members say, each of them once.
pub(super) struct Speaker {
    door: Door,
    line: Line,
    answers: Answers,
    /// When the event of each member was accepted.
    accepted: BTreeMap<u32, Instant>,
}

impl Speaker {
    /// One at the first ingest endpoint.
    pub(super) fn before(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let address = *stage.addresses.first().context("there is no ingest endpoint")?;
        let door = Door { address, authorization: basic(&api_key())? };
        let line = door.line();
        Ok(Self { door, line, answers: Answers::default(), accepted: BTreeMap::new() })
    }

    /// Sends the event of one member, and waits until it is accepted.
    pub(super) async fn say(&mut self, round: u32, member: u32) -> anyhow::Result<()> {
        let event = Round { number: round, at: Timestamp::now(), shape: Shape::Live }.event(member, 0);
        self.door.post(event.into(), &mut self.line, &mut self.answers).await?;
        self.accepted.insert(member, Instant::now());
        Ok(())
    }

    /// How long the answers took, and how long it took from each of them until the call arrived. All of them have to
    /// be delivered, and nothing else said about these members since. The simulator answers calls at once, so the
    /// API's own time is in neither.
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
