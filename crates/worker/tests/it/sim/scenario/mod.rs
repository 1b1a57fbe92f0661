//! The scenario of a seed: mostly random events, now and then one that chance alone would seldom produce.

mod late_settings;
mod live_during_sync;
mod neighbours;
mod no_faults;
mod payouts;
mod placeholders;
mod tablets;
mod takeover;

use super::dice::Dice;
use super::harness::{Harness, Population};
use super::processes::Processes;
use super::script::{self, Accepted};

/// The kinds of scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Events, faults and operators, all by chance.
    Random,
    /// A worker is frozen until another one has its lease, and then goes on.
    Takeover,
    /// Live events while an audience is synced.
    LiveDuringSync,
    /// One connection is in trouble, and its neighbour is not.
    Neighbours,
    /// No fault at all, and every call is counted.
    NoFaults,
    /// Settings change while slow batches are folded.
    LateSettings,
    /// A shop's tablets: a few anonymousIds that all visitors share.
    Tablets,
    /// Strangers state the addresses of others, and payouts of their own.
    Payouts,
    /// Everybody meets at a placeholder address, at a tablet and under one userId.
    Placeholders,
}

/// The result of a scenario.
pub(crate) struct ScenarioResult {
    pub(crate) accepted: Vec<Accepted>,
    /// Broken promises that the scenario observed.
    pub(crate) wrong: Vec<String>,
}

impl Scenario {
    /// The scenario of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        match seed % 50 {
            7 | 18 | 32 | 43 => Self::Takeover,
            11 => Self::LiveDuringSync,
            22 | 35 => Self::Neighbours,
            29 => Self::NoFaults,
            39 => Self::LateSettings,
            46 => Self::Tablets,
            15 => Self::Payouts,
            3 | 26 | 41 => Self::Placeholders,
            _ => Self::Random,
        }
    }

    pub(crate) fn population(self) -> Population {
        match self {
            Self::Random | Self::Takeover => Population::Any,
            Self::LiveDuringSync | Self::NoFaults | Self::LateSettings | Self::Tablets | Self::Payouts => {
                Population::Plain(1)
            }
            Self::Neighbours => Population::Plain(2),
            Self::Placeholders => Population::SharedIdentifiers,
        }
    }

    pub(crate) fn workers(self, dice: &Dice) -> u64 {
        match self {
            Self::Random | Self::Placeholders => 1 + dice.below(3),
            Self::Takeover => 2 + dice.below(2),
            Self::Tablets => 1,
            Self::LiveDuringSync | Self::Neighbours | Self::NoFaults | Self::LateSettings | Self::Payouts => {
                1 + dice.below(2)
            }
        }
    }

    /// Runs it, up to the moment when all faults end.
    pub(crate) async fn run(self, harness: &mut Harness, processes: &mut Processes) -> ScenarioResult {
        match self {
            Self::Random => {
                ScenarioResult { accepted: script::run(harness, processes).await, wrong: Vec::new() }
            }
            Self::Takeover => {
                ScenarioResult { accepted: takeover::run(harness, processes).await, wrong: Vec::new() }
            }
            Self::Placeholders => {
                ScenarioResult { accepted: placeholders::run(harness, processes).await, wrong: Vec::new() }
            }
            Self::LiveDuringSync => live_during_sync::run(harness).await,
            Self::Neighbours => neighbours::run(harness).await,
            Self::NoFaults => no_faults::run(harness).await,
            Self::Tablets => tablets::run(harness).await,
            Self::Payouts => payouts::run(harness).await,
            Self::LateSettings => {
                ScenarioResult { accepted: late_settings::run(harness).await, wrong: Vec::new() }
            }
        }
    }
}
