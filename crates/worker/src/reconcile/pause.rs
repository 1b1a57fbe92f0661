//! Pauses a connection, instead of making its events dead letters: revoked keys, a failing API, a mistake in the settings.
//!
//! Every pause that the worker made itself is probed, with longer and longer waits between probes, and ends when the cause
//! is gone.

use std::time::Duration;

use connections::{PausedFor, State};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Holder;
use super::suspicion::{Reaction, Suspicion};
use crate::retry::doubled;
use crate::rules::ConnectionCache;

/// The first wait before a probe of a paused connection.
const FIRST_PROBE: Duration = Duration::from_secs(1);
/// The longest wait between probes.
const LAST_PROBE: Duration = Duration::from_secs(60);
/// The same if each probe is a call about a person.
const LAST_CALL_PROBE: Duration = Duration::from_secs(600);
/// Interval of looks at a paused connection.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A pause that begins this soon after one that ended by itself continues its waits: the cause was not gone.
const SAME_CAUSE_WITHIN: SignedDuration = SignedDuration::from_mins(20);

impl Holder {
    /// The consequence of refusals, or of failures of the API.
    pub(super) fn reaction(&mut self) -> Option<Reaction> {
        let limit = self.worker.limits.breaker_after;
        let failures = self.gate.with_pace(|pace, _| pace.failures_in_a_row());
        let observed = self.suspicion.take_reaction();
        let breaker = || Reaction::Pause {
            reason: PausedFor::Breaker,
            why: format!("{failures} calls in a row found the API unwell{}", self.through_the_proxy()),
            suspect: None,
        };
        observed.or_else(|| (failures >= limit).then(breaker))
    }

    /// A suffix for messages about an API that does not answer: the proxy may be the cause.
    fn through_the_proxy(&self) -> String {
        let proxy = self.worker.transport.proxy_of(&self.connection.settings.refersion_url);
        proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
    }

    /// Pauses the connection or suspends a field.
    pub(super) async fn react(
        &mut self,
        reaction: Reaction,
        cache: &mut ConnectionCache,
    ) -> anyhow::Result<()> {
        match reaction {
            Reaction::Suspend { field, why } => self.suspend(field, &why, cache).await,
            Reaction::Pause { reason, why, suspect } => {
                self.suspect = suspect;
                self.pause(reason, &why, cache).await
            }
        }
    }

    async fn pause(
        &mut self,
        reason: PausedFor,
        why: &str,
        cache: &mut ConnectionCache,
    ) -> anyhow::Result<()> {
        // Calls that are under way will still end: their failures are no reason to pause again.
        self.forget_failures();
        let (id, seen, now) = (self.connection.id, self.connection.epoch(), self.worker.now());
        let is_new = self.resumed_at.is_none_or(|at| now.duration_since(at) > SAME_CAUSE_WITHIN);
        self.probes = if is_new { 0 } else { self.probes + 1 };
        let state = self.worker.connections.pause_in(id, seen, reason, why, now).await?;
        // Logged once: not if a stronger reason holds the pause, or if the current settings make it unnecessary.
        if state == State::Paused(reason) && self.connection.state != state {
            let (connection, reason) = (&self.connection.name, reason.as_str());
            warn!(%connection, connection_id = id, reason, error = why, "the connection is paused; its events are kept");
        }
        fault_point!("reconcile.paused");
        cache.forget();
        Ok(())
    }

    /// Forgets the failures that led to a pause.
    pub(super) fn forget_failures(&mut self) {
        self.suspicion = Suspicion::default();
        self.gate.with_pace(|pace, _| pace.recovered());
    }

    /// Waits and probes while the connection is paused. A pause by the worker ends when a probe finds that calls work again; a
    /// pause by an operator ends when an operator resumes the connection.
    pub(super) async fn while_paused(
        &mut self,
        cache: &mut ConnectionCache,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let State::Paused(reason) = self.connection.state else { return Ok(()) };
        if reason == PausedFor::Operator {
            sleep_unless_stopped(LOOK_AGAIN, stop).await;
            return Ok(());
        }
        let longest = if reason == PausedFor::Configuration { LAST_CALL_PROBE } else { LAST_PROBE };
        let wait = doubled(FIRST_PROBE, self.probes, longest);
        let wait = wait.mul_f64(0.5 + self.worker.chance() / 2.0);
        if !self.wait_while_paused(wait, reason, cache, stop).await? {
            return Ok(());
        }
        let works = match reason {
            PausedFor::Configuration => self.try_one_call().await?,
            _ => self.api().await?.client.check().await.is_ok(),
        };
        self.note_wait(cache).await;
        if works {
            self.worker.connections.resume(self.connection.id, Some(reason)).await?;
            self.resumed_at = Some(self.worker.now());
            info!(connection = %self.connection.name, connection_id = self.connection.id, "calls work again: the connection resumes");
            cache.forget();
        } else {
            self.probes += 1;
        }
        Ok(())
    }

    /// Waits before a probe, and as long as the gate would delay it: Refersion may have asked to wait for hours. Returns false
    /// if no probe is necessary any more.
    async fn wait_while_paused(
        &mut self,
        time: Duration,
        reason: PausedFor,
        cache: &mut ConnectionCache,
        stop: &CancellationToken,
    ) -> anyhow::Result<bool> {
        let mut left = time;
        while !left.is_zero() || self.room() == 0 {
            let slice = if left.is_zero() { LOOK_AGAIN } else { left.min(LOOK_AGAIN) };
            sleep_unless_stopped(slice, stop).await;
            left = left.saturating_sub(slice);
            if !self.is_still_paused(reason, cache, stop).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Keeps the heartbeat up, because a paused worker is healthy. Returns false if the process stops, or an operator has
    /// changed the state or the settings meanwhile.
    async fn is_still_paused(
        &mut self,
        reason: PausedFor,
        cache: &mut ConnectionCache,
        stop: &CancellationToken,
    ) -> anyhow::Result<bool> {
        if stop.is_cancelled() {
            return Ok(false);
        }
        self.beat();
        cache.refresh(&self.worker).await?;
        let now = cache.get(self.connection.id);
        if let Some(connection) = &now {
            self.apply_wait(connection);
        }
        Ok(now.is_some_and(|it| {
            it.state == State::Paused(reason) && it.settings_version == self.connection.settings_version
        }))
    }
}

async fn sleep_unless_stopped(time: Duration, stop: &CancellationToken) {
    tokio::select! { biased; () = tokio::time::sleep(time) => {}, () = stop.cancelled() => {} }
}
