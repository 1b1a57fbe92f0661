//! The dead letters of plans.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::text::some_text;
use super::super::{letters, rows, sql};
use crate::plans::{
    Candidate, ItemChange, ItemFilter, ItemState, LetterNow, Marked, NewItem, PlanItem, ended, free,
};
use crate::words::{digest, item_state, letter_state, limit, micros, small, state, time};
use crate::{Act, PlanId, State};

/// In the order of their ids, so that two planners never wait for each other in a circle. A plan that this statement does not
/// see has begun since, so its reservation stands; holds go before their plan does.
const HOLD: &str = "INSERT INTO plan_holds AS held (letter, plan)
    SELECT letter, $1 FROM UNNEST($2::bigint[]) AS new (letter) ORDER BY letter
    ON CONFLICT (letter) DO UPDATE SET plan = excluded.plan
    WHERE held.plan = excluded.plan OR EXISTS (SELECT 1 FROM plans
        WHERE id = held.plan AND state IN ('cancelled', 'done', 'expired'))
    RETURNING letter";

/// Dead letters that are left out are free for other plans. Reservations are locked in the order of the dead letters everywhere.
const RELEASE: &str = "DELETE FROM plan_holds WHERE letter IN (
        SELECT letter FROM plan_holds WHERE plan = $1 AND letter = ANY($2) ORDER BY letter FOR UPDATE)";

const HELD_BY: &str = "SELECT letter, plan FROM plan_holds WHERE letter = ANY($1)";

const ADD: &str =
    "INSERT INTO plan_items (plan, letter, event, connection, person, group_key, state, reason, died_at, weight,
        released_at)
    SELECT $1, letter, event, connection, person, group_key, state, reason, died_at, weight, released_at
    FROM UNNEST($2::bigint[], $3::uuid[], $4::bigint[], $5::bytea[], $6::text[], $7::text[], $8::text[],
        $9::bigint[], $10::bigint[], $11::bigint[])
        AS new (letter, event, connection, person, group_key, state, reason, died_at, weight, released_at)
    ON CONFLICT (plan, letter) DO NOTHING RETURNING state, reason";

/// Locks items in the order of their letters. One look into the index for each, because a generic plan that was made before the table
/// was analyzed would read the whole plan of the replay instead.
const STATES: &str = "SELECT found.letter, found.state, found.reason
    FROM (SELECT letter FROM UNNEST($2::bigint[]) AS asked (letter) ORDER BY letter) AS wanted
    CROSS JOIN LATERAL (
        SELECT letter, state, reason FROM plan_items WHERE plan = $1 AND letter = wanted.letter FOR UPDATE) AS found";

/// By their places, for the same reason: [`STATES`] has locked them, so they stay where they are.
const CHANGE: &str = "UPDATE plan_items SET state = new.state, reason = new.reason,
        person = COALESCE(new.person, plan_items.person), weight = COALESCE(new.weight, plan_items.weight),
        released_at = COALESCE(new.released_at, plan_items.released_at),
        ended_at = COALESCE(new.ended_at, plan_items.ended_at),
        died_at = COALESCE(new.died_at, plan_items.died_at)
    FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[],
        $9::bigint[]) AS new (letter, state, reason, person, weight, released_at, ended_at, died_at)
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM plan_items WHERE plan = $1 AND letter = new.letter OFFSET 0) AS found
    WHERE plan_items.ctid = found.place";

const COUNT: &str = "INSERT INTO plan_counts (plan, state, reason, count)
    SELECT $1, state, reason, change FROM UNNEST($2::text[], $3::text[], $4::bigint[]) AS new (state, reason, change)
    ORDER BY state, reason
    ON CONFLICT (plan, state, reason) DO UPDATE SET count = plan_counts.count + excluded.count";

macro_rules! with_letters {
    ($rest:literal) => {
        concat!(
            "SELECT i.letter, i.event, i.connection, i.person, i.group_key, i.state, i.reason, i.weight,
                i.released_at, i.ended_at, d.state, d.died_at, d.group_key,
                CASE WHEN p.event_id IS NOT NULL AND NOT p.dead THEN 'pending' ELSE o.state END, o.at,
                i.died_at
            FROM (SELECT * FROM plan_items i WHERE i.plan = $1 AND ",
            $rest,
            ") AS i
            LEFT JOIN dead_letters d ON d.id = i.letter LEFT JOIN pending p ON p.event_id = d.event_id
            LEFT JOIN LATERAL (
                SELECT number, state, at FROM outcomes WHERE event_id = d.event_id
                UNION ALL SELECT 1, e.first_state, e.first_at FROM events e
                WHERE e.event_id = d.event_id AND e.first_state IS NOT NULL
                ORDER BY number DESC LIMIT 1
            ) o ON p.event_id IS NULL OR p.dead"
        )
    };
}

const BY_PERSON: &str = concat!(
    with_letters!(
        "i.state = $2 AND ($3::text IS NULL OR i.reason = $3) AND i.connection BETWEEN $4 AND $5
        AND ($6::bytea IS NULL OR i.person <= $6) AND (i.connection, i.person, i.letter) > ($7, $8, $9)
        ORDER BY i.connection, i.person, i.letter LIMIT $10"
    ),
    " ORDER BY i.connection, i.person, i.letter"
);

const BY_LETTER: &str =
    concat!(with_letters!("i.letter > $2 ORDER BY i.letter LIMIT $3"), " ORDER BY i.letter");

/// Changes of the counts, written together.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<(String, String), i64>);

impl Counts {
    pub(super) fn add(&mut self, state: &str, reason: &str, change: i64) {
        *self.0.entry((state.to_owned(), reason.to_owned())).or_default() += change;
    }

    pub(super) async fn write(self, db: &mut PgConnection, plan: PlanId) -> Result<(), Failure> {
        let changes: Vec<_> = self.0.into_iter().filter(|(_, change)| *change != 0).collect();
        let (words, changes): (Vec<(String, String)>, Vec<i64>) = changes.into_iter().unzip();
        let (states, reasons): (Vec<String>, Vec<String>) = words.into_iter().unzip();
        if !changes.is_empty() {
            sql(COUNT).bind(plan).bind(states).bind(reasons).bind(changes).execute(db).await?;
        }
        Ok(())
    }
}

/// Adds items, each with its reservation unless it is left out; which other plans have reserved.
pub(super) async fn add(
    db: &mut PgConnection,
    plan: PlanId,
    items: &[NewItem],
) -> Result<Vec<(i64, PlanId)>, Failure> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = items.iter().filter(|item| item.state != ItemState::LeftOut);
    let letters: Vec<i64> = wanted.map(|item| item.candidate.letter).collect();
    let held: Vec<(i64,)> = rows(HOLD).bind(plan).bind(&letters).fetch_all(&mut *db).await?;
    let by: BTreeMap<i64, PlanId> = match held.len() == letters.len() {
        true => BTreeMap::new(),
        false => {
            let by: Vec<(i64, PlanId)> = rows(HELD_BY).bind(&letters).fetch_all(&mut *db).await?;
            by.into_iter().filter(|(_, other)| *other != plan).collect()
        }
    };
    let added = insert(db, plan, items, &by).await?;
    let mut counts = Counts::default();
    added.iter().for_each(|(state, reason)| counts.add(state, reason, 1));
    counts.write(db, plan).await?;
    Ok(by.into_iter().collect())
}

/// Inserts items that are not there yet; their states and reasons.
async fn insert(
    db: &mut PgConnection,
    plan: PlanId,
    items: &[NewItem],
    by: &BTreeMap<i64, PlanId>,
) -> Result<Vec<(String, String)>, Failure> {
    let standing = |item: &NewItem| match by.get(&item.candidate.letter) {
        Some(other) => (ItemState::LeftOut.word(), format!("reserved by plan {other}")),
        None => (item.state.word(), item.reason.clone()),
    };
    let (states, reasons): (Vec<&'static str>, Vec<String>) = items.iter().map(standing).unzip();
    let weights: Vec<i64> = items.iter().map(|item| item.weight.into()).collect();
    let letters: Vec<&Candidate> = items.iter().map(|item| &item.candidate).collect();
    let ids: Vec<i64> = letters.iter().map(|it| it.letter).collect();
    let events: Vec<Uuid> = letters.iter().map(|it| it.event).collect();
    let connections: Vec<i64> = letters.iter().map(|it| it.connection).collect();
    let persons: Vec<&[u8]> = letters.iter().map(|it| &it.person.0[..]).collect();
    let groups: Vec<&str> = letters.iter().map(|it| it.group.as_str()).collect();
    let died: Vec<i64> = letters.iter().map(|it| micros(it.died_at)).collect();
    let released: Vec<Option<i64>> = items.iter().map(|item| item.released_at.map(micros)).collect();
    let add = rows(ADD).bind(plan).bind(ids).bind(events).bind(connections).bind(persons).bind(groups);
    let add = add.bind(states).bind(reasons).bind(died).bind(weights).bind(released);
    Ok(add.fetch_all(db).await?)
}

/// Adds items, each with its reservation, and marks their dead letters as replaying.
pub(super) async fn mark(
    db: &mut PgConnection,
    plan: PlanId,
    items: &[NewItem],
    act: &Act,
) -> Result<Marked, Failure> {
    let reserved = add(db, plan, items).await?;
    let free = free(items, &reserved);
    let letters = letters::replay(db, &free, act).await?.into_iter().collect();
    let ended = ended(&free, &letters);
    if !ended.is_empty() {
        change(db, plan, &ended).await?;
    }
    Ok(Marked { letters, reserved })
}

/// Changes items, and what is counted of them.
pub(super) async fn change(
    db: &mut PgConnection,
    plan: PlanId,
    changes: &[ItemChange],
) -> Result<(), Failure> {
    let letters: Vec<i64> = changes.iter().map(|change| change.letter).collect();
    let before: Vec<(i64, String, String)> =
        rows(STATES).bind(plan).bind(&letters).fetch_all(&mut *db).await?;
    let before: BTreeMap<i64, (String, String)> =
        before.into_iter().map(|(letter, state, reason)| (letter, (state, reason))).collect();
    let mut counts = Counts::default();
    for change in changes {
        if let Some((state, reason)) = before.get(&change.letter) {
            counts.add(state, reason, -1);
            counts.add(change.state.word(), &change.reason, 1);
        }
    }
    let left_out = changes.iter().filter(|change| change.state == ItemState::LeftOut);
    let left_out: Vec<i64> = left_out.map(|change| change.letter).collect();
    if !left_out.is_empty() {
        sql(RELEASE).bind(plan).bind(left_out).execute(&mut *db).await?;
    }
    let states: Vec<&'static str> = changes.iter().map(|change| change.state.word()).collect();
    let reasons: Vec<&str> = changes.iter().map(|change| change.reason.as_str()).collect();
    let persons: Vec<Option<&[u8]>> =
        changes.iter().map(|change| change.person.as_ref().map(|person| &person.0[..])).collect();
    let weights: Vec<Option<i64>> = changes.iter().map(|change| change.weight.map(i64::from)).collect();
    let released: Vec<Option<i64>> = changes.iter().map(|change| change.released_at.map(micros)).collect();
    let ended: Vec<Option<i64>> = changes.iter().map(|change| change.ended_at.map(micros)).collect();
    let died: Vec<Option<i64>> = changes.iter().map(|change| change.died_at.map(micros)).collect();
    let write = sql(CHANGE).bind(plan).bind(letters).bind(states).bind(reasons).bind(persons);
    write.bind(weights).bind(released).bind(ended).bind(died).execute(&mut *db).await?;
    counts.write(db, plan).await
}

/// Items with how their dead letters stand.
pub(super) async fn read(db: &mut PgConnection, filter: &ItemFilter) -> Result<Vec<PlanItem>, Failure> {
    let first = (i64::MIN, Vec::new(), i64::MIN);
    let (connection, person, letter) =
        filter.after.map_or(first, |(of, p, letter)| (of, p.0.to_vec(), letter));
    let query = match filter.state {
        Some(state) => {
            let until = filter.until.map(|person| person.0.to_vec());
            let query =
                sql(BY_PERSON).bind(filter.plan).bind(state.word()).bind(some_text(filter.reason.as_ref()));
            let query = query.bind(filter.connection.unwrap_or(i64::MIN));
            let query = query.bind(filter.connection.unwrap_or(i64::MAX)).bind(until);
            query.bind(connection).bind(person).bind(letter)
        }
        None => sql(BY_LETTER).bind(filter.plan).bind(letter),
    };
    let found = query.bind(limit(filter.limit)).fetch_all(db).await?;
    found.iter().map(item).collect()
}

fn item(row: &PgRow) -> Result<PlanItem, Failure> {
    let at = |place: usize| -> Result<_, Failure> {
        Ok(row.try_get::<Option<i64>, _>(place)?.map(time).transpose()?)
    };
    let event = row.try_get::<Option<&str>, _>(13)?;
    let now = match (row.try_get::<Option<&str>, _>(10)?, at(11)?) {
        (Some(letter), Some(died_at)) => Some(LetterNow {
            state: letter_state(letter)?,
            died_at,
            group: row.try_get(12)?,
            event: state(event.unwrap_or(State::Pending.word()))?,
            ended_at: at(14)?,
        }),
        _ => None,
    };
    Ok(PlanItem {
        letter: row.try_get(0)?,
        event: row.try_get(1)?,
        connection: row.try_get(2)?,
        person: digest(row.try_get(3)?)?,
        group: row.try_get(4)?,
        state: item_state(row.try_get(5)?)?,
        reason: row.try_get(6)?,
        weight: small(row.try_get(7)?)?,
        died_at: time(row.try_get(15)?)?,
        released_at: at(8)?,
        ended_at: at(9)?,
        now,
    })
}
