//! The progress of the walk through a connection's affiliates, and the reason why it waits.

mod words;

use std::time::Duration;

use connections::{Connection, ConnectionId, State};
use jiff::Timestamp;
use ledger::{AuditEntry, DirectoryState, FinishedWalk, LedgerError, Walk, WalkRequest};
use serde::Serialize;

use super::audit::ended;
use super::connections::about;
use super::directory::state_words;
use super::workers::Workers;
use crate::engines::Engines;
use crate::failure::Failure;

/// Affiliates on one page of Refersion's list.
const PAGE: u64 = refersion::MAX_LISTED as u64;
/// Passes that a walk needs at least: the second one proves that the first missed nobody.
const PASSES: u64 = 2;

/// The walk of one connection. The names of these fields are fixed: scripts rely on them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Adoption {
    /// `none`, `asked`, `walking`, `complete`, or `partial` if the last walk was ended by its limit of calls, by a failure, or did not meet
    /// everybody.
    pub state: &'static str,
    /// Affiliates that the pass under way has met, or the last walk.
    pub affiliates: u64,
    /// Number of affiliates according to Refersion; null: it does not say.
    pub total: Option<u64>,
    /// Lower bound of the affiliates that the last walk has not met in any of its passes; null: it met all, or ended
    /// earlier.
    pub missing: Option<u64>,
    /// The class of the failure that ended the last walk, with the HTTP status; null: none did.
    pub failure: Option<String>,
    /// The number of the pass under way.
    pub pass: Option<u32>,
    /// Calls of the walk under way, or of the last one.
    pub calls: u64,
    /// Seconds that the walk still takes at the rate in use, if nothing else is due; null: unknown, or nobody makes calls now.
    pub eta_seconds: Option<u64>,
    /// Another walk is requested; it begins after the one under way.
    pub another_requested: bool,
    /// The reason why the walk waits; null: it does not wait.
    pub waits_for: Option<String>,
    /// Since when the directory lists everybody; null: it does not.
    pub complete_since: Option<Timestamp>,
    /// When the last walk ended.
    pub ended_at: Option<Timestamp>,
}

impl Adoption {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be read.
    pub async fn read(
        engines: &Engines,
        connection: &Connection,
        workers: &Workers,
    ) -> Result<Self, Failure> {
        let state = engines.ledger.directory(connection.id).await?;
        let is_open = state.walk.is_some() || state.requested.is_some();
        let next_due = if is_open { engines.ledger.next_due(connection.id).await? } else { None };
        let stopped = if is_open { stopped(connection, workers) } else { None };
        let rates = workers.rates();
        let rate = rates.get(&connection.id).copied().or(connection.learned_rate);
        let rate = rate.unwrap_or(connection.settings.rate_per_second);
        let shown = Self::of(&state, rate);
        let eta_seconds = shown.eta_seconds.filter(|_| stopped.is_none());
        let delayed = || delayed(&state, connection, (next_due, engines.now()));
        Ok(Self { waits_for: stopped.or_else(delayed), eta_seconds, ..shown })
    }

    fn of(state: &DirectoryState, rate: f64) -> Self {
        let finished = state.finished.as_ref();
        let walk = state.walk.as_ref();
        let shown = walk.or(finished.map(|finished| &finished.walk));
        let word = match (walk, &state.requested, finished) {
            (Some(_), ..) => "walking",
            (None, Some(_), _) => "asked",
            (None, None, Some(finished)) if !finished.complete => "partial",
            (None, None, Some(_)) => "complete",
            (None, None, None) => "none",
        };
        Self {
            state: word,
            affiliates: shown.map_or(0, |walk| walk.seen),
            total: shown.and_then(|walk| walk.total),
            missing: finished.filter(|_| walk.is_none()).and_then(|finished| finished.missing),
            failure: finished.filter(|_| walk.is_none()).and_then(failure_of),
            pass: walk.map(|walk| walk.pass),
            calls: shown.map_or(0, |walk| walk.calls),
            eta_seconds: walk.and_then(|walk| eta(walk, rate)),
            another_requested: walk.is_some() && state.requested.is_some(),
            waits_for: None,
            complete_since: state.complete_since,
            ended_at: finished.map(|finished| finished.ended_at),
        }
    }
}

/// The failure that ended a walk.
fn failure_of(finished: &FinishedWalk) -> Option<String> {
    let is_by_failure = !finished.complete && !finished.walk.is_spent();
    finished.walk.failure.clone().filter(|_| is_by_failure)
}

/// The request of the walk that is under way, or requested, and reads the whole list: who asks for another one can wait for it.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read.
pub async fn open_walk(engines: &Engines, connection: ConnectionId) -> Result<Option<WalkRequest>, Failure> {
    let state = engines.ledger.directory(connection).await?;
    let mut open = state.walk.map(|walk| walk.request).into_iter().chain(state.requested);
    Ok(open.find(|request| request.max_calls.is_none()))
}

/// Requests a walk through a connection's affiliates.
///
/// # Errors
///
/// [`LedgerError`] if the ledger cannot be written.
pub async fn request_walk(engines: &Engines, connection: ConnectionId) -> Result<(), LedgerError> {
    let request = WalkRequest { asked_at: engines.now(), verify: false, repair: false, max_calls: None };
    engines.ledger.request_walk(connection, request).await
}

/// Requests a walk through a connection's affiliates for an operator, and records the act in the audit.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be written.
pub async fn request_walk_for(
    engines: &Engines,
    actor: &str,
    connection: &Connection,
    request: WalkRequest,
    reason: Option<String>,
) -> Result<(), Failure> {
    let entry = AuditEntry { reason, ..about(engines, actor, action(&request), connection) };
    let requested = engines.ledger.request_walk(connection.id, request).await.map_err(Failure::from);
    ended(engines, entry, requested).await
}

/// The name of the act in the audit.
fn action(request: &WalkRequest) -> &'static str {
    match (request.verify, request.repair) {
        (_, true) => "repair_asked_for",
        (true, false) => "verification_asked_for",
        (false, false) => "adoption_asked_for",
    }
}

/// The reason why nobody makes calls of a connection.
fn stopped(connection: &Connection, workers: &Workers) -> Option<String> {
    if let State::Paused(_) = connection.state {
        let reason = state_words(connection.state).1.unwrap_or("operator");
        return Some(format!("the connection is paused ({reason})"));
    }
    if !workers.delivers() {
        return Some("no worker is running: start `serve` or `worker`".to_owned());
    }
    let is_held =
        workers.alive().any(|process| process.connections.iter().any(|held| held.id == connection.id));
    (!is_held).then(|| "no worker holds the connection's lease yet".to_owned())
}

/// The reason why a walk waits although calls are made.
fn delayed(
    state: &DirectoryState,
    connection: &Connection,
    (next_due, now): (Option<Timestamp>, Timestamp),
) -> Option<String> {
    if state.walk.is_none() && state.requested.is_none() {
        return None;
    }
    if let Some(until) = connection.asked_to_wait_until.filter(|until| *until > now) {
        return Some(format!("refersion asks to wait until {until:.0}"));
    }
    let failed = state.walk.as_ref().and_then(|walk| Some((walk.failure.as_ref()?, walk.next_at?)));
    if let Some((failure, at)) = failed {
        return Some(format!("the last call failed ({failure}); the next one is made at {at:.0}"));
    }
    next_due.filter(|due| *due <= now).map(|_| "other calls are due, which go first".to_owned())
}

/// How long the calls that are left take, in seconds.
fn eta(walk: &Walk, rate: f64) -> Option<u64> {
    let pages = walk.total?.div_ceil(PAGE) + 1;
    let passes = PASSES.saturating_sub(u64::from(walk.pass));
    let calls = (pages + passes * pages).saturating_sub(u64::from(walk.page) - 1);
    let calls = walk.request.max_calls.map_or(calls, |most| calls.min(most.saturating_sub(walk.calls)));
    let seconds = u32::try_from(calls).ok().map(|calls| f64::from(calls) / rate)?;
    Duration::try_from_secs_f64(seconds).ok().map(|left| left.as_secs() + 1)
}
