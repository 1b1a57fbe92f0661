//! The new states of the events of one transaction, computed in memory and then written.

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::notes::Tally;
use super::super::text::text;
use super::super::{rows, sql};
use super::known::Known;
use super::{EventHistories, ends};
use crate::{Changes, NewEvent, Outcome, State};

const KEEP: &str = "INSERT INTO pending (event_id, dead, payload)
    SELECT * FROM UNNEST($1::uuid[], $2::boolean[], $3::text[])
    ON CONFLICT (event_id) DO UPDATE SET dead = excluded.dead";

const LET_GO: &str = "DELETE FROM pending WHERE event_id = ANY($1) RETURNING dead";

/// The state of one event before and after the transaction.
#[derive(Debug)]
pub(in super::super) struct EventHistory {
    /// `None` if the transaction records the event for the first time.
    before: Option<State>,
    after: State,
    outcomes: u32,
    /// The places of its new outcomes among those of the changes.
    new: Vec<usize>,
    /// The one of these that was written into the event's row.
    in_its_row: Option<usize>,
}

impl EventHistory {
    pub(super) fn fresh(in_its_row: Option<usize>) -> Self {
        Self { before: None, after: State::Pending, outcomes: 0, new: Vec::new(), in_its_row }
    }

    pub(super) fn known(known: Known) -> Self {
        Self {
            before: Some(known.state),
            after: known.state,
            outcomes: known.outcomes,
            new: Vec::new(),
            in_its_row: None,
        }
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.before.is_none()
    }

    /// The places of the outcomes that need rows of their own.
    fn new_rows(&self) -> impl Iterator<Item = usize> {
        self.new.iter().copied().filter(|place| Some(*place) != self.in_its_row)
    }

    fn reopen(&mut self) {
        if matches!(self.after, State::Dead | State::Remembered) {
            self.after = State::Pending;
        }
    }

    fn end(&mut self, place: usize, outcome: &Outcome) -> Result<(), Failure> {
        if outcome.number <= self.outcomes {
            return Ok(());
        }
        let may_change = matches!(self.after, State::Pending | State::Dead | State::Remembered);
        if !may_change || outcome.state == State::Pending {
            let (from, to) = (self.after.word(), outcome.state.word());
            return Err(Failure::Broken(format!("event {} cannot go from {from} to {to}", outcome.event)));
        }
        (self.after, self.outcomes) = (outcome.state, outcome.number);
        self.new.push(place);
        Ok(())
    }
}

/// Whether another process may be changing one of these events without touching its row in `pending`: only then the events have to be
/// locked.
pub(super) fn may_meet_another(changes: &Changes) -> bool {
    !changes.reopened.is_empty() || changes.outcomes.iter().any(|outcome| outcome.number > 1)
}

/// Computes the new states of the events. Changes of events that are not recorded are skipped.
pub(super) fn apply(histories: &mut EventHistories, changes: &Changes) -> Result<(), Failure> {
    for event in &changes.reopened {
        if let Some(history) = histories.get_mut(event) {
            history.reopen();
        }
    }
    for (place, outcome) in changes.outcomes.iter().enumerate() {
        if let Some(history) = histories.get_mut(&outcome.event) {
            history.end(place, outcome)?;
        }
    }
    Ok(())
}

/// Writes the new states of the events.
pub(super) async fn write(
    db: &mut PgConnection,
    changes: &Changes,
    events: &[&NewEvent],
    histories: &EventHistories,
    tally: &mut Tally,
) -> Result<(), Failure> {
    for (event, history) in histories.iter().filter(|(_, history)| history.before != Some(history.after)) {
        tally.event(*event, history.before, Some(history.after));
    }
    keep(db, events, histories).await?;
    let places = histories.values().flat_map(EventHistory::new_rows);
    let outcomes: Vec<&Outcome> = places.filter_map(|place| changes.outcomes.get(place)).collect();
    ends::write(db, &outcomes).await?;
    let goes = |history: &EventHistory| {
        history.before != Some(history.after)
            && matches!(history.before, Some(State::Pending | State::Dead))
            && !matches!(history.after, State::Pending | State::Dead)
    };
    let going: Vec<(&Uuid, &EventHistory)> = histories.iter().filter(|(_, history)| goes(history)).collect();
    let pending = going.iter().filter(|(_, history)| history.before == Some(State::Pending)).count();
    let ids: Vec<Uuid> = going.iter().map(|(event, _)| **event).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let gone: Vec<(bool,)> = rows(LET_GO).bind(ids).fetch_all(db).await?;
    // If the row of a pending event is missing, another process has ended the event meanwhile.
    if gone.iter().filter(|(dead,)| !dead).count() == pending { Ok(()) } else { Err(Failure::Moved) }
}

/// Writes the rows of events that are pending or dead now: new ones with their payloads, existing ones keep theirs.
async fn keep(
    db: &mut PgConnection,
    events: &[&NewEvent],
    histories: &EventHistories,
) -> Result<(), Failure> {
    let (mut ids, mut dead, mut payloads) = (Vec::new(), Vec::new(), Vec::new());
    let kept = histories.iter().filter(|(_, history)| {
        history.before != Some(history.after) && matches!(history.after, State::Pending | State::Dead)
    });
    for (event, history) in kept {
        let place = events.binary_search_by_key(event, |new| new.event).ok().filter(|_| history.is_fresh());
        let payload = place.and_then(|place| events.get(place)).map(|new| text(&new.payload));
        ids.push(*event);
        dead.push(history.after == State::Dead);
        payloads.push(payload);
    }
    if !ids.is_empty() {
        sql(KEEP).bind(ids).bind(dead).bind(payloads).execute(db).await?;
    }
    Ok(())
}
