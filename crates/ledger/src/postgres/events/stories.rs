//! Where the events of one transaction go, worked out in memory, then written.

use sqlx_postgres::PgConnection;
use uuid::Uuid;

use super::super::copy::{Rows, WORTH_A_COPY};
use super::super::failure::Failure;
use super::super::notes::Tally;
use super::super::text::{affiliate_id, integer, some_text, text};
use super::super::{rows, sql};
use super::Stories;
use super::known::Known;
use crate::words::micros;
use crate::{Changes, NewEvent, Outcome, State};

/// That an outcome is there already means that somebody else wrote it since this transaction read.
const INSERT_OUTCOMES: &str =
    "INSERT INTO outcomes (event_id, number, state, reason, affiliate_id, affiliate_code, at)
    SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[])
    ON CONFLICT (event_id, number) DO NOTHING";

/// The same of many.
const COPY_OUTCOMES: &str =
    "COPY outcomes (event_id, number, state, reason, affiliate_id, affiliate_code, at)
    FROM STDIN (FORMAT binary)";

const KEEP: &str = "INSERT INTO pending (event_id, dead, payload)
    SELECT * FROM UNNEST($1::uuid[], $2::boolean[], $3::text[])
    ON CONFLICT (event_id) DO UPDATE SET dead = excluded.dead";

const LET_GO: &str = "DELETE FROM pending WHERE event_id = ANY($1) RETURNING dead";

/// One event, as it was before the transaction and as it will be after it.
#[derive(Debug)]
pub(in super::super) struct Story {
    /// `None` where the transaction records it for the first time.
    before: Option<State>,
    after: State,
    outcomes: u32,
    /// The places of its new outcomes among those of the changes.
    new: Vec<usize>,
}

impl Story {
    pub(super) fn fresh() -> Self {
        Self { before: None, after: State::Pending, outcomes: 0, new: Vec::new() }
    }

    pub(super) fn known(known: Known) -> Self {
        Self { before: Some(known.state), after: known.state, outcomes: known.outcomes, new: Vec::new() }
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.before.is_none()
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

/// Whether somebody else may be about to change an event of these without touching its row in `pending`: only then the
/// events have to be locked.
pub(super) fn may_meet_another(changes: &Changes) -> bool {
    !changes.reopened.is_empty() || changes.outcomes.iter().any(|outcome| outcome.number > 1)
}

/// Works out where the events go. What concerns an event that is not there is passed over.
pub(super) fn tell(stories: &mut Stories, changes: &Changes) -> Result<(), Failure> {
    for event in &changes.reopened {
        if let Some(story) = stories.get_mut(event) {
            story.reopen();
        }
    }
    for (place, outcome) in changes.outcomes.iter().enumerate() {
        if let Some(story) = stories.get_mut(&outcome.event) {
            story.end(place, outcome)?;
        }
    }
    Ok(())
}

/// Writes where the events go.
pub(super) async fn write(
    connection: &mut PgConnection,
    changes: &Changes,
    events: &[&NewEvent],
    stories: &Stories,
    tally: &mut Tally,
) -> Result<(), Failure> {
    for (event, story) in stories.iter().filter(|(_, story)| story.before != Some(story.after)) {
        tally.event(*event, story.before, Some(story.after));
    }
    keep(connection, events, stories).await?;
    let places = stories.values().flat_map(|story| &story.new);
    let outcomes: Vec<&Outcome> = places.filter_map(|place| changes.outcomes.get(*place)).collect();
    match outcomes.len() {
        0 => {}
        1..WORTH_A_COPY => insert_outcomes(connection, &outcomes).await?,
        _ => copy_outcomes(connection, &outcomes).await?,
    }
    let goes = |story: &Story| {
        story.before != Some(story.after)
            && matches!(story.before, Some(State::Pending | State::Dead))
            && !matches!(story.after, State::Pending | State::Dead)
    };
    let going: Vec<(&Uuid, &Story)> = stories.iter().filter(|(_, story)| goes(story)).collect();
    let pending = going.iter().filter(|(_, story)| story.before == Some(State::Pending)).count();
    let ids: Vec<Uuid> = going.iter().map(|(event, _)| **event).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let gone: Vec<(bool,)> = rows(LET_GO).bind(ids).fetch_all(connection).await?;
    // Where a row of a pending event is missing, somebody else has ended the event meanwhile.
    if gone.iter().filter(|(dead,)| !dead).count() == pending { Ok(()) } else { Err(Failure::Moved) }
}

/// Keeps the rows of events that are pending or dead now: new ones with their payloads, others as they are.
async fn keep(connection: &mut PgConnection, events: &[&NewEvent], stories: &Stories) -> Result<(), Failure> {
    let (mut ids, mut dead, mut payloads) = (Vec::new(), Vec::new(), Vec::new());
    let kept = stories.iter().filter(|(_, story)| {
        story.before != Some(story.after) && matches!(story.after, State::Pending | State::Dead)
    });
    for (event, story) in kept {
        let place = events.binary_search_by_key(event, |new| new.event).ok().filter(|_| story.is_fresh());
        let payload = place.and_then(|place| events.get(place)).map(|new| text(&new.payload));
        ids.push(*event);
        dead.push(story.after == State::Dead);
        payloads.push(payload);
    }
    if !ids.is_empty() {
        sql(KEEP).bind(ids).bind(dead).bind(payloads).execute(connection).await?;
    }
    Ok(())
}

async fn insert_outcomes(connection: &mut PgConnection, outcomes: &[&Outcome]) -> Result<(), Failure> {
    let events: Vec<Uuid> = outcomes.iter().map(|outcome| outcome.event).collect();
    let numbers: Vec<i32> = outcomes.iter().map(|outcome| integer(outcome.number)).collect();
    let states: Vec<&str> = outcomes.iter().map(|outcome| outcome.state.word()).collect();
    let reasons: Vec<_> = outcomes.iter().map(|outcome| some_text(outcome.reason.as_ref())).collect();
    let affiliates = outcomes.iter().map(|outcome| outcome.affiliate.as_ref());
    let codes: Vec<_> = affiliates.clone().map(|it| some_text(it.and_then(|it| it.code.as_ref()))).collect();
    let ids = affiliates.map(|it| affiliate_id(it.and_then(|it| it.id))).collect::<Result<Vec<_>, _>>()?;
    let at: Vec<i64> = outcomes.iter().map(|outcome| micros(outcome.at)).collect();
    let insert = sql(INSERT_OUTCOMES).bind(events).bind(numbers).bind(states).bind(reasons);
    let written = insert.bind(ids).bind(codes).bind(at).execute(connection).await?;
    let all = u64::try_from(outcomes.len()).unwrap_or(u64::MAX);
    if written.rows_affected() == all { Ok(()) } else { Err(Failure::Moved) }
}

async fn copy_outcomes(connection: &mut PgConnection, outcomes: &[&Outcome]) -> Result<(), Failure> {
    let mut rows = Rows::of(7);
    for outcome in outcomes {
        let affiliate = outcome.affiliate.as_ref();
        let code = affiliate.and_then(|affiliate| affiliate.code.as_ref());
        rows.begin().uuid(outcome.event).integer(integer(outcome.number)).text(Some(outcome.state.word()));
        rows.text(some_text(outcome.reason.as_ref()).as_deref());
        rows.bigint(affiliate_id(affiliate.and_then(|affiliate| affiliate.id))?);
        rows.text(some_text(code).as_deref()).bigint(Some(micros(outcome.at)));
    }
    rows.write(connection, COPY_OUTCOMES).await
}
