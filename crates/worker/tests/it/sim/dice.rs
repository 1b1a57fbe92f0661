//! Chance drawn from a seed. SplitMix64, written out, because a seed from a failure report has to replay after any
//! update of a dependency.

use std::sync::Arc;
use std::time::Duration;

use connections::Randomness;
use parking_lot::Mutex;

/// A stream of random numbers; clones draw from the same stream.
#[derive(Clone)]
pub(crate) struct Dice(Arc<Mutex<u64>>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    /// A separate stream, so that draws from it do not shift those of others.
    pub(crate) fn split(&self) -> Self {
        Self::new(self.next())
    }

    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, and without, `bound`.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True with this probability, in thousandths.
    pub(crate) fn per_mille(&self, chance: u64) -> bool {
        self.below(1000) < chance
    }

    /// A whole number of milliseconds from 0 up to, and without, `bound`.
    pub(crate) fn millis(&self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }

    pub(crate) fn pick<'t, T>(&self, among: &'t [T]) -> &'t T {
        let index = usize::try_from(self.below(among.len() as u64)).expect("an index is small");
        &among[index]
    }

    /// One of them, or none, with equal chances.
    pub(crate) fn maybe<T: Clone>(&self, among: &[T]) -> Option<T> {
        (self.below(2) == 0).then(|| self.pick(among).clone())
    }
}

impl Randomness for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.next().to_be_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }
}
