//! Raises the rate again after failures of the API: a rate that was lowered because calls failed says nothing about a limit, so each
//! good answer raises it again. From the last rate without failures on, it grows as carefully as usual.

/// Number of good answers in a row after which the API counts as healthy again.
const IN_A_ROW: u32 = 5;
/// Calls a second by which each further answer raises the rate: it doubles in two seconds while there is enough to do.
const RISES_BY: f64 = 0.35;
/// The share that is used of a former rate that was not the ceiling: growth may have come close to a limit.
const LEFT: f64 = 0.9;
/// Number of good answers between two times of trouble from which on the rate is the cause of the second.
const WELL_BETWEEN: u32 = 20;

/// The rate before the trouble, and the answers since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recovery {
    to: Option<f64>,
    in_a_row: u32,
    well: u32,
}

impl Recovery {
    /// Notes that the rate is about to be lowered from `rate`, because calls failed.
    pub(super) fn falls_from(&mut self, rate: f64, ceiling: f64) {
        let safe = if rate >= ceiling { ceiling } else { rate * LEFT };
        self.to = match self.to {
            Some(to) if self.well < WELL_BETWEEN => Some(to),
            Some(to) => Some(to.min(safe)),
            None => Some(safe),
        };
        (self.in_a_row, self.well) = (0, 0);
    }

    /// Ends the recovery: something other than bad answers limits the rate, so it only grows carefully.
    pub(super) fn ends(&mut self) {
        *self = Self::default();
    }

    /// Notes a failed call.
    pub(super) fn badly(&mut self) {
        self.in_a_row = 0;
    }

    /// Notes a good call at this rate. Returns the new rate, if it rises.
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

    /// The rate that the API accepts when it is healthy, as far as is known.
    pub(super) fn sustainable_rate(&self, rate: f64) -> f64 {
        self.to.map_or(rate, |to| to.max(rate))
    }

    pub(super) fn set_ceiling(&mut self, ceiling: f64) {
        self.to = self.to.map(|to| to.min(ceiling));
    }
}
