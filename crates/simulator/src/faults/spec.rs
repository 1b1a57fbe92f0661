//! The text form of faults, read and written.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Chance, Down, Faults, Kind, Latency, Limit};

/// Why a specification was not understood. Whoever wrote it mends the item that is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// No fault has that name.
    #[error(
        "unknown fault `{item}`: the known ones are latency, down, limit, credentials, account, {}",
        kinds()
    )]
    Unknown {
        /// The item as written.
        item: String,
    },
    /// The fault exists, its value does not.
    #[error("cannot read `{item}`: write it like `{example}`")]
    Malformed {
        /// The item as written.
        item: String,
        /// A right one.
        example: &'static str,
    },
    /// An item that may stand once stands twice.
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
    /// Reads a list like `latency=20ms..200ms,429=1%,down=30s@60s`; see [`Faults`] for every item.
    ///
    /// # Errors
    /// `FaultsError` names the first item that was not understood.
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
            "429-after" => (self.read_chance_and_time(Kind::TooManyAfter, value), "429-after=1%:2s"),
            "slow" => (self.read_chance_and_time(Kind::Slow, value), "slow=1%:12s"),
            _ => (self.read_chance(Kind::named(name).ok_or_else(unknown)?, value), "500=0.5%"),
        };
        read.ok_or_else(|| FaultsError::Malformed { item: item.to_owned(), example })
    }

    fn read_latency(&mut self, value: &str) -> Option<()> {
        let (least, most) = value.split_once("..").unwrap_or((value, value));
        let (least, most) = (duration(least)?, duration(most)?);
        self.latency = (least <= most).then_some(Latency { least, most })?;
        Some(())
    }

    fn read_down(&mut self, value: &str) -> Option<()> {
        let (lasts, begins) = value.split_once('@')?;
        self.down.push(Down { lasts: duration(lasts)?, begins: duration(begins)? });
        Some(())
    }

    fn read_limit(&mut self, value: &str) -> Option<()> {
        let (least, most) = value.split_once("..").unwrap_or((value, value));
        let (least, most) = (least.parse().ok()?, most.parse().ok()?);
        self.limit = (1 <= least && least <= most).then_some(Some(Limit { least, most }))?;
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

    fn read_chance_and_time(&mut self, kind: Kind, value: &str) -> Option<()> {
        let (chance, time) = value.split_once(':')?;
        let time = duration(time)?;
        if kind == Kind::Slow {
            self.slow_by = time;
        } else {
            self.retry_after = time;
        }
        self.read_chance(kind, chance)
    }

    fn read_chance(&mut self, kind: Kind, value: &str) -> Option<()> {
        self.chances.insert(kind, value.parse().ok()?);
        Some(())
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items = Vec::new();
        let Latency { least, most } = self.latency;
        match (least == most, most.is_zero()) {
            (_, true) => {}
            (true, _) => items.push(format!("latency={}", text(least))),
            (false, _) => items.push(format!("latency={}..{}", text(least), text(most))),
        }
        for (kind, chance) in &self.chances {
            items.push(match kind {
                Kind::Slow => format!("slow={chance}:{}", text(self.slow_by)),
                Kind::TooManyAfter => format!("429-after={chance}:{}", text(self.retry_after)),
                kind => format!("{}={chance}", kind.name()),
            });
        }
        items.extend(self.down.iter().map(|down| format!("down={}@{}", text(down.lasts), text(down.begins))));
        items.extend(self.limit.iter().map(|limit| format!("limit={}..{}", limit.least, limit.most)));
        items.extend(self.bad_credentials.then(|| "credentials=bad".to_owned()));
        items.extend(self.account.iter().map(|account| format!("account={account}")));
        f.write_str(&items.join(","))
    }
}

impl FromStr for Chance {
    type Err = ();

    /// A percentage like `1%` or `0.5%`, with at most four decimals.
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

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:04}", self.0 % 10_000);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}%", self.0 / 10_000),
            decimals => write!(f, "{}.{decimals}%", self.0 / 10_000),
        }
    }
}

/// Longer times make no sense in a test, and would overflow the clock when added up.
const LONGEST_MS: u64 = 365 * 24 * 60 * 60 * 1000;

const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A whole number of `ms`, `s`, `m` or `h`.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let ms = number.parse::<u64>().ok()?.checked_mul(factor)?;
    (ms <= LONGEST_MS).then(|| Duration::from_millis(ms))
}

/// In the greatest unit that gives a whole number; what is below a millisecond is left out.
fn text(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(LONGEST_MS);
    let fitting = UNITS.into_iter().find(|(_, factor)| ms > 0 && ms % factor == 0);
    let (unit, factor) = fitting.unwrap_or(("ms", 1));
    format!("{}{unit}", ms / factor)
}
