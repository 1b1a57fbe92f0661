//! Counts requests that are refused because of their signature, by connection, and logs them: Segment discards their
//! events, so the operator has to know.

use std::num::NonZeroUsize;

use jiff::Timestamp;
use listener::RareLog;
use lru::LruCache;
use parking_lot::{Mutex, MutexGuard};

use crate::refused::Refused;

/// Connections that are remembered; beyond that, the one whose requests were refused longest ago is forgotten.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// Requests of one connection that were answered 403 since the start, because of their signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedSignatures {
    /// The row id of the connection.
    pub connection: i64,
    /// Those without a signature.
    pub missing: u64,
    /// Those with a malformed signature, or one of another secret or another text.
    pub wrong: u64,
    /// When the last of them came.
    pub last_at: Timestamp,
}

/// The count.
pub(crate) struct Counts(Mutex<LruCache<i64, Count>>);

struct Count {
    refused: RefusedSignatures,
    log: RareLog,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }

    /// Counts a request of a connection, if it is refused because of its signature.
    pub(crate) fn note(&self, connection: i64, refused: &Refused, at: Timestamp) {
        let is_missing = match refused {
            Refused::NoSignature => true,
            Refused::MalformedSignature | Refused::WrongSignature => false,
            _ => return,
        };
        let mut counts = self.lock();
        let count = counts.get_or_insert_mut(connection, || Count {
            refused: RefusedSignatures { connection, missing: 0, wrong: 0, last_at: at },
            log: RareLog::default(),
        });
        let RefusedSignatures { missing, wrong, last_at, .. } = &mut count.refused;
        *(if is_missing { missing } else { wrong }) += 1;
        *last_at = at;
        let times = count.log.occurred();
        drop(counts);
        if let Some(times) = times {
            tracing::warn!(
                connection,
                times,
                last = %refused,
                "requests are answered 403 because of their signature, and Segment discards their events: enter the same \
                 shared secret here and in Segment, or remove it here with `connections set NAME --no-shared-secret`"
            );
        }
    }

    /// At most `most` connections, the one with the latest refused request first.
    pub(crate) fn newest(&self, most: usize) -> Vec<RefusedSignatures> {
        self.lock().iter().take(most).map(|(_, count)| count.refused).collect()
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<i64, Count>> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refused_signatures_are_counted_by_connection_and_nothing_else_is() {
        let counts = Counts::new();
        let at = |second| Timestamp::from_second(second).unwrap();
        for (connection, refused, second) in [
            (7, Refused::NoSignature, 1),
            (8, Refused::WrongSignature, 2),
            (7, Refused::MalformedSignature, 3),
            (8, Refused::QueueFull, 4),
        ] {
            counts.note(connection, &refused, at(second));
        }
        let of = |connection, missing, wrong, second| RefusedSignatures {
            connection,
            missing,
            wrong,
            last_at: at(second),
        };
        assert_eq!(counts.newest(9), [of(7, 1, 1, 3), of(8, 0, 1, 2)]);
        assert_eq!(counts.newest(1), [of(7, 1, 1, 3)]);
    }
}
