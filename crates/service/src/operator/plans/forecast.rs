//! Estimates the events, persons, calls and time of a plan, and names the items that are left out, with reasons.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use connections::{Connection, ConnectionId};
use identity::Digest;
use identity::plan::StepKind;
use ledger::DeadLetterView;
use ledger::plans::{Candidate, Estimate, ItemState, NewItem, WEIGHT_OF_A_CALL};
use queue::{Envelope, Lane};
use worker::absorb::forecast::{Forecaster, Prospect};

use super::release::{eligible, envelope, letters};
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;

/// Affiliates in one call to edit, or to change statuses.
pub(super) const BATCH: u64 = 50;

/// Sums over all pages. A step that two pages need counts once: the digest of its address identifies it.
#[derive(Default)]
struct Sum {
    events: u64,
    persons: HashSet<(ConnectionId, Digest)>,
    steps: HashSet<(ConnectionId, Digest, StepKind)>,
    by_kind: BTreeMap<(ConnectionId, StepKind), u64>,
}

/// The dead letters that can be replayed, with their events, by connection.
type Ready<'c> = BTreeMap<ConnectionId, (Vec<&'c Candidate>, Vec<Envelope>)>;

/// Looks at the dead letters of a plan, page by page, before they are added to it.
pub(super) struct Look<'l> {
    engines: &'l Engines,
    blocked: &'l [String],
    directory: &'l Directory,
    sum: Sum,
}

impl<'l> Look<'l> {
    pub(super) fn new(engines: &'l Engines, blocked: &'l [String], directory: &'l Directory) -> Self {
        Self { engines, blocked, directory, sum: Sum::default() }
    }

    /// The items that are added to the plan for a page of candidates. The events of one person fold together within a page. A
    /// dead letter that another plan has reserved is left out without a forecast, even if that plan lets go of it meanwhile.
    pub(super) async fn page(&mut self, page: Vec<Candidate>) -> Result<Vec<NewItem>, Failure> {
        let (held, mut free): (Vec<_>, Vec<_>) = page.into_iter().partition(|it| it.held_by.is_some());
        free.sort_by_key(|candidate| candidate.letter);
        let (ready, left_out) = self.ready(&free).await?;
        let left_out = left_out.into_iter().map(|(candidate, reason)| self::left_out(candidate, reason));
        let held = held
            .iter()
            .filter_map(|it| Some(self::left_out(it, &format!("reserved by plan {}", it.held_by?))));
        let mut items: Vec<NewItem> = held.chain(left_out).collect();
        for (id, ready) in ready {
            items.extend(self.forecast_page(id, ready).await?);
        }
        Ok(items)
    }

    /// Splits dead letters into those whose events can go back into the queue, and the others.
    async fn ready<'c>(
        &self,
        candidates: &'c [Candidate],
    ) -> Result<(Ready<'c>, Vec<(&'c Candidate, &'static str)>), Failure> {
        let letters = letters(self.engines, candidates.iter().map(|it| it.letter).collect()).await?;
        let ids: Vec<i64> = letters.keys().copied().collect();
        let repaired = self.engines.repairs.newest_revisions(&ids).await?;
        let envelope = |letter: &DeadLetterView| {
            eligible(letter, self.directory)?;
            envelope(letter, repaired.get(&letter.id), Some(Lane::Bulk))
        };
        let (mut ready, mut left_out) = (Ready::new(), Vec::new());
        for candidate in candidates {
            match letters.get(&candidate.letter).ok_or("expired").and_then(envelope) {
                Ok(envelope) => {
                    let (candidates, envelopes) = ready.entry(candidate.connection).or_default();
                    candidates.push(candidate);
                    envelopes.push(envelope);
                }
                Err(reason) => left_out.push((candidate, reason)),
            }
        }
        Ok((ready, left_out))
    }

    async fn forecast_page(
        &mut self,
        id: ConnectionId,
        (candidates, envelopes): (Vec<&Candidate>, Vec<Envelope>),
    ) -> Result<Vec<NewItem>, Failure> {
        let Some(connection) = self.directory.get(id) else {
            return Ok(candidates.into_iter().map(|it| left_out(it, "no connection")).collect());
        };
        let engines = (self.engines.ledger.as_ref(), &self.engines.vault);
        let forecaster = Forecaster::new(engines, connection, self.blocked, self.engines.now());
        let forecast = forecaster.forecast(&envelopes).await?;
        let mut weights = self.sum.steps(id, &forecast.steps);
        let mut items = Vec::new();
        for (candidate, seen) in candidates.into_iter().zip(forecast.events) {
            if let Some(reason) = why_not(seen.prospect) {
                items.push(left_out(candidate, reason));
                continue;
            }
            let person = seen.person.unwrap_or(Digest(*candidate.event.as_bytes()));
            self.sum.events += 1;
            self.sum.persons.insert((id, person));
            let weight = weights.remove(&person).unwrap_or(0);
            let planned = NewItem::planned(Candidate { person, ..candidate.clone() });
            items.push(NewItem { weight, ..planned });
        }
        Ok(items)
    }

    /// The estimate for all pages together.
    pub(super) fn estimate(&self) -> Estimate {
        self.sum.estimate(self.directory)
    }
}

pub(super) fn left_out(candidate: &Candidate, reason: &str) -> NewItem {
    let (state, reason) = (ItemState::LeftOut, reason.to_owned());
    NewItem { state, reason, ..NewItem::planned(candidate.clone()) }
}

/// The reason why an event is not replayed; `None` if it is.
fn why_not(prospect: Prospect) -> Option<&'static str> {
    match prospect {
        Prospect::Replayed => None,
        Prospect::Superseded => Some("superseded"),
        Prospect::Deleted => Some("user deleted"),
        Prospect::Invalid => Some("still invalid"),
        Prospect::NotForUs => Some("not for us"),
        Prospect::NotDead => Some("delivered meanwhile"),
    }
}

impl Sum {
    /// Counts steps that no other page needed, and returns their weights by person.
    fn steps(
        &mut self,
        connection: ConnectionId,
        steps: &BTreeSet<(Digest, Digest, StepKind)>,
    ) -> BTreeMap<Digest, u32> {
        let mut weights: BTreeMap<Digest, u32> = BTreeMap::new();
        for (person, anchor, kind) in steps {
            if self.steps.insert((connection, *anchor, *kind)) {
                *self.by_kind.entry((connection, *kind)).or_default() += 1;
                let sum = weights.entry(*person).or_default();
                *sum = sum.saturating_add(weight(*kind));
            }
        }
        weights
    }

    fn estimate(&self, directory: &Directory) -> Estimate {
        let mut estimate = Estimate {
            events: self.events,
            persons: u64::try_from(self.persons.len()).unwrap_or(u64::MAX),
            // Each event may cause an edit of its own: the events of a person may be absorbed separately.
            most_calls: self.events,
            ..Estimate::default()
        };
        let mut by_connection: BTreeMap<ConnectionId, u64> = BTreeMap::new();
        for ((connection, kind), steps) in &self.by_kind {
            let calls = if is_batched(*kind) { steps.div_ceil(BATCH) } else { *steps };
            *by_connection.entry(*connection).or_default() += calls;
            estimate.most_calls += most(*kind, *steps);
            match kind {
                StepKind::Create => estimate.creates += calls,
                StepKind::Edit => estimate.edits += calls,
                StepKind::Status => estimate.status_changes += calls,
                StepKind::Search => estimate.searches += calls,
            }
        }
        // Connections are served concurrently.
        let seconds = by_connection.iter().filter_map(|(id, calls)| seconds(*calls, directory.get(*id)?));
        estimate.seconds = seconds.reduce(f64::max);
        estimate
    }
}

/// Calls beyond one edit for each event: a create may need a search for its address, and a search that finds nobody may lead to
/// a create.
fn most(kind: StepKind, steps: u64) -> u64 {
    match kind {
        StepKind::Edit => 0,
        StepKind::Status => steps,
        StepKind::Create => 2 * steps,
        StepKind::Search => 3 * steps,
    }
}

fn is_batched(kind: StepKind) -> bool {
    matches!(kind, StepKind::Edit | StepKind::Status)
}

fn weight(kind: StepKind) -> u32 {
    const OF_A_BATCH: u32 = WEIGHT_OF_A_CALL / 50;
    if is_batched(kind) { OF_A_BATCH } else { WEIGHT_OF_A_CALL }
}

#[expect(clippy::cast_precision_loss, reason = "a time is shown in whole seconds")]
fn seconds(calls: u64, connection: &Connection) -> Option<f64> {
    let rate = rate(connection);
    (rate > 0.0).then(|| calls as f64 / rate)
}

/// The rate in calls a second that a connection bears, as far as is known.
pub(super) fn rate(connection: &Connection) -> f64 {
    let ceiling = connection.settings.rate_per_second;
    connection.learned_rate.unwrap_or(ceiling).min(ceiling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_a_plan_are_its_calls() {
        let mut sum = Sum::default();
        let (person, other) = (Digest([1; 16]), Digest([2; 16]));
        let anchor = |number| Digest([number; 16]);
        let steps = [
            (person, anchor(3), StepKind::Create),
            (person, anchor(4), StepKind::Create),
            (person, anchor(5), StepKind::Search),
            (other, anchor(6), StepKind::Edit),
        ];
        let weights = sum.steps(1, &steps.into());
        assert_eq!(weights, [(person, 3 * WEIGHT_OF_A_CALL), (other, WEIGHT_OF_A_CALL / 50)].into());
        assert!(sum.steps(1, &steps.into()).is_empty(), "a step that another page needs is counted once");
    }
}
