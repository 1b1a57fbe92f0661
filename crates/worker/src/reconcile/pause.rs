//! Pausing a connection instead of killing its events: revoked keys, a dead API, a mistake in the settings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use connections::{PausedFor, State};
use people::Digest;
use people::answer::Answer;
use refersion::Class;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Holder;
use crate::deliver::Ending;
use crate::pace::Pace;
use crate::rules::Known;

/// So many persons in a row, refused for the same thing that is no person's own, are a mistake in the settings.
const PERSONS_IN_A_ROW: usize = 3;
/// The first wait before a probe of a paused connection.
const FIRST_PROBE: Duration = Duration::from_secs(1);
/// The longest wait between probes.
const LAST_PROBE: Duration = Duration::from_secs(60);
/// How often a pause that only an operator can end is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What speaks for a mistake that is not one person's.
#[derive(Default)]
pub(crate) struct Suspicion {
    /// The persons met in a row, by what was refused.
    met: BTreeMap<String, BTreeSet<Digest>>,
    /// The pause that follows.
    verdict: Option<(PausedFor, String)>,
    probes: u32,
}

impl Holder {
    /// Learns from how calls ended whether something is wrong beyond single persons.
    pub(super) fn suspect(&mut self, endings: &[Ending]) {
        for ending in endings {
            self.suspect_answers(ending);
            let Some(failed) = &ending.failed else { continue };
            match failed.class {
                Class::Credentials => {
                    self.suspicion.verdict = Some((PausedFor::Credentials, failed.cause.message.clone()));
                }
                Class::Request => {
                    let what = format!("{} {:?}", failed.operation, failed.cause.http_status);
                    self.meet(what, ending.anchor, &failed.cause.message);
                }
                _ => {}
            }
        }
    }

    fn suspect_answers(&mut self, ending: &Ending) {
        for (anchor, answer) in &ending.answers {
            match answer {
                Answer::Refused { causes, .. } => {
                    for (field, cause) in causes.iter().filter(|(field, _)| field.starts_with("custom:")) {
                        self.meet(
                            field.clone(),
                            *anchor,
                            &format!("custom field {field}: {}", cause.message),
                        );
                    }
                }
                Answer::Told { fields, .. } => {
                    self.suspicion
                        .met
                        .retain(|what, _| !fields.contains_key(what) && !what.starts_with("edit"));
                }
                Answer::Created { .. } => self.suspicion.met.retain(|what, _| !what.starts_with("new")),
                _ => {}
            }
        }
    }

    fn meet(&mut self, what: String, who: Digest, why: &str) {
        let met = self.suspicion.met.entry(what).or_default();
        met.insert(who);
        if met.len() >= PERSONS_IN_A_ROW {
            self.suspicion.verdict.get_or_insert((PausedFor::Configuration, why.to_owned()));
        }
    }

    pub(super) fn worker_should_pause(&mut self) -> bool {
        let limit = self.worker.limits.breaker_after;
        let failures = self.gate.with_pace(|pace, _| pace.failures_in_a_row());
        if self.suspicion.verdict.is_none() && failures >= limit {
            let why = format!("{failures} calls in a row found the API unwell");
            self.suspicion.verdict = Some((PausedFor::Breaker, why));
        }
        self.suspicion.verdict.is_some()
    }

    pub(super) async fn pause(&mut self, known: &mut Known) -> anyhow::Result<()> {
        let Some((reason, why)) = self.suspicion.verdict.take() else { return Ok(()) };
        warn!(
            connection = self.connection.id,
            reason = reason.as_str(),
            "the connection is paused, its events are kept"
        );
        self.suspicion = Suspicion::default();
        self.worker.connections.pause(self.connection.id, reason, &why, self.worker.now()).await?;
        fault_point!("reconcile.paused");
        known.forget();
        Ok(())
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
        let wait = FIRST_PROBE.saturating_mul(1 << self.suspicion.probes.min(6)).min(LAST_PROBE);
        let wait = wait.mul_f64(0.5 + self.worker.chance() / 2.0);
        if !self.rest_while_paused(wait, reason, known, stop).await? {
            return Ok(());
        }
        match self.api().await?.client.check().await {
            Ok(()) => {
                self.gate.with_pace(|pace: &mut Pace, _| pace.recovered());
                self.worker.connections.resume(self.connection.id, Some(reason)).await?;
                info!(connection = self.connection.id, "calls work again: the connection resumes");
                self.suspicion = Suspicion::default();
                known.forget();
            }
            Err(_) => self.suspicion.probes += 1,
        }
        Ok(())
    }

    /// Rests before a probe, and goes on beating: a pause is no illness of ours. False where nothing is to be probed any
    /// more, because the process stops, or an operator has changed the state meanwhile.
    async fn rest_while_paused(
        &self,
        time: Duration,
        reason: PausedFor,
        known: &mut Known,
        stop: &CancellationToken,
    ) -> anyhow::Result<bool> {
        let mut left = time;
        while !left.is_zero() {
            let slice = left.min(LOOK_AGAIN);
            rest(slice, stop).await;
            left -= slice;
            if stop.is_cancelled() {
                return Ok(false);
            }
            self.worker.beats.beat(&format!("reconcile {}", self.connection.id), self.worker.now());
            known.refresh(&self.worker).await?;
            let state = known.get(self.connection.id).map(|connection| connection.state);
            if state != Some(State::Paused(reason)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

async fn rest(time: Duration, stop: &CancellationToken) {
    tokio::select! { biased; () = tokio::time::sleep(time) => {}, () = stop.cancelled() => {} }
}
