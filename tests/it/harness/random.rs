//! Random cases: the same in each run, so that a test fails because of a change and
//! not because of luck. `PROPTEST_RNG_SEED` asks for others; `scripts/proof model --long`
//! looks for more.

use proptest::test_runner::{Config, RngSeed};

/// What a run begins with when nobody says.
const SEED: u64 = 1;

/// So many cases.
pub fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed()),
        ..Config::default()
    }
}

/// The one case that has this number, whichever thread it runs on.
pub fn case(number: u32) -> Config {
    Config {
        rng_seed: RngSeed::Fixed(seed().wrapping_add(number.into())),
        ..cases(1)
    }
}

/// What a run begins with.
pub fn seed() -> u64 {
    match Config::default().rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => SEED,
    }
}
