//! The kinds of values that settings take, and how each is read.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use listener::Networks;
use tracing_subscriber::EnvFilter;

use super::settings::{Form, Raw};
use super::url::mask;

/// The longest duration that a setting takes: ten years. It keeps every sum of times within range.
const MAX_DURATION: Duration = Duration::from_secs(3650 * 24 * 3600);

/// A type that a setting is read into.
pub trait Setting: Sized {
    /// The valid values, as the end of the sentence "it must be …".
    const WANTED: &'static str;

    /// Reads the value; `None` if it is not valid.
    fn read(raw: &Raw) -> Option<Self>;

    /// Describes the value that was found instead, without a secret.
    fn describe(raw: &Raw) -> String {
        match raw.form {
            Form::Text | Form::Variable => format!("\"{}\"", mask(&raw.text)),
            Form::Integer => format!("the number {}", raw.text),
            Form::Other(name) => name.to_owned(),
        }
    }
}

impl Raw {
    pub(super) fn as_text(&self) -> Option<&str> {
        matches!(self.form, Form::Text | Form::Variable).then_some(self.text.as_str())
    }

    fn as_number(&self) -> Option<u64> {
        matches!(self.form, Form::Integer | Form::Variable).then(|| self.text.parse().ok())?
    }
}

impl Setting for String {
    const WANTED: &'static str = "text";

    fn read(raw: &Raw) -> Option<Self> {
        raw.as_text().map(ToOwned::to_owned)
    }
}

impl Setting for u32 {
    const WANTED: &'static str = "a whole number of at least 1";

    fn read(raw: &Raw) -> Option<Self> {
        raw.as_number().and_then(|number| Self::try_from(number).ok()).filter(|&number| number > 0)
    }
}

impl Setting for Duration {
    const WANTED: &'static str =
        "a duration of more than nothing and at most ten years, like 500ms, 30s, 5m, 6h or 30d";

    fn read(raw: &Raw) -> Option<Self> {
        let mut rest = raw.as_text()?.trim();
        let mut sum = Self::ZERO;
        while !rest.is_empty() {
            let (number, unit, behind) = split_number(rest)?;
            let millis: u64 = match unit {
                "ms" => 1,
                "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            sum = sum.checked_add(Self::from_millis(number.checked_mul(millis)?))?;
            rest = behind;
        }
        (sum > Self::ZERO && sum <= MAX_DURATION).then_some(sum)
    }
}

/// Splits `90m30s` into 90, `m` and `30s`.
fn split_number(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = text.split_at(digits);
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, behind) = rest.split_at(letters);
    Some((number.parse().ok()?, unit, behind))
}

/// A number of bytes, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl Setting for ByteSize {
    const WANTED: &'static str = "a size like 512KiB, 64MiB or 4GiB, or a number of bytes";

    fn read(raw: &Raw) -> Option<Self> {
        raw.as_number().or_else(|| size(raw.as_text()?)).filter(|&bytes| bytes > 0).map(Self)
    }
}

/// A size that may be left empty, which means the one that suits.
impl Setting for Option<ByteSize> {
    const WANTED: &'static str = "a size like 512KiB, 64MiB or 4GiB, a number of bytes, or empty";

    fn read(raw: &Raw) -> Option<Self> {
        let is_empty = raw.as_text().is_some_and(|text| text.trim().is_empty());
        if is_empty { Some(None) } else { ByteSize::read(raw).map(Some) }
    }
}

fn size(text: &str) -> Option<u64> {
    let (number, unit, behind) = split_number(text.trim())?;
    let bytes: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    behind.is_empty().then(|| number.checked_mul(bytes))?
}

impl Setting for SocketAddr {
    const WANTED: &'static str = "an address with a port, like 127.0.0.1:8080 or [::]:8080";

    fn read(raw: &Raw) -> Option<Self> {
        raw.as_text()?.trim().parse().ok()
    }
}

impl Setting for Networks {
    const WANTED: &'static str = "addresses or networks like 10.0.0.0/8, with commas between, or empty";

    fn read(raw: &Raw) -> Option<Self> {
        raw.as_text()?.parse().ok()
    }
}

/// The address of an API, without a path's end: `https://api.refersion.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(pub String);

impl Setting for BaseUrl {
    const WANTED: &'static str = "an address like https://api.refersion.com, without /v2";

    fn read(raw: &Raw) -> Option<Self> {
        let text = raw.as_text()?.trim().trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let plain = !rest.is_empty() && !rest.starts_with([':', '/']) && !rest.contains(['@', '?', '#']);
        (plain && !rest.contains(char::is_whitespace) && !rest.ends_with("/v2"))
            .then(|| Self(text.to_owned()))
    }
}

/// The address under which others reach us; empty if it is the one on which we listen.
impl Setting for Option<BaseUrl> {
    const WANTED: &'static str = "an address like https://segment.example.com, or empty";

    fn read(raw: &Raw) -> Option<Self> {
        if raw.as_text()?.trim().is_empty() { Some(None) } else { BaseUrl::read(raw).map(Some) }
    }
}

/// A path that may be left empty, which means the usual place.
impl Setting for Option<PathBuf> {
    const WANTED: &'static str = "the path of a file, or empty";

    fn read(raw: &Raw) -> Option<Self> {
        let text = raw.as_text()?;
        Some((!text.is_empty()).then(|| PathBuf::from(text)))
    }
}

/// How much is logged: a level, or several by part; known to be well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLevel(pub String);

impl Setting for LogLevel {
    const WANTED: &'static str = "error, warn, info, debug or trace, also by part like \"info,worker=debug\"";

    fn read(raw: &Raw) -> Option<Self> {
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        let text = raw.as_text()?.trim();
        // A misspelt level would be taken for the name of a part, and nothing would be logged.
        let known = |part: &str| LEVELS.contains(&part.rsplit('=').next().unwrap_or(part).trim());
        let right = !text.is_empty() && text.split(',').all(known) && EnvFilter::try_new(text).is_ok();
        right.then(|| Self(text.to_owned()))
    }
}
