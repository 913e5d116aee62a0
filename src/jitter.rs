//! Times that differ a little, so that what began together does not end together.

use std::time::Duration;

/// A time that is up to a tenth shorter or longer.
#[must_use]
pub fn about(time: Duration) -> Duration {
    time.mul_f64(0.9 + 0.2 * fastrand::f64())
}

/// Any time up to this one.
#[must_use]
pub fn up_to(time: Duration) -> Duration {
    time.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_an_hour_is_an_hour_give_or_take_a_tenth() {
        let hour = Duration::from_secs(3600);
        let times: Vec<_> = (0..1000).map(|_| about(hour)).collect();
        let (least, most) = (times.iter().min(), times.iter().max());
        assert!(least >= Some(&(hour * 9 / 10)) && most <= Some(&(hour * 11 / 10)));
        assert!(least < Some(&(hour * 19 / 20)) && most > Some(&(hour * 21 / 20)));
    }
}
