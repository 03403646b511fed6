//! A small generator of random numbers that gives the same ones everywhere (splitmix64).

/// The state of the generator.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; the same seed gives the same numbers.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = end as u64;
        usize::try_from(self.bits() % end).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i16, high: i16) -> i16 {
        let count = usize::from(high.abs_diff(low)) + 1;
        low.wrapping_add_unsigned(u16::try_from(self.below(count)).unwrap_or(0))
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`, which are not none.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A number that is worth trying: an edge value, one beside it, a few bits, or any.
    pub fn value(&mut self) -> u64 {
        match self.below(4) {
            0 => self.pick(&EDGES),
            1 => self.pick(&EDGES).wrapping_add(self.bits() % 5).wrapping_sub(2),
            2 => self.bits() >> self.below(64),
            _ => self.bits(),
        }
    }

    /// The same for immediates.
    pub fn imm(&mut self) -> i32 {
        let b = self.value().to_le_bytes();
        i32::from_le_bytes([b[0], b[1], b[2], b[3]])
    }
}

/// Values at which arithmetic changes its ways.
pub const EDGES: [u64; 22] = [
    0,
    1,
    2,
    u64::MAX,
    u64::MAX - 1,
    i64::MIN.cast_unsigned(),
    i64::MIN.cast_unsigned() + 1,
    i64::MAX.cast_unsigned(),
    0xffff_ffff,
    0x8000_0000,
    0x7fff_ffff,
    0xffff_ffff_8000_0000,
    0x1_0000_0000,
    0x80,
    0xff,
    0x8000,
    0xffff,
    31,
    32,
    63,
    64,
    0x0123_4567_89ab_cdef,
];
