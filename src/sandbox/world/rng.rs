//! Deterministic numbers: the same seed gives the same world.

/// The SplitMix64 generator.
#[derive(Clone, Debug)]
pub struct Rng(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Rng {
    /// A generator for one thing (`salt`) of a world (`seed`).
    #[must_use]
    pub fn new(seed: u64, salt: u64) -> Self {
        Self(scramble(seed ^ scramble(salt.wrapping_add(GAMMA))))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        scramble(self.0)
    }

    /// A number from 0 to `end` exclusive; 0 when `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        // The modulo's bias is far below anything a fake world shows.
        (self.bits() % (end.max(1) as u64)) as usize
    }

    /// A number from `start` to `end`, both inclusive.
    pub fn between(&mut self, start: u32, end: u32) -> u32 {
        start + self.below((end.saturating_sub(start) + 1) as usize) as u32
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items; the first where there is no choice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A number for a text, the same in every run.
#[must_use]
pub fn hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    scramble(fnv)
}
