//! The latest answers, judged together: whether too many were throttled, and whether concurrent calls are the cause.

use std::collections::VecDeque;

/// Number of answers that are judged together.
const JUDGED: usize = 12;
/// Weight of one answer in the average share of calls that are throttled by chance.
const LEARNED: f64 = 0.003;
/// If the limit is one of concurrent calls, throttled calls started beside at least this many more calls than others, on average.
const MORE_BESIDE: f64 = 0.7;

/// An answer: throttled or not, and how many calls were under way when its call started.
#[derive(Clone, Copy, Debug)]
struct Answer {
    is_throttled: bool,
    beside: usize,
}

/// The latest answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    latest: VecDeque<Answer>,
    /// The share of calls that are throttled by chance, although the rate is safe.
    chance: f64,
}

impl Answers {
    pub(super) fn add(&mut self, is_throttled: bool, beside: usize) {
        if self.latest.len() == JUDGED {
            self.latest.pop_front();
        }
        self.latest.push_back(Answer { is_throttled, beside });
    }

    pub(super) fn clear(&mut self) {
        self.latest.clear();
    }

    /// Notes a call that was not throttled at a safe rate, after this number of calls that were. A single throttled call between
    /// two others may be chance; several are a limit.
    pub(super) fn learn_chance(&mut self, throttled_before: u32) {
        if throttled_before < 2 {
            self.chance += (f64::from(throttled_before) - self.chance) * LEARNED;
        }
    }

    /// Whether more of them were throttled than chance explains.
    pub(super) fn are_throttled_too_often(&self) -> bool {
        let usual = JUDGED as f64 * self.chance;
        let many = (1.0 + usual + 2.5 * usual.sqrt()).round().clamp(2.0, JUDGED as f64);
        self.latest.iter().filter(|answer| answer.is_throttled).count() as f64 >= many
    }

    /// How many calls may be under way at the same time, if throttled calls had more beside them than all others.
    pub(super) fn too_many_beside(&self) -> Option<f64> {
        let (throttled, passed) = (self.beside(true), self.beside(false));
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len().max(1) as f64;
        let fewest = throttled.iter().copied().fold(f64::MAX, f64::min);
        let most = passed.iter().copied().fold(f64::MIN, f64::max);
        let is_so = !passed.is_empty()
            && !throttled.is_empty()
            && fewest >= most.max(1.0)
            && mean(&throttled) - mean(&passed) >= MORE_BESIDE;
        is_so.then_some(fewest)
    }

    fn beside(&self, is_throttled: bool) -> Vec<f64> {
        let such = self.latest.iter().filter(|answer| answer.is_throttled == is_throttled);
        such.map(|answer| f64::from(u32::try_from(answer.beside).unwrap_or(u32::MAX))).collect()
    }
}
