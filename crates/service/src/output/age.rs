//! Times as people read them at a glance; the exact time is in JSON.

use jiff::Timestamp;

/// How long ago a time was: `12 s`, `3 min`, `5 h` or `9 d`. A time to come counts as now.
#[must_use]
pub fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6_000 => format!("{} min", seconds / 60),
        6_000..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_number_and_one_unit() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (seconds, expected) in [
            (-5, "0 s"),
            (0, "0 s"),
            (99, "99 s"),
            (100, "1 min"),
            (5_999, "99 min"),
            (6_000, "1 h"),
            (172_800, "2 d"),
        ] {
            let at = Timestamp::from_second(1_800_000_000 - seconds).unwrap();
            assert_eq!(age(at, now), expected);
        }
    }
}
