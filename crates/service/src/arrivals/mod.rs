//! Accepted events that never arrive: publishers report the events that the broker confirmed, and one process of the
//! installation compares them with the events that workers have absorbed.

mod detector;
mod summary;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::{ProcessReport, Stream};
use queue::{Lane, Published};

use self::detector::{Detector, Look, StreamChange};
pub use self::summary::Summary;
use crate::engines::Engines;
use crate::failure::Failure;

/// How long events are watched and missing ones are reported. Processes are remembered for as long.
const WATCHED: Duration = ledger::monitoring::PROCESSES_KEPT;

/// How long a worker may run after its last known heartbeat.
const AFTER_A_HEARTBEAT: SignedDuration = SignedDuration::from_secs(60);

/// Reports these streams in the ledger.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be written.
pub async fn report(engines: &Engines, published: &[Published]) -> Result<(), Failure> {
    let streams: Vec<Stream> = published.iter().map(stream).collect();
    Ok(engines.arrivals.report_streams(&streams, engines.now()).await?)
}

/// Reports the events that a command has published, when the command ends. Without a report nobody would notice that they are
/// missing; nothing else depends on it.
pub async fn report_own(engines: &Engines) {
    let published = engines.queue.published().unwrap_or_default();
    if let Err(failure) = report(engines, &published).await {
        tracing::debug!(error = failure.message, "published events could not be reported");
    }
}

fn stream(published: &Published) -> Stream {
    Stream {
        id: published.stream,
        queue: published.queue.clone(),
        lane: match published.lane {
            Lane::Live => identity::graph::Lane::Live,
            Lane::Bulk => identity::graph::Lane::Bulk,
        },
        started_at: published.started_at,
        last_at: published.last_at,
        confirmed: published.confirmed.clone(),
        marks: published.marks.clone(),
    }
}

/// The observations of one process so far.
#[derive(Default)]
pub struct Watch(Detector);

impl Watch {
    /// Compares the published events with the arrivals, and records the missing ones.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the queue or the ledger cannot be read, or the ledger not written.
    pub async fn look(&mut self, engines: &Engines, processes: &[ProcessReport]) -> Result<(), Failure> {
        // In this order: an event that was confirmed before the queue was counted, and is not in the queue, has its arrival
        // recorded by now.
        let streams = engines.arrivals.streams().await?;
        let depth = engines.queue.depth().await?;
        let now = engines.now();
        let arrived = engines.arrivals.arrived(now).await?;
        let missing = engines.arrivals.missing().await?;
        let watched_from = watched_from(processes, now);
        let look = Look { now, streams: &streams, depth, arrived: &arrived, missing: &missing, watched_from };
        for change in self.0.detect(&look) {
            write(engines, &change).await?;
            log(&change);
        }
        if let Ok(before) = now.checked_sub(WATCHED) {
            engines.arrivals.forget_streams(before).await?;
        }
        Ok(())
    }
}

/// Events that were published earlier are not watched: they are too old, or a worker of an earlier version, which notes
/// nothing, may have absorbed them.
fn watched_from(processes: &[ProcessReport], now: Timestamp) -> Timestamp {
    let oldest = now.checked_sub(WATCHED).unwrap_or(Timestamp::MIN);
    let blind = processes.iter().filter(|process| process.role.delivers() && !process.notes_arrivals);
    let until = blind.filter_map(|process| process.beat_at.checked_add(AFTER_A_HEARTBEAT).ok());
    until.max().map_or(oldest, |until| until.max(oldest))
}

async fn write(engines: &Engines, change: &StreamChange) -> Result<(), Failure> {
    if !change.given_up.is_empty() {
        let noted = [(change.stream, change.given_up.clone())].into();
        engines.ledger.note_arrivals(&noted).await?;
    }
    Ok(engines.arrivals.set_missing(change.stream, change.missing.as_ref()).await?)
}

fn log(change: &StreamChange) {
    match &change.missing {
        Some(missing) if change.more > 0 => tracing::warn!(
            queue = missing.queue,
            events = missing.events(),
            more = change.more,
            since = %missing.since,
            until = %missing.until,
            "accepted events never arrived: the broker has thrown them away; `check` names policies that do so"
        ),
        Some(missing) => tracing::info!(
            queue = missing.queue,
            events = missing.events(),
            "some of the events that were missing have arrived"
        ),
        None => tracing::info!(stream = %change.stream, "no event of the stream is missing now"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::ProcessRole;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn process(role: ProcessRole, notes_arrivals: bool) -> ProcessReport {
        ProcessReport {
            id: uuid::Uuid::nil(),
            role,
            host: "machine".to_owned(),
            pid: 1,
            version: "1".to_owned(),
            started_at: at(0),
            beat_at: at(100),
            ended_at: None,
            connections: Vec::new(),
            notes_arrivals,
            untaken_since: None,
            registrations: None,
            refused_signatures: Vec::new(),
        }
    }

    #[test]
    fn events_that_an_older_worker_may_have_absorbed_are_not_watched() {
        let from = |role, notes| watched_from(&[process(role, notes)], at(200));
        let week_ago = at(200 - 7 * 86_400);
        assert_eq!(from(ProcessRole::Worker, false), at(160));
        assert_eq!(from(ProcessRole::Ingest, false), week_ago);
        assert_eq!(from(ProcessRole::Serve, true), week_ago);
        assert_eq!(watched_from(&[], at(200)), week_ago);
    }
}
