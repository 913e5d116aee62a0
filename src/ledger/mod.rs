//! What calls cost, and what makes them safe to repeat.
//!
//! * [`model`]: calls, charges and purchases as they are stored.
//! * [`prices`]: what is charged: known before, and by what came.
//! * [`day`]: days, by which spending is summed up and capped.

pub mod day;
pub mod model;
pub mod prices;

use std::time::Duration;

pub use day::Day;
pub use prices::Prices;

/// So long at least a call can be repeated under its id.
pub const REPEATABLE: Duration = Duration::from_secs(24 * 60 * 60);
