//! Random numbers that a seed determines: the same seed and the same calls give the same simulator.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use crate::faults::Probability;

/// A reproducible random number generator. Not fit for secrets.
///
/// xoshiro256++ gives the same numbers on every platform; `rand` guarantees it for this generator by name.
#[derive(Debug, Clone)]
pub(crate) struct RandomSource(Xoshiro256PlusPlus);

impl RandomSource {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A separate stream for each name, so that the calls of one account never change the codes of another.
    pub(crate) fn for_name(seed: u64, name: &str) -> Self {
        // FNV-1a: the standard library's hasher may change between releases.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Self::new(seed ^ hash)
    }

    /// A new source that this one determines.
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.0.next_u64())
    }

    /// A number from 0 to `bound`, exclusive; 0 if the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.random_range(0..bound) }
    }

    /// A number from `low` to `high`, both inclusive; `low` if `high` is not greater.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..=high.max(low))
    }

    pub(crate) fn flip(&mut self) -> bool {
        self.0.random()
    }

    /// Whether an event of this probability occurs.
    pub(crate) fn occurs(&mut self, probability: Probability) -> bool {
        self.below(Probability::ONE.as_per_million().into()) < probability.as_per_million().into()
    }
}
