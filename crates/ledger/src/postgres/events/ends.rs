//! Outcomes as columns, in rows of their own, or in the rows of events that end when they are recorded.

use std::borrow::Cow;

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::copy::{Rows, WORTH_A_COPY};
use super::super::failure::Failure;
use super::super::sql;
use super::super::text::{affiliate_id, integer, some_text};
use crate::Outcome;
use crate::words::micros;

/// If an outcome exists already, another process wrote it after this transaction read.
const INSERT: &str = "INSERT INTO outcomes (event_id, number, state, reason, affiliate_id, affiliate_code, at)
    SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[])
    ON CONFLICT (event_id, number) DO NOTHING";

/// The same for many rows.
const COPY: &str = "COPY outcomes (event_id, number, state, reason, affiliate_id, affiliate_code, at)
    FROM STDIN (FORMAT binary)";

/// The columns of an outcome; all empty if there is none.
#[derive(Default)]
pub(super) struct End<'o> {
    state: Option<&'static str>,
    reason: Option<Cow<'o, str>>,
    affiliate_id: Option<i64>,
    affiliate_code: Option<Cow<'o, str>>,
    at: Option<i64>,
}

impl<'o> End<'o> {
    pub(super) fn of(outcome: Option<&'o Outcome>) -> Result<Self, Failure> {
        let Some(outcome) = outcome else { return Ok(Self::default()) };
        let affiliate = outcome.affiliate.as_ref();
        Ok(Self {
            state: Some(outcome.state.word()),
            reason: some_text(outcome.reason.as_ref()),
            affiliate_id: affiliate_id(affiliate.and_then(|affiliate| affiliate.id))?,
            affiliate_code: some_text(affiliate.and_then(|affiliate| affiliate.code.as_ref())),
            at: Some(micros(outcome.at)),
        })
    }

    /// Adds its five columns to the current row.
    pub(super) fn copy(&self, rows: &mut Rows) {
        rows.text(self.state).text(self.reason.as_deref()).bigint(self.affiliate_id);
        rows.text(self.affiliate_code.as_deref()).bigint(self.at);
    }
}

/// The same for many outcomes, column by column.
#[derive(Default)]
pub(super) struct Ends<'o> {
    pub(super) states: Vec<Option<&'static str>>,
    pub(super) reasons: Vec<Option<Cow<'o, str>>>,
    pub(super) affiliate_ids: Vec<Option<i64>>,
    pub(super) affiliate_codes: Vec<Option<Cow<'o, str>>>,
    pub(super) at: Vec<Option<i64>>,
}

impl<'o> Ends<'o> {
    pub(super) fn of(outcomes: impl Iterator<Item = Option<&'o Outcome>>) -> Result<Self, Failure> {
        let mut ends = Self::default();
        for outcome in outcomes {
            let end = End::of(outcome)?;
            ends.states.push(end.state);
            ends.reasons.push(end.reason);
            ends.affiliate_ids.push(end.affiliate_id);
            ends.affiliate_codes.push(end.affiliate_code);
            ends.at.push(end.at);
        }
        Ok(ends)
    }
}

/// Writes outcomes into rows of their own.
pub(super) async fn write(db: &mut PgConnection, outcomes: &[&Outcome]) -> Result<(), Failure> {
    match outcomes.len() {
        0 => Ok(()),
        1..WORTH_A_COPY => insert(db, outcomes).await,
        _ => copy(db, outcomes).await,
    }
}

async fn insert(db: &mut PgConnection, outcomes: &[&Outcome]) -> Result<(), Failure> {
    let events: Vec<Uuid> = outcomes.iter().map(|outcome| outcome.event).collect();
    let numbers: Vec<i32> = outcomes.iter().map(|outcome| integer(outcome.number)).collect();
    let ends = Ends::of(outcomes.iter().map(|outcome| Some(*outcome)))?;
    let insert = sql(INSERT).bind(events).bind(numbers).bind(ends.states).bind(ends.reasons);
    let insert = insert.bind(ends.affiliate_ids).bind(ends.affiliate_codes).bind(ends.at);
    let written = insert.execute(db).await?.rows_affected();
    let all = u64::try_from(outcomes.len()).unwrap_or(u64::MAX);
    if written == all { Ok(()) } else { Err(Failure::Moved) }
}

async fn copy(db: &mut PgConnection, outcomes: &[&Outcome]) -> Result<(), Failure> {
    let mut rows = Rows::of(7);
    for outcome in outcomes {
        rows.begin().uuid(outcome.event).integer(integer(outcome.number));
        End::of(Some(outcome))?.copy(&mut rows);
    }
    rows.write(db, COPY).await
}
