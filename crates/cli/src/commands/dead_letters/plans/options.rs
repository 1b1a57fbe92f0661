//! A rate and a share, as they are written on the command line.

use std::str::FromStr;

/// Calls a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate(pub(super) f64);

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, seconds) = match text.split_once('/') {
            None | Some((_, "s")) => (text.trim_end_matches("/s"), 1.0),
            Some((number, "m")) => (number, 60.0),
            Some((number, "h")) => (number, 3_600.0),
            Some(_) => return Err(RATE),
        };
        let number: f64 = number.parse().map_err(|_| RATE)?;
        if number.is_finite() && number > 0.0 { Ok(Self(number / seconds)) } else { Err(RATE) }
    }
}

const RATE: &str = "this is no rate: write it as 5/s, 100/m or 1000/h";

/// A share from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share(pub(super) f64);

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, of) = match text.strip_suffix('%') {
            Some(number) => (number, 100.0),
            None => (text, 1.0),
        };
        let share = number.trim().parse::<f64>().map_err(|_| SHARE)? / of;
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(SHARE) }
    }
}

const SHARE: &str = "this is no share: write it as 20% or 0.2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_shares_are_read() {
        let rate = |text: &str| text.parse::<Rate>().map(|rate| rate.0);
        assert_eq!(
            (rate("5/s"), rate("5"), rate("120/m"), rate("1800/h")),
            (Ok(5.0), Ok(5.0), Ok(2.0), Ok(0.5))
        );
        for bad in ["", "5/d", "0/s", "-1", "inf", "NaN", "five"] {
            assert_eq!(rate(bad), Err(RATE), "{bad}");
        }
        let share = |text: &str| text.parse::<Share>().map(|share| share.0);
        assert_eq!(
            (share("20%"), share("0.2"), share("0"), share("100%")),
            (Ok(0.2), Ok(0.2), Ok(0.0), Ok(1.0))
        );
        for bad in ["", "%", "20", "-1%", "101%", "NaN"] {
            assert_eq!(share(bad), Err(SHARE), "{bad}");
        }
    }
}
