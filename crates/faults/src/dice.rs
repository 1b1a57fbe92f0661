//! Chance drawn from a seed. SplitMix64, written out, so that a seed gives the same messages after any update.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A separate stream for `name`, so that its draws do not shift those of other streams.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        let mut other = Self(self.0 ^ 0x5851_f42d_4c95_7f2d);
        for byte in name.bytes() {
            other.0 ^= u64::from(byte);
            other.draw();
        }
        other
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.draw() % (most - least + 1)
    }

    /// True with this probability, in percent.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.between(1, 100) <= chance
    }

    /// An index of a list of this length, which is not 0.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.draw() % length as u64).expect("it is less than a length")
    }

    /// One of them.
    pub fn pick<'t, T>(&mut self, among: &'t [T]) -> &'t T {
        &among[self.index(among.len())]
    }
}
