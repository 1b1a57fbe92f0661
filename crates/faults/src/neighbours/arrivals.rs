//! When the values of B reach Refersion: read from the bytes of its calls, on their way.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::{Duration, Instant};

/// Prefix of every value of B.
const MARK: &[u8] = b"value-";
/// Digits of the person and of the message number behind the mark, with a hyphen between them.
const PERSON_DIGITS: usize = 4;
const NUMBER_DIGITS: usize = 8;
/// The length of a whole value, in bytes.
const LENGTH: usize = MARK.len() + PERSON_DIGITS + 1 + NUMBER_DIGITS;

/// The value that message `number` gives to a person. Later messages have greater numbers.
#[must_use]
pub fn value(person: usize, number: u64) -> String {
    format!("value-{person:04}-{number:08}")
}

/// An event of B that got a 202.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The index of the person.
    pub person: usize,
    /// The message number.
    pub number: u64,
    /// When the 202 was read.
    pub at: Instant,
    /// How long the caller waited for it, tries that were refused included.
    pub waited: Duration,
}

/// A value that reached Refersion.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    number: u64,
    at: Instant,
}

/// All values that reached Refersion so far, by person. Clones are the same list.
#[derive(Clone, Default)]
pub struct Arrivals(Arc<Mutex<BTreeMap<usize, Vec<Arrival>>>>);

impl Arrivals {
    /// Reads one direction of one TCP connection.
    #[must_use]
    pub fn scanner(&self) -> Scanner {
        Scanner { arrivals: self.clone(), tail: Vec::new() }
    }

    /// How many persons have had at least one arrival.
    #[must_use]
    pub fn persons(&self) -> usize {
        self.lock().len()
    }

    /// The time from the 202 until this value, or a newer one of the same person, reached Refersion. A newer value makes
    /// the older one superfluous, so it counts as its arrival. `None`: neither has arrived.
    #[must_use]
    pub fn latency(&self, accepted: &Accepted) -> Option<Duration> {
        let arrivals = self.lock();
        let newer = arrivals.get(&accepted.person)?.iter().filter(|one| one.number >= accepted.number);
        // A call may go out before the caller has read the 202.
        newer.map(|one| one.at.saturating_duration_since(accepted.at)).min()
    }

    fn add(&self, person: usize, number: u64, at: Instant) {
        self.lock().entry(person).or_default().push(Arrival { number, at });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Vec<Arrival>>> {
        self.0.lock()
    }
}

/// Finds values in a stream that comes in pieces.
pub struct Scanner {
    arrivals: Arrivals,
    tail: Vec<u8>,
}

impl Scanner {
    /// Reads one more piece.
    pub fn read(&mut self, piece: &[u8]) {
        let now = Instant::now();
        self.tail.extend_from_slice(piece);
        let mut from = 0;
        while let Some(found) = find(&self.tail[from..]) {
            let start = from + found;
            let Some(whole) = self.tail.get(start..start + LENGTH) else {
                self.tail.drain(..start);
                return;
            };
            if let Some((person, number)) = parse(whole) {
                self.arrivals.add(person, number, now);
            }
            from = start + MARK.len();
        }
        let kept = self.tail.len().min(MARK.len() - 1);
        self.tail.drain(..self.tail.len() - kept);
    }
}

fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MARK.len()).position(|window| window == MARK)
}

fn parse(whole: &[u8]) -> Option<(usize, u64)> {
    let digits = std::str::from_utf8(&whole[MARK.len()..]).ok()?;
    let (person, number) = digits.split_once('-')?;
    Some((person.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(number: u64) -> Accepted {
        Accepted { person: 7, number, at: Instant::now(), waited: Duration::ZERO }
    }

    #[test]
    fn a_value_is_found_if_its_stream_is_cut_anywhere() {
        let text = format!(r#"{{"company":"{}","email":"b@shop.test"}}"#, value(7, 42));
        for cut in 0..text.len() {
            let arrivals = Arrivals::default();
            let mut scanner = arrivals.scanner();
            scanner.read(&text.as_bytes()[..cut]);
            scanner.read(&text.as_bytes()[cut..]);
            assert!(arrivals.latency(&accepted(42)).is_some(), "cut at {cut}");
        }
    }

    #[test]
    fn a_newer_value_confirms_an_older_one_and_not_vice_versa() {
        let arrivals = Arrivals::default();
        arrivals.scanner().read(value(7, 42).as_bytes());
        assert!(arrivals.latency(&accepted(41)).is_some());
        assert!(arrivals.latency(&accepted(43)).is_none());
        assert_eq!(arrivals.persons(), 1);
    }
}
