//! What calls cost, and what makes them safe to repeat.
//!
//! * [`model`]: calls, charges and purchases as they are stored.
//! * [`request`]: what makes a request safe to repeat, and [`flights`]: equal requests
//!   that are under way at once.
//! * [`people`]: by what somebody is known again.
//! * [`prices`]: what is charged: known before, and by what came.
//! * [`budgets`]: what may be spent.
//! * [`day`]: days, by which spending is summed up and capped.

pub mod budgets;
pub mod day;
pub mod flights;
pub mod model;
pub mod people;
pub mod prices;
pub mod request;

use std::time::Duration;

pub use budgets::{Budgets, Refusal};
pub use day::Day;
pub use flights::Flights;
pub use prices::Prices;

/// So long at least a call can be repeated under its id.
pub const REPEATABLE: Duration = Duration::from_secs(24 * 60 * 60);
