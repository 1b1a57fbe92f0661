//! The processes that reported themselves, and whether any of them serves the waiting events.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use ledger::{ProcessReport, ProcessRole, RefusedSignatures, Registrations};

use crate::config::Config;
use crate::engines::Engines;
use crate::failure::Failure;

/// The processes at one moment.
#[derive(Clone, Debug)]
pub struct Workers {
    /// Every process that is remembered, newest heartbeat first.
    pub processes: Vec<ProcessReport>,
    /// Some process holds a lease.
    any_lease: bool,
    now: Timestamp,
    silent_after: Duration,
}

impl Workers {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be read.
    pub async fn read(engines: &Engines, config: &Config) -> Result<Self, Failure> {
        let now = engines.now();
        let processes = engines.monitoring.processes().await?;
        let any_lease = engines.monitoring.any_lease(now).await?;
        Ok(Self { processes, any_lease, now, silent_after: config.health.stale_after })
    }

    /// Whether a process runs, as far as its heartbeat shows. Clocks of two machines may differ either way.
    #[must_use]
    pub fn is_alive(&self, process: &ProcessReport) -> bool {
        let silence = self.now.duration_since(process.beat_at).unsigned_abs();
        process.ended_at.is_none() && silence <= self.silent_after
    }

    /// The processes that run.
    pub fn alive(&self) -> impl Iterator<Item = &ProcessReport> {
        self.processes.iter().filter(|process| self.is_alive(process))
    }

    /// The rates in use, in calls per second by connection, of the processes that run.
    #[must_use]
    pub fn rates(&self) -> BTreeMap<i64, f64> {
        let held = self.alive().flat_map(|process| &process.connections);
        held.filter_map(|held| Some((held.id, held.rate?))).collect()
    }

    /// The registrations of unknown API keys by the processes that run, since each started; `None` unless one registers them.
    #[must_use]
    pub fn registrations(&self) -> Option<Registrations> {
        self.alive().filter_map(|process| process.registrations).reduce(|sum, more| Registrations {
            registered: sum.registered + more.registered,
            refused: sum.refused + more.refused,
            limited: sum.limited + more.limited,
            unavailable: sum.unavailable + more.unavailable,
        })
    }

    /// Requests of a connection that were refused because of their signature, summed over all remembered processes, including
    /// ended ones; `None` if there were none.
    #[must_use]
    pub fn refused_signatures(&self, connection: i64) -> Option<RefusedSignatures> {
        let of_all = self.processes.iter().flat_map(|process| &process.refused_signatures);
        let refused = of_all.copied().filter(|refused| refused.connection == connection);
        refused.reduce(|sum, more| RefusedSignatures {
            missing: sum.missing + more.missing,
            wrong: sum.wrong + more.wrong,
            last_at: sum.last_at.max(more.last_at),
            ..sum
        })
    }

    /// Whether a process with such a role runs.
    fn any(&self, has_role: fn(ProcessRole) -> bool) -> bool {
        self.alive().any(|process| has_role(process.role))
    }

    /// Whether any process delivers: a worker that reports itself, or one of another version that holds a lease.
    #[must_use]
    pub fn delivers(&self) -> bool {
        self.any(ProcessRole::delivers) || self.any_lease
    }

    /// The problem, if events wait and no process delivers them.
    #[must_use]
    pub fn unserved(&self, waiting: &Waiting) -> Option<String> {
        if waiting.is_nothing() || self.delivers() {
            return None;
        }
        Some(format!("{waiting}, and no worker is running: start `serve` or `worker`"))
    }

    /// Since when events wait in the queue while no worker runs, as an ingest process has seen it; `None` while one runs.
    #[must_use]
    pub fn untaken_since(&self) -> Option<Timestamp> {
        let seen = self.alive().filter_map(|process| process.untaken_since).min();
        seen.filter(|_| !self.delivers())
    }

    /// The problem, if no process accepts events, or none delivers them.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        match (self.any(ProcessRole::accepts), self.delivers()) {
            (true, true) => None,
            (false, false) => {
                Some("no process is running, so no event is accepted or delivered: start `serve`")
            }
            (false, true) => {
                Some("no ingest process is running, so no event is accepted: start `serve` or `ingest`")
            }
            (true, false) => {
                Some("no worker is running, so no event is delivered: start `serve` or `worker`")
            }
        }
    }
}

/// How many events wait, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// In the queue.
    pub queued: u64,
    /// In the ledger, without an outcome.
    pub pending: u64,
}

impl Waiting {
    /// Counts them.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the queue or the ledger cannot be read.
    pub async fn read(engines: &Engines) -> Result<Self, Failure> {
        let depth = engines.queue.depth().await?;
        let pending = engines.ledger.counts(None, engines.now()).await?.pending;
        Ok(Self { queued: depth.live + depth.bulk, pending })
    }

    fn is_nothing(&self) -> bool {
        self.queued == 0 && self.pending == 0
    }
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { queued, pending } = self;
        let event = |count: u64| if count == 1 { "event waits" } else { "events wait" };
        match (queued, pending) {
            (queued, 0) => write!(formatter, "{queued} {} in the queue", event(*queued)),
            (0, pending) => write!(formatter, "{pending} {} in the ledger", event(*pending)),
            _ => write!(formatter, "{queued} {} in the queue and {pending} in the ledger", event(*queued)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn process(role: ProcessRole, beat: i64) -> ProcessReport {
        ProcessReport {
            id: uuid::Uuid::nil(),
            role,
            host: "machine".to_owned(),
            pid: 1,
            version: "1".to_owned(),
            started_at: at(0),
            beat_at: at(beat),
            ended_at: None,
            connections: Vec::new(),
            notes_arrivals: true,
            untaken_since: None,
            registrations: None,
            refused_signatures: Vec::new(),
        }
    }

    fn workers(processes: Vec<ProcessReport>) -> Workers {
        Workers { processes, any_lease: false, now: at(100), silent_after: Duration::from_secs(15) }
    }

    const SOME: Waiting = Waiting { queued: 3, pending: 0 };

    #[test]
    fn work_that_waits_without_a_living_worker_is_a_problem() {
        let alone = workers(vec![process(ProcessRole::Ingest, 99)]);
        assert!(
            alone.unserved(&SOME).unwrap().contains("3 events wait in the queue, and no worker is running")
        );
        assert_eq!(alone.unserved(&Waiting { queued: 0, pending: 0 }), None);
        for (role, beat, served) in [
            (ProcessRole::Worker, 99, true),
            (ProcessRole::Serve, 86, true),
            (ProcessRole::Worker, 84, false),
        ] {
            let found = workers(vec![process(role, beat)]).unserved(&SOME);
            assert_eq!(found.is_none(), served, "{found:?}");
        }
        let ended = ProcessReport { ended_at: Some(at(99)), ..process(ProcessRole::Worker, 99) };
        assert!(workers(vec![ended]).unserved(&SOME).is_some());
        assert_eq!(Workers { any_lease: true, ..workers(vec![]) }.unserved(&SOME), None, "an older version");
    }

    #[test]
    fn events_count_as_untaken_from_the_first_report_until_a_worker_runs() {
        let saw =
            |second| ProcessReport { untaken_since: Some(at(second)), ..process(ProcessRole::Ingest, 99) };
        let nobody = vec![process(ProcessRole::Ingest, 99), saw(60), saw(40)];
        assert_eq!(workers(nobody.clone()).untaken_since(), Some(at(40)));
        let silent = ProcessReport { beat_at: at(50), ..saw(30) };
        assert_eq!(workers(vec![silent, saw(60)]).untaken_since(), Some(at(60)));
        let somebody = [nobody, vec![process(ProcessRole::Worker, 99)]].concat();
        assert_eq!(workers(somebody).untaken_since(), None);
    }

    #[test]
    fn a_role_that_nobody_has_is_named() {
        for (roles, expected) in [
            (vec![], Some("no process is running")),
            (vec![ProcessRole::Ingest], Some("no worker is running")),
            (vec![ProcessRole::Worker], Some("no ingest process is running")),
            (vec![ProcessRole::Worker, ProcessRole::Ingest], None),
            (vec![ProcessRole::Serve], None),
        ] {
            let found = workers(roles.into_iter().map(|role| process(role, 99)).collect()).missing();
            assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
            assert!(found.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{found:?}");
        }
    }
}
