//! What a plan is expected to take: events, persons, calls and time; and which items are left out, and why.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use connections::{Connection, ConnectionId};
use identity::Digest;
use identity::plan::StepKind;
use ledger::plans::{Estimate, ItemChange, ItemFilter, ItemState, PlanItem, WEIGHT_OF_A_CALL};
use ledger::{DeadLetterView, PlanId};
use queue::{Envelope, Lane};
use worker::absorb::forecast::{Forecaster, Prospect};

use super::release::{eligible, envelope, letters};
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;

/// Items that are looked at together.
const AT_ONCE: usize = 500;

/// Affiliates in one call to edit, or to change statuses.
pub(super) const BATCH: u64 = 50;

/// What is counted over all pages. A step that two pages need is one: it is remembered by a number made of its address.
#[derive(Default)]
struct Sum {
    events: u64,
    persons: HashSet<(ConnectionId, Digest)>,
    steps: HashSet<(ConnectionId, Digest, StepKind)>,
    by_kind: BTreeMap<(ConnectionId, StepKind), u64>,
}

/// Looks at every item of a plan that is not left out yet.
pub(super) async fn look(
    engines: &Engines,
    blocked: &[String],
    plan: PlanId,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Estimate, Failure> {
    let directory = Directory::read(engines, None).await?;
    let mut sum = Sum::default();
    let (mut after, mut seen) = (None, 0);
    loop {
        let filter = ItemFilter { plan, after, limit: AT_ONCE, ..ItemFilter::default() };
        let items = engines.plans.plan_items(&filter).await?;
        let Some(last) = items.last() else { break };
        after = Some((last.connection, last.person, last.letter));
        seen += u64::try_from(items.len()).unwrap_or(u64::MAX);
        let planned = items.into_iter().filter(|item| item.state == ItemState::Planned).collect();
        let changes = page(engines, blocked, &directory, planned, &mut sum).await?;
        if !changes.is_empty() {
            engines.plans.change_plan_items(plan, None, &changes).await?;
        }
        tell(seen);
    }
    Ok(sum.estimate(&directory))
}

async fn page(
    engines: &Engines,
    blocked: &[String],
    directory: &Directory,
    items: Vec<PlanItem>,
    sum: &mut Sum,
) -> Result<Vec<ItemChange>, Failure> {
    let letters = letters(engines, items.iter().map(|item| item.letter).collect()).await?;
    let ids: Vec<i64> = letters.keys().copied().collect();
    let repaired = engines.repairs.newest_revisions(&ids).await?;
    let mut by_connection: BTreeMap<ConnectionId, (Vec<&PlanItem>, Vec<Envelope>)> = BTreeMap::new();
    let mut changes = Vec::new();
    let ready = |letter: &DeadLetterView| {
        eligible(letter, directory)?;
        envelope(letter, repaired.get(&letter.id), Some(Lane::Bulk))
    };
    for item in &items {
        match letters.get(&item.letter).ok_or("expired").and_then(ready) {
            Ok(envelope) => {
                let (items, envelopes) = by_connection.entry(item.connection).or_default();
                items.push(item);
                envelopes.push(envelope);
            }
            Err(reason) => changes.push(ItemChange::to(item.letter, ItemState::LeftOut, reason)),
        }
    }
    for (id, (items, envelopes)) in by_connection {
        let Some(connection) = directory.get(id) else { continue };
        let forecaster =
            Forecaster::new((engines.ledger.as_ref(), &engines.vault), connection, blocked, engines.now());
        let forecast = forecaster.foresee(&envelopes).await?;
        let mut weights = sum.steps(id, &forecast.steps);
        for (item, seen) in items.into_iter().zip(forecast.events) {
            let Some(reason) = left_out(seen.prospect) else {
                let person = seen.person.unwrap_or(Digest(*item.event.as_bytes()));
                sum.events += 1;
                sum.persons.insert((id, person));
                let weight = Some(weights.remove(&person).unwrap_or(0));
                let change = ItemChange::to(item.letter, ItemState::Planned, "");
                changes.push(ItemChange { person: Some(person), weight, ..change });
                continue;
            };
            changes.push(ItemChange::to(item.letter, ItemState::LeftOut, reason));
        }
    }
    Ok(changes)
}

/// Why an event is not replayed; `None` if it is.
fn left_out(prospect: Prospect) -> Option<&'static str> {
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
    /// Counts steps that no other page needed; their weights by person.
    fn steps(
        &mut self,
        connection: ConnectionId,
        steps: &BTreeSet<(Digest, Digest, StepKind)>,
    ) -> BTreeMap<Digest, u32> {
        let mut weights: BTreeMap<Digest, u32> = BTreeMap::new();
        for (person, anchor, kind) in steps {
            if self.steps.insert((connection, *anchor, *kind)) {
                *self.by_kind.entry((connection, *kind)).or_default() += 1;
                // A person's first call is what limits: a whole one fits into every rate.
                let sum = weights.entry(*person).or_default();
                *sum = (*sum + weight(*kind)).min(WEIGHT_OF_A_CALL);
            }
        }
        weights
    }

    fn estimate(&self, directory: &Directory) -> Estimate {
        let mut estimate = Estimate {
            events: self.events,
            persons: u64::try_from(self.persons.len()).unwrap_or(u64::MAX),
            // Each event may bring an edit of its own: those of a person need not be taken together.
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
        // Connections are served beside each other.
        let seconds = by_connection.iter().filter_map(|(id, calls)| seconds(*calls, directory.get(*id)?));
        estimate.seconds = seconds.reduce(f64::max);
        estimate
    }
}

/// Calls that steps may bring beside an edit for each event: a create may have to look for whoever has its address, and a
/// search that finds nobody is followed by a create.
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
