//! Times between which a step happened.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::compare::Mismatch;

/// From `begin`, and before `end`, in whole microseconds, as they are stored.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub begin: SystemTime,
    pub end: SystemTime,
}

impl Window {
    /// A time is in it.
    pub fn holds(self, what: &str, time: SystemTime) -> Result<(), Mismatch> {
        match (self.begin..self.end).contains(&time) {
            true => Ok(()),
            false => Err(format!("{what}: {time:?} is not in {self:?}")),
        }
    }
}

/// A time that is later than everything before, and not later than anything after.
pub fn tick() -> SystemTime {
    let now = micros();
    loop {
        let next = micros();
        if next > now {
            return UNIX_EPOCH + Duration::from_micros(next);
        }
        std::hint::spin_loop();
    }
}

fn micros() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since_1970.as_micros() as u64
}
