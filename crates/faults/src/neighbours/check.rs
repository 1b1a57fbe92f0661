//! The observations of B, and the broken promises.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::honest::Sent;
use super::system::System;
use crate::process::Role;
use crate::proof::{Proof, found, outcomes};

/// The bound of B's p99.
pub const P99: Duration = Duration::from_secs(1);
/// The bound of the time to a 202: half of the 5 s after which Segment gives up.
pub const ADMITTED: Duration = Duration::from_millis(2_500);
/// The bound of the memory of one process, in bytes.
pub const MEMORY: u64 = 512 << 20;
/// How long a recorded outcome may come after the call.
const RECORDED_WITHIN: Duration = Duration::from_secs(30);
/// How often a wait looks again.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The observations of B.
#[derive(Debug, Default)]
pub struct Noticed {
    /// Events that got a 202.
    pub accepted: usize,
    /// Accepted events without exactly one outcome, or without an arrival.
    pub lost: usize,
    /// Half of the events took no longer than this from the 202 to the arrival.
    pub p50: Duration,
    /// 99 in a hundred took no longer than this.
    pub p99: Duration,
    /// None took longer than this.
    pub max: Duration,
    /// The longest time from the first try to the 202.
    pub admitted: Duration,
    /// Tries that were answered 429 or 5xx.
    pub rejected: u64,
    /// Tries that Segment would have given up on.
    pub unanswered: u64,
}

/// Waits until every accepted event, or a newer one of the same person, has reached Refersion, or for `at_most`.
///
/// # Errors
///
/// If the program cannot be run.
pub async fn wait_for_arrivals(system: &mut System, sent: &Sent, at_most: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + at_most;
    let arrivals = system.arrivals.clone();
    while sent.accepted.iter().any(|one| arrivals.latency(one).is_none()) && Instant::now() < end {
        system.pass(POLL_INTERVAL).await?;
    }
    Ok(())
}

/// The observations of B about the events from number `first` on; lost events are counted from the beginning.
///
/// # Errors
///
/// If the engines cannot be read.
pub async fn notice(
    system: &System,
    sent: &Sent,
    first: u64,
    breaches: &mut Vec<String>,
) -> anyhow::Result<Noticed> {
    let missing = sent.accepted.iter().filter(|one| system.arrivals.latency(one).is_none()).count();
    if missing > 0 {
        breaches.push(format!("{missing} events of B did not reach Refersion"));
    }
    let unrecorded = unrecorded(system, sent, breaches).await?;
    let measured: Vec<_> = sent.accepted.iter().filter(|one| one.number >= first).collect();
    let mut latencies: Vec<_> = measured.iter().filter_map(|one| system.arrivals.latency(one)).collect();
    latencies.sort_unstable();
    let answers = sent.log.unexpected.iter();
    breaches.extend(answers.map(|(answer, times)| format!("B was answered {times} times: {answer}")));
    Ok(Noticed {
        accepted: sent.accepted.len(),
        lost: missing.max(unrecorded),
        p50: share(&latencies, 50),
        p99: share(&latencies, 99),
        max: share(&latencies, 100),
        admitted: measured.iter().map(|one| one.waited).max().unwrap_or_default(),
        rejected: sent.log.rejected,
        unanswered: sent.log.unanswered,
    })
}

/// Events of B without exactly one outcome.
async fn unrecorded(system: &System, sent: &Sent, breaches: &mut Vec<String>) -> anyhow::Result<usize> {
    let engines = system.engines().await?;
    let end = Instant::now() + RECORDED_WITHIN;
    loop {
        let mut proof = Proof::default();
        outcomes(&mut proof, &sent.log, &found(&system.accounts, &engines, &sent.log).await?);
        if proof.lost == 0 || Instant::now() > end {
            breaches.extend(proof.breaches);
            return Ok(proof.lost);
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// The bounds on processes, which hold in every row.
pub fn processes(system: &System, breaches: &mut Vec<String>) {
    breaches.extend(system.ended.iter().cloned());
    let beyond = |(role, bytes): (&Role, &u64)| {
        let mebibytes = bytes >> 20;
        (*bytes > MEMORY).then(|| format!("`{}` grew to {mebibytes} MiB of memory", role.word()))
    };
    breaches.extend(system.memory.iter().filter_map(beyond));
}

/// The bounds on time. They are meaningful only on a machine that has nothing else to do.
pub fn times(noticed: &Noticed, breaches: &mut Vec<String>) {
    if noticed.p99 > P99 {
        breaches.push(format!("B's p99 is {:.1?}, and {P99:?} is the bound", noticed.p99));
    }
    if noticed.admitted > ADMITTED {
        breaches.push(format!("B waited {:.1?} for a 202, and {ADMITTED:?} is the bound", noticed.admitted));
    }
    if noticed.unanswered > 0 {
        breaches.push(format!("{} tries of B got no answer within 5 s", noticed.unanswered));
    }
}

/// The percentile of the values: `percent` of them do not exceed it.
fn share(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(share(&sorted, 50), Duration::from_millis(100));
        assert_eq!(share(&sorted, 99), Duration::from_millis(198));
        assert_eq!(share(&sorted, 100), Duration::from_millis(200));
        assert_eq!(share(&[], 99), Duration::ZERO);
    }
}
