//! Computes the beginning of a page of a list, as one bound of an index.
//!
//! Given two upper bounds of one column (the end of a period, and the last row of the previous page), SQLite begins the index scan at one
//! of them. If it is the wrong one, SQLite reads all previous pages again, for each page. Postgres does not have this problem, so its
//! statements contain both bounds. Source: `whereLoopAddBtreeIndex` in SQLite's `where.c`.

use connections::ConnectionId;
use jiff::Timestamp;

use crate::plans::ItemFilter;
use crate::words::micros;

/// The upper bound of a page, by time (microseconds) and id: all of its rows are below, because the list is newest first. `before` is the
/// end of the period, `after` the last row of the previous page.
pub(super) fn upper_bound(before: Option<Timestamp>, after: Option<(Timestamp, i64)>) -> (i64, i64) {
    let end = before.map(|before| (micros(before), i64::MIN));
    let last = after.map(|(at, id)| (micros(at), id));
    end.into_iter().chain(last).min().unwrap_or((i64::MAX, i64::MAX))
}

/// The lower bound of a page, by connection, person and dead letter: all of its items are above.
pub(super) fn lower_bound(filter: &ItemFilter) -> (ConnectionId, Vec<u8>, i64) {
    let first = (filter.connection.unwrap_or(i64::MIN), Vec::new(), i64::MIN);
    let last = filter.after.map(|(connection, person, letter)| (connection, person.0.to_vec(), letter));
    last.into_iter().chain([first]).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use identity::Digest;

    use super::*;

    #[test]
    fn a_page_ends_before_its_period_and_before_the_previous_page() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(upper_bound(None, None), (i64::MAX, i64::MAX));
        assert_eq!(upper_bound(Some(at(5)), None), (5_000_000, i64::MIN));
        assert_eq!(upper_bound(Some(at(5)), Some((at(4), 7))), (4_000_000, 7));
        assert_eq!(upper_bound(Some(at(4)), Some((at(4), 7))), (4_000_000, i64::MIN));
        assert_eq!(upper_bound(None, Some((at(4), 7))), (4_000_000, 7));
    }

    #[test]
    fn a_page_of_items_begins_behind_the_previous_one_and_within_its_connection() {
        let person = Digest([3; 16]);
        let filter = |connection, after| ItemFilter { connection, after, ..ItemFilter::default() };
        assert_eq!(lower_bound(&filter(None, None)), (i64::MIN, Vec::new(), i64::MIN));
        assert_eq!(lower_bound(&filter(Some(2), None)), (2, Vec::new(), i64::MIN));
        assert_eq!(lower_bound(&filter(Some(2), Some((2, person, 9)))), (2, vec![3; 16], 9));
        assert_eq!(lower_bound(&filter(Some(2), Some((1, person, 9)))), (2, Vec::new(), i64::MIN));
    }
}
