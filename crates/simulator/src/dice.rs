//! Chance drawn from a seed: the same seed gives the same Refersion for ever.
//!
//! This is SplitMix64 (Steele, Lea, Flood 2014), written out because a seed from a failure report has to replay
//! after any update of a dependency. It is not fit for secrets.

use crate::faults::Chance;

/// A stream of random numbers that its seed determines.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for each name, so that what one account does never changes another's codes.
    pub(crate) fn named(seed: u64, name: &str) -> Self {
        // FNV-1a, since the standard library's hasher may change between releases.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Self(seed ^ hash)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, and without, `bound`; 0 where the bound is 0. The bias is below one in 2^32 for the
    /// bounds in use here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    pub(crate) fn hits(&mut self, chance: Chance) -> bool {
        self.below(u64::from(Chance::ONE.per_million())) < u64::from(chance.per_million())
    }
}
