//! Fault specifications: parsing and formatting.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Faults, Kind, Latency, Limit, Outage, Probability};

/// A specification that cannot be parsed. The error names the item to correct.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// No fault has this name.
    #[error(
        "unknown fault `{item}`: the known ones are latency, down, limit, credentials, account, operation, {}",
        kinds()
    )]
    Unknown {
        /// The item as written.
        item: String,
    },
    /// The fault exists; its value is invalid.
    #[error("cannot read `{item}`: write it like `{example}`")]
    Malformed {
        /// The item as written.
        item: String,
        /// A valid item.
        example: &'static str,
    },
    /// An item that must not be repeated occurs twice.
    #[error("`{name}` is given twice: give it once")]
    Repeated {
        /// The name of the item.
        name: String,
    },
}

fn kinds() -> String {
    Kind::ALL.map(Kind::name).join(", ")
}

impl Faults {
    /// Parses a list like `latency=20ms..200ms,429=1%,down=30s@60s`; see [`Faults`] for every item.
    ///
    /// # Errors
    /// [`FaultsError`] for the first invalid item.
    pub fn parse(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::default();
        let mut seen = BTreeSet::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let name = item.split_once('=').map_or(item, |(name, _)| name).trim();
            if name != "down" && !seen.insert(name) {
                return Err(FaultsError::Repeated { name: name.to_owned() });
            }
            faults.read_item(item)?;
        }
        Ok(faults)
    }

    fn read_item(&mut self, item: &str) -> Result<(), FaultsError> {
        let unknown = || FaultsError::Unknown { item: item.to_owned() };
        let (name, value) = item.split_once('=').ok_or_else(unknown)?;
        let (name, value) = (name.trim(), value.trim());
        let (read, example) = match name {
            "latency" => (self.read_latency(value), "latency=20ms..200ms"),
            "down" => (self.read_down(value), "down=30s@60s"),
            "limit" => (self.read_limit(value), "limit=50..200"),
            "credentials" => (self.read_credentials(value), "credentials=bad"),
            "account" => (self.read_account(value), "account=pub_1"),
            "operation" => (self.read_operation(value), "operation=affiliate/new"),
            "late" => (self.read_probability_and_time(Kind::Late, value), "late=1%:12s"),
            "429-after" => (self.read_probability_and_time(Kind::TooManyAfter, value), "429-after=1%:2s"),
            "slow" => (self.read_probability_and_time(Kind::Slow, value), "slow=1%:12s"),
            _ => (self.read_probability(Kind::named(name).ok_or_else(unknown)?, value), "500=0.5%"),
        };
        read.ok_or_else(|| FaultsError::Malformed { item: item.to_owned(), example })
    }

    fn read_latency(&mut self, value: &str) -> Option<()> {
        let (min, max) = value.split_once("..").unwrap_or((value, value));
        let (min, max) = (duration(min)?, duration(max)?);
        self.latency = (min <= max).then_some(Latency { min, max })?;
        Some(())
    }

    fn read_down(&mut self, value: &str) -> Option<()> {
        let (length, start) = value.split_once('@')?;
        self.outages.push(Outage { duration: duration(length)?, start: duration(start)? });
        Some(())
    }

    fn read_limit(&mut self, value: &str) -> Option<()> {
        let (min, max) = value.split_once("..").unwrap_or((value, value));
        let (min, max) = (min.parse().ok()?, max.parse().ok()?);
        self.limit = (1 <= min && min <= max).then_some(Some(Limit { min, max }))?;
        Some(())
    }

    fn read_credentials(&mut self, value: &str) -> Option<()> {
        self.bad_credentials = match value {
            "bad" => true,
            "good" => false,
            _ => return None,
        };
        Some(())
    }

    fn read_account(&mut self, value: &str) -> Option<()> {
        self.account = (!value.is_empty()).then(|| Some(value.to_owned()))?;
        Some(())
    }

    fn read_operation(&mut self, value: &str) -> Option<()> {
        self.operation = (!value.is_empty()).then(|| Some(value.to_owned()))?;
        Some(())
    }

    fn read_probability_and_time(&mut self, kind: Kind, value: &str) -> Option<()> {
        let (probability, time) = value.split_once(':')?;
        let time = duration(time)?;
        match kind {
            Kind::Slow => self.slow_by = time,
            Kind::Late => self.late_by = time,
            _ => self.retry_after = time,
        }
        self.read_probability(kind, probability)
    }

    fn read_probability(&mut self, kind: Kind, value: &str) -> Option<()> {
        self.probabilities.insert(kind, value.parse().ok()?);
        Some(())
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items = Vec::new();
        let Latency { min, max } = self.latency;
        match (min == max, max.is_zero()) {
            (_, true) => {}
            (true, _) => items.push(format!("latency={}", text(min))),
            (false, _) => items.push(format!("latency={}..{}", text(min), text(max))),
        }
        for (kind, probability) in &self.probabilities {
            items.push(match kind {
                Kind::Slow => format!("slow={probability}:{}", text(self.slow_by)),
                Kind::Late => format!("late={probability}:{}", text(self.late_by)),
                Kind::TooManyAfter => format!("429-after={probability}:{}", text(self.retry_after)),
                kind => format!("{}={probability}", kind.name()),
            });
        }
        let outage = |it: &Outage| format!("down={}@{}", text(it.duration), text(it.start));
        items.extend(self.outages.iter().map(outage));
        items.extend(self.limit.iter().map(|limit| format!("limit={}..{}", limit.min, limit.max)));
        items.extend(self.bad_credentials.then(|| "credentials=bad".to_owned()));
        items.extend(self.account.iter().map(|account| format!("account={account}")));
        items.extend(self.operation.iter().map(|operation| format!("operation={operation}")));
        f.write_str(&items.join(","))
    }
}

impl FromStr for Probability {
    type Err = ();

    /// Parses a percentage like `1%` or `0.5%`, with at most four decimals.
    fn from_str(text: &str) -> Result<Self, ()> {
        let percent = text.trim().strip_suffix('%').ok_or(())?;
        let (whole, decimals) = percent.split_once('.').unwrap_or((percent, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || whole.len() > 3 || decimals.len() > 4 {
            return Err(());
        }
        let decimals: u32 = format!("{decimals:0<4}").parse().map_err(drop)?;
        let millionths = whole.parse::<u32>().map_err(drop)? * 10_000 + decimals;
        if millionths > Self::ONE.0 { Err(()) } else { Ok(Self(millionths)) }
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:04}", self.0 % 10_000);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}%", self.0 / 10_000),
            decimals => write!(f, "{}.{decimals}%", self.0 / 10_000),
        }
    }
}

/// Maximum duration. Longer ones are useless in tests and would overflow the clock when added up.
const MAX_MS: u64 = 365 * 24 * 60 * 60 * 1000;

const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Parses a whole number of `ms`, `s`, `m` or `h`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let ms = number.parse::<u64>().ok()?.checked_mul(factor)?;
    (ms <= MAX_MS).then(|| Duration::from_millis(ms))
}

/// Formats a duration in the largest unit that gives a whole number, without fractions of a millisecond.
pub(crate) fn text(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(MAX_MS);
    let largest = UNITS.into_iter().find(|(_, factor)| ms > 0 && ms % factor == 0);
    let (unit, factor) = largest.unwrap_or(("ms", 1));
    format!("{}{unit}", ms / factor)
}
