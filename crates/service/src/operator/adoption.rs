//! How far the walk through a connection's affiliates is, and what keeps it waiting.

use std::time::Duration;

use connections::{Connection, ConnectionId, State};
use jiff::Timestamp;
use ledger::{AuditEntry, DirectoryState, LedgerError, Walk, WalkRequest};
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
    /// `none`, `asked`, `walking`, `complete`, or `partial` if the last walk was ended by its limit of calls or did not meet everybody.
    pub state: &'static str,
    /// Affiliates that the pass under way has met, or the last walk.
    pub affiliates: u64,
    /// How many Refersion says there are; null: it does not say.
    pub total: Option<u64>,
    /// How many affiliates the last walk has not met in any of its passes, at least; null: none, or it was ended by its limit of
    /// calls.
    pub missing: Option<u64>,
    /// The number of the pass under way.
    pub pass: Option<u32>,
    /// Calls of the walk under way, or of the last one.
    pub calls: u64,
    /// How long the walk takes yet at the rate in use, in seconds, if nothing else is due; null: nobody knows.
    pub eta_seconds: Option<u64>,
    /// What keeps the walk waiting; null: nothing does.
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
        let now = engines.now();
        let waits_for = match is_open {
            true => waits_for(&state, connection, workers, (next_due, now)),
            false => None,
        };
        let rates = workers.rates();
        let rate = rates.get(&connection.id).copied().or(connection.learned_rate);
        let rate = rate.unwrap_or(connection.settings.rate_per_second);
        Ok(Self { waits_for, ..Self::of(&state, rate) })
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
            pass: walk.map(|walk| walk.pass),
            calls: shown.map_or(0, |walk| walk.calls),
            eta_seconds: walk.and_then(|walk| eta(walk, rate)),
            waits_for: None,
            complete_since: state.complete_since,
            ended_at: finished.map(|finished| finished.ended_at),
        }
    }

    /// One line for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let total = self.total.map_or_else(String::new, |total| format!(" of {total}"));
        let known = format!("{}{total} affiliates", self.affiliates);
        let waits = self.waits_for.as_ref().map_or_else(String::new, |why| format!("; it waits: {why}"));
        match self.state {
            "none" => "never walked through: `connections adopt` does it".to_owned(),
            "asked" => format!("a walk is wanted{waits}"),
            "walking" => {
                let left = self.eta_seconds.map(|seconds| format!(", {} left", in_minutes(seconds)));
                let (pass, calls) = (self.pass.unwrap_or(1), self.calls);
                let left = left.unwrap_or_default();
                format!("{known}, pass {pass}, {calls} calls{left}{waits}")
            }
            "partial" if self.missing.is_some() => {
                let missing = self.missing.unwrap_or_default();
                format!(
                    "{known} were met, at least {missing} were not: the account changed during every pass; the next walk tries again"
                )
            }
            "partial" => format!("{known} were met; the limit of calls ended the walk"),
            _ => {
                let since = self.complete_since.map(|since| format!(", complete since {since:.0}"));
                format!("{} affiliates{}", self.affiliates, since.unwrap_or_default())
            }
        }
    }
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

/// Requests a walk through a connection's affiliates for an operator, who is in the audit.
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

/// What the audit calls it.
fn action(request: &WalkRequest) -> &'static str {
    match (request.verify, request.repair) {
        (_, true) => "repair_asked_for",
        (true, false) => "verification_asked_for",
        (false, false) => "adoption_asked_for",
    }
}

/// What keeps a walk waiting that is wanted or under way.
fn waits_for(
    state: &DirectoryState,
    connection: &Connection,
    workers: &Workers,
    (next_due, now): (Option<Timestamp>, Timestamp),
) -> Option<String> {
    if let State::Paused(_) = connection.state {
        let reason = state_words(connection.state).1.unwrap_or("operator");
        return Some(format!("the connection is paused ({reason})"));
    }
    if !workers.delivers() {
        return Some("no worker is running: start `serve` or `worker`".to_owned());
    }
    if !workers.alive().any(|process| process.connections.iter().any(|held| held.id == connection.id)) {
        return Some("no worker holds the connection's lease yet".to_owned());
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

fn in_minutes(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use ledger::FinishedWalk;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + seconds).unwrap()
    }

    fn walk(total: Option<u64>) -> Walk {
        let request = WalkRequest { asked_at: at(-90), verify: false, repair: false, max_calls: None };
        Walk { page: 4, seen: 300, calls: 3, total, ..Walk::begin(request, at(-60)) }
    }

    #[test]
    fn the_time_that_is_left_counts_both_passes_from_the_first_page_on() {
        let state = DirectoryState { walk: Some(walk(Some(10_000))), ..DirectoryState::default() };
        let shown = Adoption::of(&state, 5.0);
        assert_eq!(shown.eta_seconds, Some((202 - 3) / 5 + 1));
        assert_eq!(shown.in_words(), "300 of 10000 affiliates, pass 1, 3 calls, 40 s left");
        let silent = DirectoryState { walk: Some(walk(None)), ..DirectoryState::default() };
        assert_eq!(Adoption::of(&silent, 5.0).in_words(), "300 affiliates, pass 1, 3 calls");
    }

    #[test]
    fn a_walk_that_its_limit_ended_is_not_called_complete() {
        let finished = FinishedWalk::of(walk(Some(10_000)), at(0), false, None);
        let state = DirectoryState { finished: Some(finished), ..DirectoryState::default() };
        let words = Adoption::of(&state, 5.0).in_words();
        assert_eq!(words, "300 of 10000 affiliates were met; the limit of calls ended the walk");
        let finished =
            FinishedWalk { missing: Some(10), ..FinishedWalk::of(walk(Some(310)), at(0), false, None) };
        let state = DirectoryState { finished: Some(finished), ..DirectoryState::default() };
        let shown = Adoption::of(&state, 5.0);
        assert_eq!((shown.state, shown.missing), ("partial", Some(10)));
        assert!(shown.in_words().starts_with("300 of 310 affiliates were met, at least 10 were not"));
    }
}
