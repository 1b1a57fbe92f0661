//! Controls how many rows are written in one transaction: others wait for its locks, so it has to be short on a slow ledger, too.

use std::time::Duration;

/// The target duration of a transaction. The promise of operators' acts is 100 ms, and a transaction may take longer than the one that was
/// measured.
const SHORT: Duration = Duration::from_millis(30);

/// The size of the next page, learned from the durations of the last ones. Pure: the caller passes the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize {
    rows: usize,
    least: usize,
    most: usize,
}

impl PageSize {
    /// Begins with pages of `least` rows, because nothing is known yet. A page has at least one row.
    #[must_use]
    pub const fn between(least: usize, most: usize) -> Self {
        let least = if least == 0 { 1 } else { least };
        Self { rows: least, least, most: if most < least { least } else { most } }
    }

    /// The maximum number of rows of the next page.
    #[must_use]
    pub const fn rows(self) -> usize {
        self.rows
    }

    /// Splits rows into those of the next page, and the rest.
    #[must_use]
    pub fn split<T>(self, rest: &[T]) -> (&[T], &[T]) {
        rest.split_at(self.rows.min(rest.len()))
    }

    /// Learns from the duration of a page of `rows`. The next page has as many rows as would have taken the target duration, but at least
    /// half as many as before, because a single page may be slow by chance, and at most twice as many, because the ledger may become slow.
    pub fn learn(&mut self, rows: usize, took: Duration) {
        let share = SHORT.as_secs_f64() / took.as_secs_f64().max(f64::MIN_POSITIVE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "pages are small, and a float saturates"
        )]
        let bearable = (rows as f64 * share) as usize;
        // A page that was not full is no evidence for pages that are larger than the next one.
        let next =
            if took > SHORT { bearable.clamp(self.rows / 2, self.rows) } else { bearable.max(self.rows) };
        self.rows = next.min(self.rows.saturating_mul(2)).clamp(self.least, self.most);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_page_is_never_larger_or_smaller_than_allowed(
            least in 0_usize..2_000,
            most in 0_usize..2_000,
            pages in proptest::collection::vec((0_usize..3_000, 0_u64..20_000_000), 0..60),
        ) {
            let mut size = PageSize::between(least, most);
            for (rows, micros) in pages {
                size.learn(rows, Duration::from_micros(micros));
                prop_assert!(size.rows() >= least.max(1) && size.rows() <= most.max(least).max(1), "{size:?}");
            }
        }

        #[test]
        fn slow_pages_make_the_next_page_smaller_and_fast_ones_never_do(
            before in 20_u64..100,
            micros in 1_u64..5_000_000,
        ) {
            let mut size = PageSize::between(1, 1_000);
            // At this duration of a row, a page of `before` rows takes the target duration.
            for _ in 0..20 {
                let rows = size.rows();
                size.learn(rows, SHORT.mul_f64(rows as f64 / before as f64));
            }
            let (rows, took) = (size.rows(), Duration::from_micros(micros));
            size.learn(rows, took);
            prop_assert_eq!(size.rows() < rows, took > SHORT, "{} after {}", size.rows(), rows);
            prop_assert!((rows / 2..=rows * 2).contains(&size.rows()));
        }

        #[test]
        fn pages_soon_take_a_short_time_if_every_row_takes_the_same_time(
            micros_of_a_row in 30_u64..2_000,
            ms_of_a_page in 0_u64..10,
        ) {
            let takes = |rows: usize| {
                Duration::from_millis(ms_of_a_page) + Duration::from_micros(micros_of_a_row) * rows as u32
            };
            let mut size = PageSize::between(10, 1_000);
            let mut times = Vec::new();
            for _ in 0..40 {
                let took = takes(size.rows());
                times.push(took);
                size.learn(size.rows(), took);
            }
            let longest = *times.iter().max().expect("pages");
            prop_assert!(longest <= SHORT * 2, "{longest:?}");
            prop_assert!(times[20..].iter().all(|time| *time <= SHORT + SHORT / 2), "{:?}", &times[20..]);
            let is_used = times[20..].iter().all(|time| *time >= SHORT / 2);
            prop_assert!(is_used || size.rows() == 1_000 || size.rows() == 10, "{:?}", &times[20..]);
        }
    }

    #[test]
    fn a_single_slow_page_is_compensated_by_the_next_and_several_are_not() {
        let mut size = PageSize::between(10, 100);
        let mut sizes = Vec::new();
        for millis in [1, 1, 1, 1, 250, 1, 250, 250, 250, 250, 1] {
            size.learn(size.rows(), Duration::from_millis(millis));
            sizes.push(size.rows());
        }
        assert_eq!(sizes, [20, 40, 80, 100, 50, 100, 50, 25, 12, 10, 20]);
    }
}
