//! Recording how calls ended: delivered traits, outcomes, attempts and dead letters, in one fenced transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::{
    AffiliateRef, Attempt, Audit, CallId, Changes, DeadLetter, GraphRow, LedgerError, Outcome, Save, State,
    Work,
};
use people::Digest;
use people::answer::{Answer, Death, apply, concerned_by, fail};
use people::graph::{Graph, Lane};
use people::needs::Rules;
use people::settle::{End, Ended, Settled, settle};
use people::stamp::Moment;
use refersion::Class;

use super::Holder;
use crate::deliver::{Ending, Failed};
use crate::rules::rules;

/// How often a recording is tried again because absorb changed a graph meanwhile.
const CONFLICTS: usize = 50;

impl Holder {
    pub(super) async fn record_endings(
        &mut self,
        endings: Vec<Ending>,
        closed: Vec<CallId>,
    ) -> anyhow::Result<()> {
        let rules = rules(&self.connection.settings);
        let mut anchors: BTreeSet<Digest> = endings.iter().map(|ending| ending.anchor).collect();
        anchors.extend(endings.iter().flat_map(|ending| &ending.answers).map(|(anchor, _)| *anchor));
        let anchors: Vec<Digest> = anchors.into_iter().collect();
        for _ in 0..CONFLICTS {
            let gathered = self.worker.ledger.gather(self.connection.id, &anchors, &[]).await?;
            let mut changes = self.changes(gathered.graphs, &endings, &rules);
            changes.closed_calls.clone_from(&closed);
            let outcomes: Vec<&'static str> =
                changes.outcomes.iter().map(|outcome| outcome.state.word()).collect();
            match self.worker.ledger.record(changes).await {
                Ok(()) => {
                    outcomes.into_iter().for_each(|word| self.worker.meters.outcome(word));
                    self.suspicion.learn(&endings);
                    return Ok(());
                }
                Err(LedgerError::Conflict) => tokio::task::yield_now().await,
                Err(other) => return Err(other.into()),
            }
        }
        anyhow::bail!("others change the same graphs without end")
    }

    fn changes(&self, graphs: Vec<GraphRow>, endings: &[Ending], rules: &Rules) -> Changes {
        let now = self.worker.now();
        let mut changes =
            Changes { connection: self.connection.id, fence: Some(self.fence), ..Changes::default() };
        let mut graphs = Rows::of(graphs);
        for ending in endings {
            for (anchor, answer) in &ending.answers {
                if let Some(row) = graphs.holding(*anchor) {
                    audit(&mut changes, answer, now);
                    let deaths = apply(&mut row.graph, rules, *anchor, answer, now.into());
                    lay_down(&mut changes, deaths, now);
                }
            }
            if let (Some(failed), Some(row)) = (&ending.failed, graphs.holding(ending.anchor)) {
                self.note_failure(&mut changes, &mut row.graph, rules, ending.anchor, failed, now);
            }
        }
        for row in graphs.rows {
            self.save(&mut changes, row, rules, now);
        }
        changes
    }

    /// A failed call leaves the person dirty, with its attempt count, its last error and a time. What is not the person's
    /// fault (our keys, a shut gate) does not count.
    fn note_failure(
        &self,
        changes: &mut Changes,
        graph: &mut Graph,
        rules: &Rules,
        anchor: Digest,
        failed: &Failed,
        now: Timestamp,
    ) {
        if matches!(failed.class, Class::Closed | Class::Credentials) {
            return;
        }
        for event in concerned_by(graph, rules, anchor) {
            changes.attempts.push(Attempt {
                event,
                at: now,
                operation: failed.operation.to_owned(),
                http_status: failed.cause.http_status,
                class: failed.cause.class.clone(),
                message: failed.cause.message.clone(),
            });
        }
        let chance = self.worker.chance();
        let policy = &self.worker.limits.retry;
        let verdict =
            |attempts, since: Moment| policy.verdict(attempts, since, now.into(), failed.retry_after, chance);
        let deaths = fail(graph, rules, anchor, &failed.cause, now.into(), verdict);
        lay_down(changes, deaths, now);
    }

    fn save(&self, changes: &mut Changes, row: GraphRow, rules: &Rules, now: Timestamp) {
        let mut graph = row.graph;
        let known: BTreeSet<Digest> = graph.identifiers.keys().copied().collect();
        let settled = settle(&mut graph, rules);
        note_ends(changes, &settled, now);
        changes.saves.push(Save {
            row: Some((row.id, row.version)),
            new_digests: graph.identifiers.keys().filter(|digest| !known.contains(digest)).copied().collect(),
            work: work_of(&settled, now, Duration::ZERO),
            dirty: settled.dirty,
            waiting: settled.waiting,
            graph,
        });
    }

    /// Settles a graph again under the settings of now.
    pub(super) fn resettle(&self, changes: &mut Changes, row: GraphRow, rules: &Rules, now: Timestamp) {
        self.save(changes, row, rules, now);
    }
}

/// Rows that are found by what they hold: one recording may be about thousands of them.
struct Rows {
    rows: Vec<GraphRow>,
    places: BTreeMap<Digest, usize>,
}

impl Rows {
    fn of(rows: Vec<GraphRow>) -> Self {
        let held = |(place, row): (usize, &GraphRow)| {
            row.graph.identifiers.keys().map(|digest| (*digest, place)).collect::<Vec<_>>()
        };
        let places = rows.iter().enumerate().flat_map(held).collect();
        Self { rows, places }
    }

    fn holding(&mut self, anchor: Digest) -> Option<&mut GraphRow> {
        self.places.get(&anchor).and_then(|place| self.rows.get_mut(*place))
    }
}

fn note_ends(changes: &mut Changes, settled: &Settled, now: Timestamp) {
    changes.erased.extend(&settled.erased);
    for ended in &settled.ended {
        changes.outcomes.push(outcome_of(ended, now));
        if ended.number > 1 {
            changes.resolved.push(ended.event);
        }
    }
}

/// An affiliate's passing from hand to hand is something that an operator should be able to read later.
fn audit(changes: &mut Changes, answer: &Answer, now: Timestamp) {
    let (action, subject) = match answer {
        Answer::Told { id, email: Some(_), .. } => ("address_changed", *id),
        Answer::StatusIs { id, .. } => ("status_changed", *id),
        Answer::Found(found) => ("affiliate_found", found.id),
        Answer::Gone { id } => ("affiliate_gone", *id),
        Answer::Scrubbed { id } => ("affiliate_scrubbed", *id),
        _ => return,
    };
    changes.audit.push(Audit {
        at: now,
        actor: "worker".to_owned(),
        action: action.to_owned(),
        subject: format!("affiliate {subject}"),
    });
}

fn lay_down(changes: &mut Changes, deaths: Vec<Death>, now: Timestamp) {
    for death in deaths {
        changes.outcomes.push(Outcome {
            event: death.event,
            number: death.number,
            state: State::Dead,
            reason: Some(death.cause.class.clone()),
            affiliate: None,
            at: now,
        });
        changes.dead_letters.push(DeadLetter {
            event: death.event,
            class: death.cause.class,
            cause: death.cause.message,
            http_status: death.cause.http_status,
            field: death.field,
            attempts: death.attempts,
            died_at: now,
        });
    }
}

/// What settling found, as the ledger keeps it.
#[must_use]
pub fn outcome_of(ended: &Ended, at: Timestamp) -> Outcome {
    let state = match ended.end {
        End::Created => State::Created,
        End::Updated => State::Updated,
        End::Deleted => State::Deleted,
        End::Unchanged => State::Unchanged,
        End::Superseded => State::Superseded,
        End::Remembered => State::Remembered,
    };
    let affiliate = ended.affiliate.clone().map(|(id, code)| AffiliateRef { id, code });
    Outcome { event: ended.event, number: ended.number, state, reason: ended.reason.clone(), affiliate, at }
}

/// When the graph is due: at once, or when its trouble says so; bulk waits a moment for company.
#[must_use]
pub fn work_of(settled: &Settled, now: Timestamp, bulk_waits: Duration) -> Option<Work> {
    let next = settled.next?;
    let wait = if next.lane == Lane::Bulk {
        SignedDuration::try_from(bulk_waits).unwrap_or_default()
    } else {
        SignedDuration::ZERO
    };
    let due_at = next.due_at.map_or(now + wait, Timestamp::from);
    Some(Work { lane: next.lane, step: next.step, due_at })
}
