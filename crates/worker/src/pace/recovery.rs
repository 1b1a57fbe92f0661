//! The way back after the API was unwell: what was lowered because calls went badly says nothing of a limit, so it is taken back
//! as soon as they go well, each answer by some more. From the last rate at which all was well on, growth is as careful as ever.

/// Answers in a row, all good, after which the API counts as well again.
const IN_A_ROW: u32 = 5;
/// By so many calls a second each further answer raises the rate: it doubles in two seconds while there is enough to do.
const RISES_BY: f64 = 0.35;
/// What is left of a rate at which calls went well and that is not the ceiling: growth may have come close to a limit.
const LEFT: f64 = 0.9;
/// So many good answers between two times of trouble show that the rate was to blame for the second.
const WELL_BETWEEN: u32 = 20;

/// Where the rate was before the trouble, and what was answered since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recovery {
    to: Option<f64>,
    in_a_row: u32,
    well: u32,
}

impl Recovery {
    /// The rate is about to be lowered from `rate`, because calls went badly.
    pub(super) fn falls_from(&mut self, rate: f64, ceiling: f64) {
        let safe = if rate >= ceiling { ceiling } else { rate * LEFT };
        self.to = match self.to {
            Some(to) if self.well < WELL_BETWEEN => Some(to),
            Some(to) => Some(to.min(safe)),
            None => Some(safe),
        };
        (self.in_a_row, self.well) = (0, 0);
    }

    /// Something else than bad answers limits the rate: there is no way back but careful growth.
    pub(super) fn ends(&mut self) {
        *self = Self::default();
    }

    /// A call went badly.
    pub(super) fn badly(&mut self) {
        self.in_a_row = 0;
    }

    /// A call went well at this rate. Returns the rate from now on, if it rises by that.
    pub(super) fn well(&mut self, rate: f64) -> Option<f64> {
        let to = self.to?;
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.well = self.well.saturating_add(1);
        if rate >= to {
            self.ends();
            return None;
        }
        (self.in_a_row >= IN_A_ROW).then(|| (rate + RISES_BY).min(to))
    }

    /// The rate that the API bears when it is well, as far as is known.
    pub(super) fn bears(&self, rate: f64) -> f64 {
        self.to.map_or(rate, |to| to.max(rate))
    }

    pub(super) fn set_ceiling(&mut self, ceiling: f64) {
        self.to = self.to.map(|to| to.min(ceiling));
    }
}
