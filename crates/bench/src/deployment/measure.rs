//! Measures a part of a workload.

use std::time::Instant;

use super::Deployment;
use crate::processes::Process;
use crate::report::Row;
use crate::usage::{Usage, Usages, between};

impl Deployment<'_> {
    /// Begins to measure.
    pub(in super::super) async fn begin(&mut self) -> anyhow::Result<Measure> {
        self.begin_beside(&[]).await
    }

    /// As [`Deployment::begin`], with processes that are not part of the deployment.
    pub(in super::super) async fn begin_beside(
        &mut self,
        others: &[(&'static str, &Process)],
    ) -> anyhow::Result<Measure> {
        self.senders.clear();
        let calls = self.refersion.calls().await?.total;
        Ok(Measure { calls, usages: self.usages(others), began: Instant::now() })
    }

    /// Ends the measurement. `least` is the minimum number of calls for the events.
    pub(in super::super) async fn end(
        &mut self,
        measure: Measure,
        (key, what): (&'static str, &'static str),
        events: u64,
        least: u64,
    ) -> anyhow::Result<Row> {
        self.end_beside(measure, (key, what), (events, least), &[]).await
    }

    /// As [`Deployment::end`], with the same processes as [`Deployment::begin_beside`].
    pub(in super::super) async fn end_beside(
        &mut self,
        measure: Measure,
        (key, what): (&'static str, &'static str),
        (events, least_calls): (u64, u64),
        others: &[(&'static str, &Process)],
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

    fn usages(&self, others: &[(&'static str, &Process)]) -> Usages {
        let named = |role| move |process| (role, process);
        let processes = self.ingest_processes.iter().map(named("ingest"));
        let processes = processes.chain(self.workers.iter().map(named("worker")));
        let processes = processes.chain([("simulator", &self.simulator)]).chain(others.iter().copied());
        let processes =
            processes.filter_map(|(role, process)| Some(((role, process.pid()), Usage::of(process.pid())?)));
        let servers = self.setup.servers.iter();
        let servers = servers.filter_map(|(role, pid)| Some(((*role, *pid), Usage::of_server(*pid)?)));
        processes.chain(servers).chain(self.senders.clone()).collect()
    }
}

/// The counters at the start of a measurement.
pub(in super::super) struct Measure {
    began: Instant,
    calls: u64,
    usages: Usages,
}
