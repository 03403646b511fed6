//! A crate of which a program has two versions: the second one is built with `--cfg second`.

#[cfg(not(second))]
pub struct Config {
    pub size: u32,
    pub name: Option<&'static str>,
}

#[cfg(second)]
pub struct Config {
    pub name: Option<u8>,
    pub size: u64,
    pub more: [u16; 3],
}

#[cfg(not(second))]
pub enum Choice {
    One(u32),
    Two,
}

#[cfg(second)]
pub enum Choice {
    One(u8),
    Three { size: u64 },
}

/// The same in both.
pub struct Alike {
    pub a: u8,
    pub config: *const Config,
}

#[inline(never)]
pub fn size(config: &Config, choice: Choice, alike: &Alike) -> u64 {
    let choice = match choice {
        Choice::One(x) => u64::from(x),
        #[cfg(not(second))]
        Choice::Two => 2,
        #[cfg(second)]
        Choice::Three { size } => size,
    };
    u64::from(config.size) + choice + u64::from(alike.a)
}

pub fn generic<T: Copy + Into<u64>>(value: T) -> u64 {
    #[inline(never)]
    fn inner<T: Copy + Into<u64>>(value: &Option<T>) -> u64 {
        value.map_or(0, Into::into)
    }
    inner(&Some(value))
}
