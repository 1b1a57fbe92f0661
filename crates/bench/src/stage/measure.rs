//! How a part of what happens on the stage is measured.

use std::time::Instant;

use super::Stage;
use crate::crew::Hand;
use crate::report::Row;
use crate::usage::{Usage, Usages, between};

impl Stage<'_> {
    /// Begins to measure.
    pub(in super::super) async fn begin(&mut self) -> anyhow::Result<Measure> {
        self.begin_beside(&[]).await
    }

    /// As [`Stage::begin`], with processes that are not the stage's.
    pub(in super::super) async fn begin_beside(
        &mut self,
        others: &[(&'static str, &Hand)],
    ) -> anyhow::Result<Measure> {
        self.senders.clear();
        let calls = self.refersion.calls().await?.total;
        Ok(Measure { calls, usages: self.usages(others), began: Instant::now() })
    }

    /// Ends the measure: `least` calls would have done for the events.
    pub(in super::super) async fn end(
        &mut self,
        measure: Measure,
        (key, what): (&'static str, &'static str),
        events: u64,
        least: u64,
    ) -> anyhow::Result<Row> {
        self.end_beside(measure, (key, what), (events, least), &[]).await
    }

    /// As [`Stage::end`], with the same processes as [`Stage::begin_beside`].
    pub(in super::super) async fn end_beside(
        &mut self,
        measure: Measure,
        (key, what): (&'static str, &'static str),
        (events, least_calls): (u64, u64),
        others: &[(&'static str, &Hand)],
    ) -> anyhow::Result<Row> {
        let seconds = measure.began.elapsed().as_secs_f64();
        let calls = self.refersion.calls().await?.total - measure.calls;
        let processes = between(&measure.usages, &self.usages(others), events);
        Ok(Row {
            key,
            what,
            events,
            seconds,
            events_per_second: events as f64 / seconds,
            calls,
            least_calls,
            answers: None,
            refused: 0,
            delivery: None,
            processes,
        })
    }

    fn usages(&self, others: &[(&'static str, &Hand)]) -> Usages {
        let named = |role| move |hand| (role, hand);
        let hands = self.doors.iter().map(named("ingest"));
        let hands = hands.chain(self.workers.iter().map(named("worker")));
        let hands = hands.chain([("simulator", &self.simulator)]).chain(others.iter().copied());
        let hands = hands.filter_map(|(role, hand)| Some(((role, hand.pid()), Usage::of(hand.pid())?)));
        let servers = self.setup.servers.iter();
        let servers = servers.filter_map(|(role, pid)| Some(((*role, *pid), Usage::of_server(*pid)?)));
        hands.chain(servers).chain(self.senders.clone()).collect()
    }
}

/// What was there when a measure began.
pub(in super::super) struct Measure {
    began: Instant,
    calls: u64,
    usages: Usages,
}
