//! Pausing a connection instead of killing its events: revoked keys, a dead API, a mistake in the settings.

use std::time::Duration;

use connections::{PausedFor, State};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Holder;
use super::suspicion::Suspicion;
use crate::rules::Known;

/// The first wait before a probe of a paused connection.
const FIRST_PROBE: Duration = Duration::from_secs(1);
/// The longest wait between probes.
const LAST_PROBE: Duration = Duration::from_secs(60);
/// How often a pause that only an operator can end is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Holder {
    /// Whether the connection is to be paused, by what was learned or because the API is unwell.
    pub(super) fn worker_should_pause(&mut self) -> Option<(PausedFor, String)> {
        let limit = self.worker.limits.breaker_after;
        let failures = self.gate.with_pace(|pace, _| pace.failures_in_a_row());
        let unwell = || format!("{failures} calls in a row found the API unwell");
        let breaker = (failures >= limit).then(|| (PausedFor::Breaker, unwell()));
        self.suspicion.take_verdict().or(breaker)
    }

    pub(super) async fn pause(
        &mut self,
        (reason, why): (PausedFor, String),
        known: &mut Known,
    ) -> anyhow::Result<()> {
        // Calls that are under way still end: what is known already is no reason to pause again.
        self.forget_failures();
        let (id, seen, now) = (self.connection.id, self.connection.epoch(), self.worker.now());
        let state = self.worker.connections.pause_in(id, seen, reason, &why, now).await?;
        // Once: not for a pause that a stronger reason holds, or that the settings of now make needless.
        if state == State::Paused(reason) && self.connection.state != state {
            let (connection, reason) = (&self.connection.name, reason.as_str());
            warn!(%connection, id, reason, why, "the connection is paused, its events are kept");
        }
        fault_point!("reconcile.paused");
        known.forget();
        Ok(())
    }

    /// What led to a pause counts no more.
    pub(super) fn forget_failures(&mut self) {
        self.suspicion = Suspicion::default();
        self.gate.with_pace(|pace, _| pace.recovered());
        self.probes = 0;
    }

    /// A pause for credentials or by the breaker ends by itself, when a probe finds that calls work again; the others end
    /// when an operator says so, which the next look at the connection sees.
    pub(super) async fn while_paused(
        &mut self,
        known: &mut Known,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let State::Paused(reason) = self.connection.state else { return Ok(()) };
        if !matches!(reason, PausedFor::Credentials | PausedFor::Breaker) {
            rest(LOOK_AGAIN, stop).await;
            return Ok(());
        }
        let wait = FIRST_PROBE.saturating_mul(1 << self.probes.min(6)).min(LAST_PROBE);
        let wait = wait.mul_f64(0.5 + self.worker.chance() / 2.0);
        if !self.rest_while_paused(wait, reason, known, stop).await? {
            return Ok(());
        }
        match self.api().await?.client.check().await {
            Ok(()) => {
                self.worker.connections.resume(self.connection.id, Some(reason)).await?;
                info!(connection = %self.connection.name, id = self.connection.id, "calls work again: the connection resumes");
                known.forget();
            }
            Err(_) => self.probes += 1,
        }
        Ok(())
    }

    /// Rests before a probe, and as long as the gate would hold it up: Refersion may have asked us to stay away for hours.
    /// False where nothing is to be probed any more.
    async fn rest_while_paused(
        &self,
        time: Duration,
        reason: PausedFor,
        known: &mut Known,
        stop: &CancellationToken,
    ) -> anyhow::Result<bool> {
        let mut left = time;
        while !left.is_zero() || self.room() == 0 {
            let slice = if left.is_zero() { LOOK_AGAIN } else { left.min(LOOK_AGAIN) };
            rest(slice, stop).await;
            left = left.saturating_sub(slice);
            if !self.is_still_paused(reason, known, stop).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Goes on beating, because a pause is no illness of ours. False where the process stops, or an operator has changed
    /// the state meanwhile.
    async fn is_still_paused(
        &self,
        reason: PausedFor,
        known: &mut Known,
        stop: &CancellationToken,
    ) -> anyhow::Result<bool> {
        if stop.is_cancelled() {
            return Ok(false);
        }
        self.beat();
        known.refresh(&self.worker).await?;
        let state = known.get(self.connection.id).map(|connection| connection.state);
        Ok(state == Some(State::Paused(reason)))
    }
}

async fn rest(time: Duration, stop: &CancellationToken) {
    tokio::select! { biased; () = tokio::time::sleep(time) => {}, () = stop.cancelled() => {} }
}
