//! What a proof says at its end.

use std::fmt::{Display, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Figures, and the promises that were broken.
#[derive(Default)]
pub struct Report {
    figures: String,
    broken: Vec<String>,
}

impl Report {
    /// Adds a figure.
    pub fn figure(&mut self, name: &str, value: impl Display) {
        write!(self.figures, " {name}={value}").unwrap();
    }

    /// Adds a figure that must be zero.
    pub fn zero(&mut self, name: &str, value: usize) {
        self.figure(name, value);
        self.hold(value == 0, || format!("{name} must be 0, is {value}"));
    }

    /// Notes that a promise is broken, unless it holds.
    pub fn hold(&mut self, holds: bool, promise: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(promise());
        }
    }

    /// Prints what was broken, and the figures as the last line.
    pub fn print(self, name: &str) -> ExitCode {
        const SHOWN: usize = 20;
        for broken in self.broken.iter().take(SHOWN) {
            eprintln!("BROKEN: {broken}");
        }
        if self.broken.len() > SHOWN {
            eprintln!("BROKEN: and {} more", self.broken.len() - SHOWN);
        }
        println!("{name}{}", self.figures);
        match self.broken.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

/// Milliseconds with one decimal.
pub fn ms(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}

/// The value below which a share of the values lies.
pub fn quantile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let index = ((values.len() as f64 - 1.0) * share).round() as usize;
    values.get(index).copied().unwrap_or_default()
}
