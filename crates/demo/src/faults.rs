//! The faults that the simulated Refersion injects during the demo: enough to be seen, mild enough to finish.

use std::time::Duration;

use simulator::{Faults, Kind, Latency, Outage, Probability};

/// The chance of each fault for each call, in millionths. Together they stay below the share at which the worker slows
/// down, so that the demo shows repair rather than caution.
const CHANCES: [(Kind, u32); 9] = [
    (Kind::DropBefore, 2_000),
    (Kind::Html, 2_000),
    (Kind::TooMany, 3_000),
    (Kind::Internal, 3_000),
    (Kind::BadGateway, 1_000),
    (Kind::GatewayTimeout, 1_000),
    (Kind::DropAfter, 2_000),
    (Kind::Garbage, 1_000),
    (Kind::Partial, 50_000),
];
/// Expected number of answers with `Retry-After: 1`.
const COME_BACKS: usize = 3;
/// How long the whole API is down.
const OUTAGE: Duration = Duration::from_secs(3);
/// The outage begins after this time for each thousand members: a quarter into the work, or so.
const OUTAGE_AFTER: Duration = Duration::from_millis(300);

/// The faults of a demo with `members` members.
pub(super) fn faults(members: usize) -> Faults {
    let come_back = u32::try_from(COME_BACKS * 1_000_000 / members.max(1)).unwrap_or(u32::MAX).min(10_000);
    let mut chances: std::collections::BTreeMap<_, _> =
        CHANCES.into_iter().map(|(kind, chance)| (kind, Probability::per_million(chance))).collect();
    chances.insert(Kind::TooManyAfter, Probability::per_million(come_back));
    let thousands = f64::from(u32::try_from(members).unwrap_or(u32::MAX)) / 1_000.0;
    Faults {
        latency: Latency { min: Duration::from_millis(2), max: Duration::from_millis(20) },
        probabilities: chances,
        retry_after: Duration::from_secs(1),
        outages: vec![Outage { duration: OUTAGE, start: OUTAGE_AFTER.mul_f64(thousands) }],
        ..Faults::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faults_are_a_specification_that_the_simulator_reads() {
        let faults = faults(20_000);
        assert_eq!(Faults::parse(&faults.to_string()).as_ref(), Ok(&faults));
        assert!(faults.to_string().contains("down=3s@6s"), "{faults}");
    }
}
