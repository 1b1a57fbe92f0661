//! Logs dead letters, so that an operator notices them: one line for each cause and minute.

use std::collections::BTreeMap;
use std::time::Duration;

use connections::ConnectionId;
use jiff::Timestamp;
use ledger::{Changes, DeadLetter, LedgerError};
use parking_lot::Mutex;
use tracing::warn;
use uuid::Uuid;

use crate::Worker;

/// Minimum time between two lines about the same cause; dead letters in between are counted in the next one.
const BETWEEN: Duration = Duration::from_secs(60);

/// Maximum number of causes that are remembered; all others count as one.
const CAUSES: usize = 1_000;

/// Connection, class and field of dead letters, without personal data.
type Cause = (ConnectionId, String, Option<String>);

/// Causes that were logged, with the time and the number of dead letters since.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<BTreeMap<Cause, (Timestamp, usize)>>);

impl Notices {
    /// Counts dead letters of a cause; returns how many to log now, if its last line is old enough.
    fn note(&self, cause: Cause, letters: usize, now: Timestamp) -> Option<usize> {
        let mut logged = self.0.lock();
        let is_known = logged.contains_key(&cause) || logged.len() < CAUSES;
        let cause = if is_known { cause } else { Cause::default() };
        match logged.get_mut(&cause) {
            Some((at, held)) if now.duration_since(*at).unsigned_abs() < BETWEEN => {
                *held += letters;
                None
            }
            Some(entry) => {
                let all = entry.1 + letters;
                *entry = (now, 0);
                Some(all)
            }
            None => {
                logged.insert(cause, (now, 0));
                Some(letters)
            }
        }
    }
}

/// Records changes, and logs the dead letters among them.
pub(crate) async fn record(worker: &Worker, changes: Changes) -> Result<(), LedgerError> {
    let dead = DeadByCause::of(changes.connection, &changes.dead_letters);
    worker.ledger.record(changes).await?;
    dead.log(worker).await;
    Ok(())
}

/// Dead letters to log once they are recorded, by cause.
struct DeadByCause(BTreeMap<Cause, (usize, Option<u16>, Uuid)>);

impl DeadByCause {
    /// From dead letters that are about to be recorded.
    fn of(connection: ConnectionId, letters: &[DeadLetter]) -> Self {
        let mut causes = BTreeMap::new();
        for letter in letters {
            let cause = (connection, letter.class.clone(), letter.field.clone());
            causes.entry(cause).or_insert((0, letter.http_status, letter.event)).0 += 1;
        }
        Self(causes)
    }

    /// Logs them.
    async fn log(self, worker: &Worker) {
        for (cause, (letters, http_status, event)) in self.0 {
            let Some(letters) = worker.meters.notices.note(cause.clone(), letters, worker.now()) else {
                continue;
            };
            let (id, class, field) = cause;
            // The name is only for the line; without it the line has the id.
            let found = worker.connections.by_id(id).await.ok().flatten();
            let connection = found.map(|found| found.name.to_string()).unwrap_or_default();
            let field = field.unwrap_or_default();
            warn!(
                connection, connection_id = id, class, field, http_status, letters, event_id = %event,
                "events ended as dead letters: `dead-letters list` shows them"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_cause_is_logged_at_once_and_then_once_a_minute_with_a_count() {
        let notices = Notices::default();
        let cause = |class: &str| (1, class.to_owned(), None);
        assert_eq!(notices.note(cause("refused"), 1, at(0)), Some(1));
        assert_eq!(notices.note(cause("refused"), 3, at(59)), None);
        assert_eq!(notices.note(cause("too_large"), 2, at(59)), Some(2), "another cause");
        assert_eq!(notices.note(cause("refused"), 1, at(60)), Some(4));
        assert_eq!(notices.note(cause("refused"), 1, at(61)), None);
    }
}
