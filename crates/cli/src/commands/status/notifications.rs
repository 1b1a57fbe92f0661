//! The delivery of notifications to operators.

use jiff::Timestamp;
use serde::Serialize;

use service::engines::Engines;
use service::failure::Failure;
use service::output::Output;

/// The outbox. The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Notifications {
    waiting: u64,
    /// When the oldest undelivered one was noticed.
    oldest: Option<Timestamp>,
    /// Number of those of the last week that could not be delivered within 24 hours.
    given_up: u64,
    /// Why the newest delivery failed, among the undelivered and the given up ones.
    error: Option<String>,
}

impl Notifications {
    pub(super) async fn read(engines: &Engines) -> Result<Self, Failure> {
        let outbox = engines.notifications.outbox().await?;
        let ledger::Outbox { waiting, oldest, failed, error } = outbox;
        Ok(Self { waiting, oldest, given_up: failed, error })
    }

    /// For people, only if something is wrong.
    pub(super) fn show(&self, output: &mut Output) -> Result<(), Failure> {
        let Some(error) = &self.error else { return Ok(()) };
        let Self { waiting, given_up, .. } = self;
        output.line(&format!(
            "\nnotifications cannot be delivered: {error}; {waiting} wait, {given_up} were given up: check \
             notifications.url and its receiver"
        ))
    }
}
