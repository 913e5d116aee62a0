//! Days of UTC, by which spending is summed up and capped.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost_types::Timestamp;

const SECONDS: i64 = 24 * 60 * 60;

/// A day of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

impl Day {
    /// The day of a time.
    #[must_use]
    pub fn of(time: SystemTime) -> Self {
        Self(Timestamp::from(time).seconds.div_euclid(SECONDS))
    }

    /// Today.
    #[must_use]
    pub fn today() -> Self {
        Self::of(SystemTime::now())
    }

    /// The day with a number.
    #[must_use]
    pub fn from_number(days_since_1970: i64) -> Self {
        Self(days_since_1970)
    }

    /// Days since 1970.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// When the day after it begins.
    #[must_use]
    pub fn end(self) -> SystemTime {
        let seconds = (self.0 + 1).saturating_mul(SECONDS);
        UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or_default())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = Timestamp {
            seconds: self.0.saturating_mul(SECONDS),
            nanos: 0,
        };
        let text = midnight.to_string();
        f.write_str(text.split('T').next().unwrap_or_default())
    }
}

/// A text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2026-11-21")]
pub struct NoDay;

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let midnight: Timestamp = format!("{text}T00:00:00Z").parse().map_err(|_| NoDay)?;
        let day = Self(midnight.seconds.div_euclid(SECONDS));
        // Other spellings of a time may have passed.
        if day.to_string() == text {
            Ok(day)
        } else {
            Err(NoDay)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_and_read() {
        for text in ["1970-01-01", "2026-11-21", "2028-02-29"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        assert_eq!(Day::of(UNIX_EPOCH).number(), 0);
        assert_eq!(
            Day::from_number(0).end(),
            UNIX_EPOCH + Duration::from_secs(86_400)
        );
    }

    #[test]
    fn other_texts_are_no_days() {
        for text in [
            "",
            "2026-11-31",
            "2026-11",
            "21.11.2026",
            "2026-11-21T00",
            "2026-1-1",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NoDay), "{text}");
        }
    }
}
