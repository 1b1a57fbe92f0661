//! How notifications of operators are delivered.

use jiff::Timestamp;
use serde::Serialize;

use service::engines::Engines;
use service::failure::Failure;
use service::output::Output;

/// The outbox. The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Notifications {
    waiting: u64,
    /// When the oldest one that waits was noticed.
    oldest: Option<Timestamp>,
    /// Those that could not be delivered within 24 hours, of the last week.
    given_up: u64,
    /// Why the newest delivery failed, of those that wait or were given up.
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
            "\nnotifications cannot be delivered: {error}; {waiting} wait, {given_up} were given up: look at \
             notifications.url and its receiver"
        ))
    }
}
