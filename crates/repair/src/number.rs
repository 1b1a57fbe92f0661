//! Compares JSON numbers of any length by their values.

/// Whether two numbers are equal: `1`, `1.0` and `10e-1` are. Other texts are equal if they are written alike.
pub(crate) fn is_same_number(one: &str, other: &str) -> bool {
    match (Decimal::of(one), Decimal::of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// A number as `0.digits × 10^exponent`. The digits neither begin nor end with 0; zero has none.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// `None` if the text is not a JSON number, or its exponent does not fit into 64 bits.
    fn of(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = all.trim_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, exponent: 0 });
        }
        let shift = i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(leading).ok()?)?;
        let exponent = exponent.parse::<i64>().ok()?.checked_add(shift)?;
        Some(Self { is_negative: text.starts_with('-'), digits, exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::is_same_number;

    #[test]
    fn numbers_are_compared_by_value() {
        for (one, other) in [
            ("1", "1.0"),
            ("10e-1", "1"),
            ("0", "-0.00e7"),
            ("123456789012345678901", "1.23456789012345678901E+20"),
            ("1e400", "10e399"),
        ] {
            assert!(is_same_number(one, other), "{one} {other}");
        }
    }

    #[test]
    fn digits_beyond_a_double_are_compared() {
        for (one, other) in [
            ("123456789012345678901", "123456789012345678902"),
            ("0.1", "0.10000000000000000001"),
            ("1", "-1"),
            ("1e400", "1e401"),
            ("true", "1"),
            ("null", "0"),
        ] {
            assert!(!is_same_number(one, other), "{one} {other}");
        }
    }
}
