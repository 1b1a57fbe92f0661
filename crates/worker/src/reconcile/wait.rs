//! Records `Retry-After`: the next holder of the connection obeys it, and the operator sees it and can end it.

use std::time::Duration;

use connections::Connection;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::{info, warn};

use super::Holder;
use crate::rules::ConnectionCache;

/// Shorter waits are not recorded: they are over before an operator could read about them.
const WORTH_NOTING: Duration = Duration::from_millis(500);
/// Times that differ by less are the same.
const SAME: SignedDuration = SignedDuration::from_millis(500);

impl Holder {
    /// Records until when Refersion asked to wait, if that is new.
    pub(super) async fn note_wait(&mut self, cache: &mut ConnectionCache) {
        let left = self.gate.waits_until().saturating_duration_since(Instant::now());
        if left < WORTH_NOTING {
            return;
        }
        let until = self.worker.now() + left;
        if self.asked_to_wait_until.is_some_and(|noted| noted.duration_since(until).abs() < SAME) {
            return;
        }
        let (connection, id) = (&self.connection.name, self.connection.id);
        match self.worker.connections.save_asked_to_wait(id, until).await {
            Ok(()) => {
                warn!(%connection, connection_id = id, %until, "refersion asks to wait");
                self.asked_to_wait_until = Some(until);
                cache.forget();
            }
            Err(cause) => {
                warn!(%connection, connection_id = id, error = %cause, "a Retry-After could not be stored")
            }
        }
    }

    /// Ends the wait if an operator has removed the recorded one.
    pub(super) fn apply_wait(&mut self, connection: &Connection) {
        if self.asked_to_wait_until.is_some() && connection.asked_to_wait_until.is_none() {
            info!(connection = %connection.name, connection_id = connection.id, "an operator ends the wait that refersion asked for");
            self.gate.end_pause();
            self.asked_to_wait_until = None;
        }
    }
}

/// The recorded wait, if it is not over.
pub(super) fn still_asked(connection: &Connection, now: Timestamp) -> Option<Timestamp> {
    connection.asked_to_wait_until.filter(|until| *until > now)
}
