//! Probes of a connection that is paused for a mistake in its settings: one call that is due, of the kind that failed.

use std::time::Duration;

use identity::plan::StepKind;
use refersion::Class;

use super::Holder;
use super::answers::Delivered;
use crate::deliver::{CallOutcome, deliver};

/// Interval of heartbeats while the holder waits for something.
pub(super) const BEAT_EVERY: Duration = Duration::from_secs(1);

impl Holder {
    /// Sends one due call. Returns true if it does not fail with the cause of the pause, or if nothing is due and the keys work.
    /// A call that fails is retried later, and never given up because of a probe.
    pub(super) async fn try_one_call(&mut self) -> anyhow::Result<bool> {
        let mut planned = match self.suspect {
            Some(suspect) => self.take_of(1, 1, &[suspect]).await?,
            None => Vec::new(),
        };
        if planned.is_empty() {
            planned = self.take_of(1, 1, &StepKind::ALL).await?;
        }
        let api = self.api().await?;
        let Some((call, graphs)) = self.write_down(planned).await?.into_iter().next() else {
            return Ok(api.client.check().await.is_ok());
        };
        let outcomes = self.beating(deliver(&api, &call)).await;
        let works = outcomes.iter().all(is_no_mistake_in_settings);
        let epoch = self.connection.epoch();
        self.unrecorded.answers.push(Delivered { call, graphs, outcomes, epoch, is_probe: true });
        self.record().await?;
        Ok(works)
    }

    /// Keeps the heartbeat up while the holder's loop waits for `work`.
    pub(super) async fn beating<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(BEAT_EVERY) => self.beat(),
            }
        }
    }
}

fn is_no_mistake_in_settings(outcome: &CallOutcome) -> bool {
    outcome.failed.as_ref().is_none_or(|failed| !matches!(failed.class, Class::Request | Class::Credentials))
}
