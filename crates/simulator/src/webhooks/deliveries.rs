//! How webhooks are delivered: values, and their form as text.

use std::fmt;
use std::time::Duration;

use crate::faults::{Latency, Probability, duration_of, duration_text};

/// How webhooks are delivered. `Deliveries::default()` is at once, each once, without retries; `parse` is the inverse of
/// `Display`.
///
/// A specification is a comma-separated list of items; an empty one is the default.
///
/// | item              | effect                                                                              |
/// | ----------------- | ----------------------------------------------------------------------------------- |
/// | `delay=0ms..5s`   | how long after the change a webhook is sent; those of a range overtake each other   |
/// | `twice=5%`        | it is sent twice, each time after a delay of its own                                |
/// | `lost=5%`         | it is never sent                                                                    |
/// | `retries=3:10s`   | a webhook without a 2xx is sent again at most 3 times, 10 s later each time         |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// Time between a change and its webhook.
    pub delay: Latency,
    /// Probability that a webhook is sent twice.
    pub twice: Probability,
    /// Probability that a webhook is never sent.
    pub lost: Probability,
    /// Retries of webhooks that are not answered 2xx. Refersion documents no retries, so the default is none.
    pub retries: Option<Retries>,
}

/// Further attempts of a webhook that was not answered 2xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Upper limit of attempts after the first.
    pub most: u32,
    /// Wait before each.
    pub wait: Duration,
}

/// A specification that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot read `{item}`: there are delay=0ms..5s, twice=5%, lost=5% and retries=3:10s, with commas between"
)]
pub struct DeliveriesError {
    /// The item as written.
    item: String,
}

impl Deliveries {
    /// Parses a list like `delay=0ms..5s,lost=5%`; see [`Deliveries`] for every item. If an item is given twice, the last one
    /// counts.
    ///
    /// # Errors
    ///
    /// [`DeliveriesError`] for the first invalid item.
    pub fn parse(text: &str) -> Result<Self, DeliveriesError> {
        let mut deliveries = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            deliveries.read(item).ok_or_else(|| DeliveriesError { item: item.to_owned() })?;
        }
        Ok(deliveries)
    }

    fn read(&mut self, item: &str) -> Option<()> {
        let (name, value) = item.split_once('=')?;
        match (name.trim(), value.trim()) {
            ("delay", value) => {
                let (min, max) = value.split_once("..").unwrap_or((value, value));
                let (min, max) = (duration_of(min)?, duration_of(max)?);
                self.delay = (min <= max).then_some(Latency { min, max })?;
            }
            ("twice", value) => self.twice = value.parse().ok()?,
            ("lost", value) => self.lost = value.parse().ok()?,
            ("retries", value) => {
                let (most, wait) = value.split_once(':')?;
                self.retries = Some(Retries { most: most.trim().parse().ok()?, wait: duration_of(wait)? });
            }
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { min, max } = self.delay;
        let none = Probability::default();
        let mut items = Vec::new();
        items.extend(
            (!max.is_zero()).then(|| format!("delay={}..{}", duration_text(min), duration_text(max))),
        );
        items.extend((self.twice != none).then(|| format!("twice={}", self.twice)));
        items.extend((self.lost != none).then(|| format!("lost={}", self.lost)));
        items.extend(
            self.retries.map(|Retries { most, wait }| format!("retries={most}:{}", duration_text(wait))),
        );
        f.write_str(&items.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_is_read_as_it_is_written() {
        for text in ["", "delay=1s..5s,twice=5%,lost=0.5%,retries=3:10s", "delay=0ms..5s"] {
            assert_eq!(Deliveries::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Deliveries::parse("delay=2s").unwrap().to_string(), "delay=2s..2s");
        for wrong in ["delay=5s..1s", "twice=2", "retries=3", "late=1%", "lost"] {
            assert!(Deliveries::parse(wrong).unwrap_err().to_string().contains(&format!("`{wrong}`")));
        }
    }
}
