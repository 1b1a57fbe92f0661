//! Publishes batches, and waits while the queue is full or away.

use std::time::Duration;

use connections::Connection;
use queue::pack::MESSAGE_ENVELOPES;
use queue::{Envelope, PublishError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::room::Room;
use service::arrivals;
use service::config::Config;
use service::engines::Engines;
use service::failure::{Failure, with_causes};

/// The reason why a full queue takes nothing.
pub(super) const FULL: &str = "the queue is full or almost full: `send` waits until a worker has caught up (`status` shows whether one runs)";

/// The first pause before unpublished events are published again, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// How often published events are reported; see [`arrivals`].
const REPORT_EVERY: Duration = Duration::from_secs(2);

/// Publishes for one connection.
pub(super) struct Publisher<'a> {
    engines: &'a Engines,
    stop: &'a CancellationToken,
    room: Room,
    reported: Instant,
    pause: Duration,
    /// The reason for waiting that was reported last.
    reported_cause: Option<String>,
}

impl<'a> Publisher<'a> {
    pub(super) fn new(
        engines: &'a Engines,
        connection: &Connection,
        config: &Config,
        stop: &'a CancellationToken,
    ) -> Self {
        let room = Room::new(config, connection.id);
        Self { engines, stop, room, reported: Instant::now(), pause: PAUSES.0, reported_cause: None }
    }

    /// Publishes all of them, however long the queue takes nothing. Returns false if the run was stopped before; some may be
    /// published then.
    ///
    /// # Errors
    ///
    /// [`Failure`] if an envelope is larger than any queue takes, or a script's output cannot be written.
    pub(super) async fn publish(
        &mut self,
        envelopes: &[Envelope],
        progress: &mut Progress,
    ) -> Result<bool, Failure> {
        let (mut rest, mut piece) = (envelopes, envelopes.len());
        while !rest.is_empty() && !self.stop.is_cancelled() {
            if let Some(why) = self.room.refusal(self.engines).await {
                self.wait(why.to_owned(), progress).await?;
                continue;
            }
            let (part, behind) = rest.split_at(piece.min(rest.len()));
            match self.engines.queue.publish(part).await {
                Ok(()) => {
                    rest = behind;
                    self.is_well(progress)?;
                }
                Err(error @ PublishError::TooLarge { .. }) => return Err(error.into()),
                Err(error) => {
                    // Message by message, so that a queue with little room is not given the same ones again and again.
                    piece = MESSAGE_ENVELOPES;
                    self.wait(in_words(&error), progress).await?;
                }
            }
            self.report().await;
        }
        Ok(rest.is_empty())
    }

    /// Waits longer each time, and reports the cause once.
    async fn wait(&mut self, why: String, progress: &mut Progress) -> Result<(), Failure> {
        if self.reported_cause.as_ref() != Some(&why) {
            progress.notice(&format!("waiting: {why}"))?;
            self.reported_cause = Some(why);
        }
        progress.refresh();
        self.stop.run_until_cancelled(sleep(self.pause)).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
        Ok(())
    }

    fn is_well(&mut self, progress: &mut Progress) -> Result<(), Failure> {
        self.pause = PAUSES.0;
        match self.reported_cause.take() {
            Some(_) => progress.notice("the queue accepts events again"),
            None => Ok(()),
        }
    }

    /// Reports the published events to the ledger, as every process does.
    async fn report(&mut self) {
        if self.reported.elapsed() >= REPORT_EVERY {
            self.reported = Instant::now();
            arrivals::report_own(self.engines).await;
        }
    }
}

fn in_words(error: &PublishError) -> String {
    match error {
        PublishError::Full => FULL.to_owned(),
        other => with_causes(other),
    }
}
