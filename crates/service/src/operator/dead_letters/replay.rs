//! A replay: publishes the same event once more, under the same id and with the same time.

use std::collections::BTreeMap;
use std::time::Instant;

use connections::ConnectionId;
use ledger::{Act, AuditEntry, AuditResult, DeadLetterState, DeadLetterView, PlanId};

use super::one_step::{OneStep, Refused};
use super::{Pages, Row, Selection, Verb, changed_at_once};
use crate::arrivals::report_own;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;
use crate::operator::plans::envelope;

const QUEUE_CLOSED: &str = "the queue takes nothing now: replay it again later";

/// Replays a selection. Returns the plan that records the results; `each` is called with the state of each dead letter.
pub(super) async fn run(
    engines: &Engines,
    selection: &Selection,
    act: &Act,
    each: &mut (dyn FnMut(Row) + Send),
) -> Result<Option<PlanId>, Failure> {
    let mut plan = OneStep::new(engines, selection, act);
    match all(engines, selection, act, &mut plan, each).await {
        Ok(()) => {
            let plan = plan.end().await?;
            report_own(engines).await;
            Ok(plan)
        }
        Err(failure) => {
            // Replayed events still come to their results, and the other dead letters are free. If the ledger itself failed, a
            // worker cancels the plan.
            drop(plan.end().await);
            Err(failure)
        }
    }
}

/// Replays page by page.
async fn all(
    engines: &Engines,
    selection: &Selection,
    act: &Act,
    plan: &mut OneStep<'_>,
    each: &mut (dyn FnMut(Row) + Send),
) -> Result<(), Failure> {
    let directory = Directory::read(engines, None).await?;
    let mut is_closed = false;
    let (mut pages, mut size) = (Pages::of(selection), changed_at_once());
    loop {
        let letters = pages.next(engines, size.rows()).await?;
        if letters.is_empty() {
            return Ok(());
        }
        let refused = match is_closed {
            true => letters.iter().map(|letter| (letter.id, QUEUE_CLOSED)).collect(),
            false => {
                // Of the transactions for a page, this one writes the most.
                let began = Instant::now();
                let mut refused = plan.mark(&letters, &directory).await?;
                size.learn(letters.len(), began.elapsed());
                publish(engines, &letters, &mut refused, act).await?;
                plan.note(&letters, &refused).await?;
                refused
            }
        };
        is_closed |= refused.values().any(|reason| *reason == QUEUE_CLOSED);
        letters.iter().for_each(|letter| each(row(letter, refused.get(&letter.id).copied())));
    }
}

fn row(letter: &DeadLetterView, reason: Option<&'static str>) -> Row {
    let state = if reason.is_some() { letter.state } else { DeadLetterState::Replaying };
    Row { id: letter.id, event_id: Some(letter.event), state: state.word(), reason }
}

/// Publishes the events of a page together, except the refused ones, and adds those that were not published to `refused`. A
/// marked dead letter cannot be repaired, so the newest revisions are read after marking. A dead letter whose event never came
/// to be absorbed may be replayed again, which does no harm.
async fn publish(
    engines: &Engines,
    letters: &[DeadLetterView],
    refused: &mut Refused,
    act: &Act,
) -> Result<(), Failure> {
    let marked: Vec<&DeadLetterView> =
        letters.iter().filter(|letter| !refused.contains_key(&letter.id)).collect();
    let ids: Vec<i64> = marked.iter().map(|letter| letter.id).collect();
    let repaired = engines.repairs.newest_revisions(&ids).await?;
    let (mut back, mut envelopes) = (Refused::new(), Vec::new());
    for letter in &marked {
        match envelope(letter, repaired.get(&letter.id), None) {
            Ok(envelope) => envelopes.push(envelope),
            Err(reason) => drop(back.insert(letter.id, reason)),
        }
    }
    if let Err(error) = engines.queue.publish(&envelopes).await {
        tracing::warn!(letters = envelopes.len(), %error, "dead letters could not be replayed");
        for letter in &marked {
            back.entry(letter.id).or_insert(QUEUE_CLOSED);
        }
    }
    if !back.is_empty() {
        open_again(engines, &marked, &back, act).await?;
    }
    refused.extend(back);
    Ok(())
}

/// Opens marked dead letters again that are not in the queue. The audit has an entry about the page, and gets another one about these.
async fn open_again(
    engines: &Engines,
    marked: &[&DeadLetterView],
    back: &Refused,
    act: &Act,
) -> Result<(), Failure> {
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    let opened = marked.iter().filter(|letter| letter.state == open && back.contains_key(&letter.id));
    let opened: Vec<i64> = opened.map(|letter| letter.id).collect();
    engines.ledger.move_dead_letters(&opened, replaying, open).await?;
    let mut by_connection: BTreeMap<ConnectionId, u64> = BTreeMap::new();
    let not_replayed = marked.iter().filter(|letter| back.contains_key(&letter.id));
    not_replayed.for_each(|letter| *by_connection.entry(letter.connection).or_default() += 1);
    let line = |(connection, number): (ConnectionId, u64)| {
        let subject = format!("{number} of the dead letters of `{}` could not be replayed", act.selector);
        AuditEntry {
            connection: Some(connection),
            selector: Some(act.selector.clone()),
            reason: act.reason.clone(),
            result: AuditResult::Failed,
            number: Some(number),
            ..AuditEntry::new(act.at, &act.actor, Verb::Replay.action(), subject)
        }
    };
    let lines: Vec<AuditEntry> = by_connection.into_iter().map(line).collect();
    Ok(engines.operators.note(&lines).await?)
}
