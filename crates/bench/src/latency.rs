//! How long something took, as its percentiles.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Percentiles of one kind of wait, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Latency {
    pub(super) samples: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
}

impl Latency {
    /// The percentiles of these waits; zeros if there are none. A percentile is the shortest wait that this share of the waits
    /// does not exceed.
    pub(super) fn of(mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        let at = |share: f64| {
            let rank = (share * waits.len() as f64).ceil() as usize;
            let wait = waits.get(rank.saturating_sub(1)).copied().unwrap_or_default();
            wait.as_secs_f64() * 1e3
        };
        Self { samples: waits.len(), p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: at(1.0) }
    }

    /// The worse of two in each respect, to combine several processes: percentiles cannot be added.
    pub(super) fn worse(self, other: Self) -> Self {
        Self {
            samples: self.samples + other.samples,
            p50_ms: self.p50_ms.max(other.p50_ms),
            p99_ms: self.p99_ms.max(other.p99_ms),
            p999_ms: self.p999_ms.max(other.p999_ms),
            max_ms: self.max_ms.max(other.max_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_waits() {
        let waits = |number: u64| (1..=number).rev().map(Duration::from_millis).collect();
        let latency = Latency { samples: 1000, p50_ms: 500.0, p99_ms: 990.0, p999_ms: 999.0, max_ms: 1000.0 };
        assert_eq!(Latency::of(waits(1000)), latency);
        assert_eq!(Latency::of(waits(1)).p50_ms.to_bits(), 1f64.to_bits());
        assert_eq!(Latency::of(Vec::new()), Latency::default());
        assert_eq!(latency.worse(Latency::of(waits(3))).samples, 1003);
    }
}
