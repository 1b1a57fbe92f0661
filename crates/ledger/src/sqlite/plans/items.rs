//! The dead letters of plans.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sqlite::rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::failure::Failure;
use super::super::letters;
use super::super::page_bounds::lower_bound;
use super::super::words::{digest, item_state, letter_state, limit, micros, small, state, time, uuid};
use crate::plans::{ItemChange, ItemFilter, ItemState, LetterNow, Marked, NewItem, PlanItem, ended, free};
use crate::{Act, PlanId};

const HOLD: &str = "INSERT INTO plan_holds (letter, plan) VALUES (?1, ?2)
    ON CONFLICT (letter) DO UPDATE SET plan = excluded.plan
    WHERE plan_holds.plan = excluded.plan OR NOT EXISTS (SELECT 1 FROM plans
        WHERE id = plan_holds.plan AND state NOT IN ('cancelled', 'done', 'expired'))";

/// A dead letter that is left out is free for other plans.
const RELEASE: &str = "DELETE FROM plan_holds WHERE letter = ?1 AND plan = ?2";

const HELD_BY: &str = "SELECT plan FROM plan_holds WHERE letter = ?1";

const ADD: &str =
    "INSERT INTO plan_items (plan, letter, event, connection, person, group_key, died_at, state, reason, weight,
        released_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (plan, letter) DO NOTHING";

const STATE: &str = "SELECT state, reason FROM plan_items WHERE plan = ?1 AND letter = ?2";

const CHANGE: &str = "UPDATE plan_items SET state = ?3, reason = ?4, person = COALESCE(?5, person),
        weight = COALESCE(?6, weight), released_at = COALESCE(?7, released_at), ended_at = COALESCE(?8, ended_at),
        died_at = COALESCE(?9, died_at)
    WHERE plan = ?1 AND letter = ?2";

const COUNT: &str = "INSERT INTO plan_counts (plan, state, reason, count) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (plan, state, reason) DO UPDATE SET count = count + excluded.count";

macro_rules! with_letters {
    ($rest:literal) => {
        concat!(
            "SELECT i.letter, i.event, i.connection, i.person, i.group_key, i.state, i.reason, i.weight,
                i.released_at, i.ended_at, d.state, d.died_at, d.group_key, e.state, e.ended_at,
                i.died_at
            FROM plan_items i LEFT JOIN dead_letters d ON d.id = i.letter LEFT JOIN events e ON e.id = d.event
            WHERE i.plan = ?1 AND ",
            $rest
        )
    };
}

const BY_PERSON: &str = with_letters!(
    "i.state = ?2 AND (?3 IS NULL OR i.reason = ?3) AND i.connection <= ?4 AND i.person <= ?5
    AND (i.connection, i.person, i.letter) > (?6, ?7, ?8) ORDER BY i.connection, i.person, i.letter LIMIT ?9"
);

const BY_LETTER: &str = with_letters!("i.letter > ?2 ORDER BY i.letter LIMIT ?3");

/// A value above every digest.
const NO_LAST_PERSON: [u8; 17] = [0xFF; 17];

/// Changes of the counts, written together.
#[derive(Default)]
struct Counts(BTreeMap<(&'static str, String), i64>);

impl Counts {
    fn add(&mut self, state: ItemState, reason: &str, change: i64) {
        *self.0.entry((state.word(), reason.to_owned())).or_default() += change;
    }

    fn write(self, database: &Connection, plan: PlanId) -> Result<(), Failure> {
        let mut count = database.prepare_cached(COUNT)?;
        for ((state, reason), change) in self.0.into_iter().filter(|(_, change)| *change != 0) {
            count.execute((plan, state, reason, change))?;
        }
        Ok(())
    }
}

/// Adds items, each with its reservation unless it is left out. Returns the dead letters that other plans have reserved.
pub(super) fn add(
    database: &Connection,
    plan: PlanId,
    items: &[NewItem],
) -> Result<Vec<(i64, PlanId)>, Failure> {
    let (mut hold, mut held_by) = (database.prepare_cached(HOLD)?, database.prepare_cached(HELD_BY)?);
    let mut add = database.prepare_cached(ADD)?;
    let (mut counts, mut reserved) = (Counts::default(), Vec::new());
    for NewItem { candidate, state, reason, weight, released_at } in items {
        let (mut state, mut reason) = (*state, Cow::Borrowed(reason.as_str()));
        if state != ItemState::LeftOut && hold.execute((candidate.letter, plan))? == 0 {
            let other: PlanId = held_by.query_row([candidate.letter], |row| row.get(0))?;
            reserved.push((candidate.letter, other));
            (state, reason) = (ItemState::LeftOut, format!("reserved by plan {other}").into());
        }
        let (event, person) = (candidate.event.as_bytes(), &candidate.person.0[..]);
        let added = add.execute(params![
            plan,
            candidate.letter,
            event,
            candidate.connection,
            person,
            candidate.group,
            micros(candidate.died_at),
            state.word(),
            reason,
            weight,
            released_at.map(micros),
        ])?;
        if added > 0 {
            counts.add(state, &reason, 1);
        }
    }
    counts.write(database, plan)?;
    Ok(reserved)
}

/// Adds items, each with its reservation, and marks their dead letters as replaying.
pub(super) fn mark(
    database: &Connection,
    plan: PlanId,
    items: &[NewItem],
    act: &Act,
) -> Result<Marked, Failure> {
    let reserved = add(database, plan, items)?;
    let free = free(items, &reserved);
    let letters = letters::replay(database, &free, act)?.into_iter().collect();
    change(database, plan, &ended(&free, &letters))?;
    Ok(Marked { letters, reserved })
}

/// Changes items, and their counts.
pub(super) fn change(database: &Connection, plan: PlanId, changes: &[ItemChange]) -> Result<(), Failure> {
    let (mut read, mut write) = (database.prepare_cached(STATE)?, database.prepare_cached(CHANGE)?);
    let mut counts = Counts::default();
    for change in changes {
        let before: Option<(String, String)> =
            read.query_row((plan, change.letter), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((state, reason)) = before else { continue };
        write.execute((
            plan,
            change.letter,
            change.state.word(),
            &change.reason,
            change.person.as_ref().map(|person| &person.0[..]),
            change.weight,
            change.released_at.map(micros),
            change.ended_at.map(micros),
            change.died_at.map(micros),
        ))?;
        counts.add(item_state(&state)?, &reason, -1);
        counts.add(change.state, &change.reason, 1);
        if change.state == ItemState::LeftOut {
            database.prepare_cached(RELEASE)?.execute((change.letter, plan))?;
        }
    }
    counts.write(database, plan)
}

/// Items with the states of their dead letters.
pub(super) fn read(database: &Connection, filter: &ItemFilter) -> Result<Vec<PlanItem>, Failure> {
    let until = filter.until.map_or(NO_LAST_PERSON.to_vec(), |person| person.0.to_vec());
    let mut statement =
        database.prepare_cached(if filter.state.is_some() { BY_PERSON } else { BY_LETTER })?;
    let (connection, person, letter) = lower_bound(filter);
    let mut rows = match filter.state {
        Some(state) => statement.query(params![
            filter.plan,
            state.word(),
            filter.reason,
            filter.connection.unwrap_or(i64::MAX),
            until,
            connection,
            person,
            letter,
            limit(filter.limit),
        ])?,
        None => {
            let letter = filter.after.map_or(i64::MIN, |(.., letter)| letter);
            statement.query((filter.plan, letter, limit(filter.limit)))?
        }
    };
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(item(row)?);
    }
    Ok(items)
}

fn item(row: &Row<'_>) -> Result<PlanItem, Failure> {
    let at =
        |place: usize| -> Result<_, Failure> { Ok(row.get::<_, Option<i64>>(place)?.map(time).transpose()?) };
    let now = match (row.get::<_, Option<String>>(10)?, at(11)?, row.get::<_, Option<String>>(13)?) {
        (Some(letter), Some(died_at), Some(event)) => Some(LetterNow {
            state: letter_state(&letter)?,
            died_at,
            group: row.get(12)?,
            event: state(&event)?,
            ended_at: at(14)?,
        }),
        _ => None,
    };
    Ok(PlanItem {
        letter: row.get(0)?,
        event: uuid(&row.get::<_, Vec<u8>>(1)?)?,
        connection: row.get(2)?,
        person: digest(&row.get::<_, Vec<u8>>(3)?)?,
        group: row.get(4)?,
        state: item_state(&row.get::<_, String>(5)?)?,
        reason: row.get(6)?,
        weight: small(row.get(7)?)?,
        died_at: time(row.get(15)?)?,
        released_at: at(8)?,
        ended_at: at(9)?,
        now,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::steps::{ROWS, assert_as_cheap, ledger, steps};
    use super::*;

    #[test]
    fn the_last_page_of_a_plan_s_items_is_as_cheap_as_the_first() {
        let database = ledger();
        let page = |connection, after| {
            let state = Some(ItemState::Planned);
            let filter = ItemFilter { plan: 9, state, connection, after, limit: 20, ..ItemFilter::default() };
            steps(&database, BY_PERSON, |database| {
                assert_eq!(read(database, &filter).expect("read").len(), 20)
            })
        };
        let last = ROWS - 30;
        let person = digest(format!("{last:016}").as_bytes()).expect("a digest");
        for connection in [None, Some(1)] {
            assert_as_cheap(page(connection, Some((1, person, last))), page(connection, None));
        }
    }
}
