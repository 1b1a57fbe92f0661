//! Recording how calls ended: delivered traits, outcomes, attempts and dead letters, in one fenced transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use connections::Connection;
use jiff::Timestamp;
use ledger::{
    Attempt, Audit, CallId, Changes, DeadLetter, Fence, GraphRow, LedgerError, Outcome, Save, State,
};
use people::Digest;
use people::answer::{Answer, Death, apply, concerned_by, fail};
use people::graph::Graph;
use people::needs::Rules;
use people::stamp::Moment;
use refersion::Class;

use crate::Worker;
use crate::deliver::{Ending, Failed};
use crate::rules::rules;
use crate::settle::{settle_save, unsettled};

/// How often a recording is tried again because absorb changed a graph meanwhile.
const CONFLICTS: usize = 50;

/// Records what one holder of a connection's lease learns, under its fence.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) worker: Worker,
    pub(super) connection: Arc<Connection>,
    pub(super) fence: Fence,
}

impl Recorder {
    /// The rules of the connection's settings.
    pub(super) fn rules(&self) -> Rules {
        rules(&self.connection.settings)
    }

    /// Nothing to record yet.
    pub(super) fn changes(&self) -> Changes {
        Changes { connection: self.connection.id, fence: Some(self.fence), ..Changes::default() }
    }

    /// Records how calls ended, whatever others have changed meanwhile.
    pub(super) async fn record_endings(&self, endings: &[Ending], closed: &[CallId]) -> anyhow::Result<()> {
        let rules = self.rules();
        let mut anchors: BTreeSet<Digest> = endings.iter().map(|ending| ending.anchor).collect();
        anchors.extend(endings.iter().flat_map(|ending| &ending.answers).map(|(anchor, _)| *anchor));
        let anchors: Vec<Digest> = anchors.into_iter().collect();
        for _ in 0..CONFLICTS {
            let gathered = self.worker.ledger.gather(self.connection.id, &anchors, &[]).await?;
            let mut changes = self.changes();
            changes.saves = gathered.graphs.into_iter().map(unsettled).collect();
            self.tell(&mut changes, endings, &rules);
            changes.closed_calls = closed.to_vec();
            let ended: Vec<State> = changes.outcomes.iter().map(|outcome| outcome.state).collect();
            match self.worker.ledger.record(changes).await {
                Ok(()) => {
                    ended.into_iter().for_each(|state| self.worker.meters.outcome(state.word()));
                    return Ok(());
                }
                Err(LedgerError::Conflict) => tokio::task::yield_now().await,
                Err(other) => return Err(other.into()),
            }
        }
        anyhow::bail!("others change the same graphs without end")
    }

    /// Applies endings to the graphs that are to be saved, and settles those again that they are about.
    pub(super) fn tell(&self, changes: &mut Changes, endings: &[Ending], rules: &Rules) {
        let now = self.worker.now();
        let mut saves = std::mem::take(&mut changes.saves);
        let places = places(&saves);
        let mut told = BTreeSet::new();
        for ending in endings {
            for (anchor, answer) in &ending.answers {
                if let Some(place) = places.get(anchor) {
                    told.insert(*place);
                    audit(changes, answer, now);
                    let deaths = apply(&mut saves[*place].graph, rules, *anchor, answer, now.into());
                    lay_down(changes, deaths, now);
                }
            }
            if let Some(place) = places.get(&ending.anchor) {
                told.insert(*place);
                if let Some(failed) = &ending.failed {
                    self.note_failure(changes, &mut saves[*place].graph, rules, ending.anchor, failed, now);
                }
            }
        }
        for place in told {
            let save = &mut saves[place];
            settle_save(changes, save, rules, now, Duration::ZERO);
            let new = save.graph.identifiers.keys().filter(|digest| !places.contains_key(digest));
            save.new_digests.extend(new);
        }
        changes.saves = saves;
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

    /// Settles a graph again under the settings of now.
    pub(super) fn resettle(&self, changes: &mut Changes, read: GraphRow, rules: &Rules, now: Timestamp) {
        let mut save = unsettled(read);
        settle_save(changes, &mut save, rules, now, Duration::ZERO);
        changes.saves.push(save);
    }
}

/// Where each identifier's graph is: one recording may be about thousands of them.
fn places(saves: &[Save]) -> BTreeMap<Digest, usize> {
    let held = |(place, save): (usize, &Save)| {
        save.graph.identifiers.keys().map(|digest| (*digest, place)).collect::<Vec<_>>()
    };
    saves.iter().enumerate().flat_map(held).collect()
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
