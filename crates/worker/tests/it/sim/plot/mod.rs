//! What a seed tells: mostly anything, now and then one of a few plots that chance alone would seldom bring about.

mod crowd;
mod late_settings;
mod neighbours;
mod payouts;
mod placeholders;
mod quiet;
mod tablets;
mod takeover;

use super::crew::Crew;
use super::dice::Dice;
use super::script::{self, Accepted};
use super::stage::{Cast, Stage};

/// A kind of story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plot {
    /// Events, weather, trouble and operators, all by chance.
    Anything,
    /// A worker stands still until another one has its lease, and goes on.
    Takeover,
    /// Live events while an audience is synced.
    Crowd,
    /// One connection is in trouble, and its neighbour is not.
    Neighbours,
    /// No fault at all, and every call is counted.
    Quiet,
    /// Settings change while slow batches are folded.
    LateSettings,
    /// A shop's tablets: a few anonymousIds that everybody shares.
    Tablets,
    /// Strangers state the addresses of others, and payouts of their own.
    Payouts,
    /// Everybody meets at a placeholder address, at a tablet and under one userId.
    Placeholders,
}

/// What was told.
pub(crate) struct Told {
    pub(crate) accepted: Vec<Accepted>,
    /// What was seen on the way that must not be.
    pub(crate) wrong: Vec<String>,
}

impl Plot {
    /// The plot of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        match seed % 50 {
            7 | 18 | 32 | 43 => Self::Takeover,
            11 => Self::Crowd,
            22 | 35 => Self::Neighbours,
            29 => Self::Quiet,
            39 => Self::LateSettings,
            46 => Self::Tablets,
            15 => Self::Payouts,
            3 | 26 | 41 => Self::Placeholders,
            _ => Self::Anything,
        }
    }

    pub(crate) fn cast(self) -> Cast {
        match self {
            Self::Anything | Self::Takeover => Cast::Anybody,
            Self::Crowd | Self::Quiet | Self::LateSettings | Self::Tablets | Self::Payouts => Cast::Plain(1),
            Self::Neighbours => Cast::Plain(2),
            Self::Placeholders => Cast::Meeting,
        }
    }

    pub(crate) fn workers(self, dice: &Dice) -> u64 {
        match self {
            Self::Anything | Self::Placeholders => 1 + dice.below(3),
            Self::Takeover => 2 + dice.below(2),
            Self::Tablets => 1,
            Self::Crowd | Self::Neighbours | Self::Quiet | Self::LateSettings | Self::Payouts => {
                1 + dice.below(2)
            }
        }
    }

    /// Plays it, up to the moment when all faults are to end.
    pub(crate) async fn play(self, stage: &mut Stage, crew: &mut Crew) -> Told {
        match self {
            Self::Anything => Told { accepted: script::play(stage, crew).await, wrong: Vec::new() },
            Self::Takeover => Told { accepted: takeover::play(stage, crew).await, wrong: Vec::new() },
            Self::Placeholders => Told { accepted: placeholders::play(stage, crew).await, wrong: Vec::new() },
            Self::Crowd => crowd::play(stage).await,
            Self::Neighbours => neighbours::play(stage).await,
            Self::Quiet => quiet::play(stage).await,
            Self::Tablets => tablets::play(stage).await,
            Self::Payouts => payouts::play(stage).await,
            Self::LateSettings => Told { accepted: late_settings::play(stage).await, wrong: Vec::new() },
        }
    }
}
