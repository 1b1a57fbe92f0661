//! Groups of dead letters. Triggers of the schema keep their counts.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::failure::Failure;
use super::rows::all;
use super::words::{count, letter_state, limit, micros, small, time};
use super::{SqliteLedger, letters, views};
use crate::audience::audience_in;
use crate::groups::{Cause, Counted, HOURS, MAX_NOTE_CHARS, Note, Span, VERSION, assemble};
use crate::{Act, DeadLetterFilter, DeadLetters, EventView, Group, LedgerError};

const MICROS_OF_AN_HOUR: i64 = 3_600_000_000;

/// The newest dead letter of each group and state supplies the cause.
const COUNTED: &str = "WITH counted AS (
        SELECT connection, group_key, what, SUM(count) AS letters FROM letter_counts WHERE what <> 'people'
        GROUP BY 1, 2, 3)
    SELECT c.connection, c.group_key, c.what, c.letters,
        (SELECT MIN(f.died_at) FROM dead_letters f
            WHERE f.group_key = c.group_key AND f.connection = c.connection AND f.state = c.what),
        d.died_at, d.id, d.class, d.http_status, d.field, d.cause
    FROM counted c JOIN dead_letters d ON d.id = (
        SELECT n.id FROM dead_letters n
        WHERE n.group_key = c.group_key AND n.connection = c.connection AND n.state = c.what
        ORDER BY n.died_at DESC, n.id DESC LIMIT 1)";

const PEOPLE: &str = "SELECT connection, group_key, count FROM letter_counts WHERE what = 'people'";

const BY_HOUR: &str = "SELECT connection, group_key, ?1 - hour, SUM(count) FROM letter_counts
    WHERE what <> 'people' AND hour > ?1 - ?2 AND hour <= ?1 GROUP BY 1, 2, 3";

const NOTES: &str = "SELECT group_key, note, at FROM letter_notes";

const NOTE: &str = "INSERT INTO letter_notes (group_key, connection, note, at)
    SELECT group_key, connection, ?2, ?3 FROM letter_counts WHERE group_key = ?1 AND group_key <> '' LIMIT 1
    ON CONFLICT (group_key) DO UPDATE SET note = excluded.note, at = excluded.at";

const FORGET_NOTE: &str = "DELETE FROM letter_notes WHERE group_key = ?1";

const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM letter_counts WHERE group_key = ?1 AND group_key <> '')";

const ROW: &str = "SELECT id FROM events WHERE event_id = ?1";

const OUTDATED: &str = "SELECT d.id, d.connection, d.class, d.http_status, d.field, d.cause, d.audience,
        CASE WHEN d.audience IS NULL THEN p.payload END
    FROM dead_letters d LEFT JOIN payloads p ON p.event = d.event
    WHERE d.rules < ?1 ORDER BY d.rules LIMIT ?2";

const CLASSIFY: &str =
    "UPDATE dead_letters SET group_key = ?2, mender = ?3, rules = ?4, audience = ?5 WHERE id = ?1";

#[async_trait]
impl DeadLetters for SqliteLedger {
    async fn count_dead_letters(&self, filter: &DeadLetterFilter) -> Result<u64, LedgerError> {
        let filter = filter.clone();
        self.read(move |database| letters::count_of(database, &filter)).await
    }

    async fn groups(&self, now: Timestamp) -> Result<Vec<Group>, LedgerError> {
        self.read(move |database| groups(database, micros(now) / MICROS_OF_AN_HOUR)).await
    }

    async fn note_group(&self, key: &str, note: Option<&str>, now: Timestamp) -> Result<bool, LedgerError> {
        let key = key.to_owned();
        let note: Option<String> = note.map(|note| note.chars().take(MAX_NOTE_CHARS).collect());
        self.write(move |database| match note {
            Some(note) => Ok(database.prepare_cached(NOTE)?.execute((&key, note, micros(now)))? > 0),
            None => {
                database.prepare_cached(FORGET_NOTE)?.execute([&key])?;
                Ok(database.prepare_cached(EXISTS)?.query_row([&key], |row| row.get(0))?)
            }
        })
        .await
    }

    async fn event(&self, event: Uuid) -> Result<Option<EventView>, LedgerError> {
        self.read(move |database| {
            let row: Option<i64> =
                database.prepare_cached(ROW)?.query_row([event.as_bytes()], |row| row.get(0)).optional()?;
            let found = row.map(|row| views::events(database, &[row])).transpose()?;
            Ok(found.unwrap_or_default().pop())
        })
        .await
    }

    async fn discard(
        &self,
        ids: &[i64],
        act: &Act,
        kept_until: Option<Timestamp>,
    ) -> Result<Vec<i64>, LedgerError> {
        let (ids, act) = (ids.to_vec(), act.clone());
        let until = kept_until.map(micros);
        let moved = self
            .write::<_, LedgerError>(move |database| letters::discard(database, &ids, &act, until))
            .await?;
        if until.is_none() && !moved.is_empty() {
            self.forgot().await;
        }
        Ok(moved)
    }

    async fn restore(&self, ids: &[i64], act: &Act) -> Result<Vec<i64>, LedgerError> {
        let (ids, act) = (ids.to_vec(), act.clone());
        self.write(move |database| letters::restore(database, &ids, &act)).await
    }
}

fn groups(database: &Connection, hour: i64) -> Result<Vec<Group>, Failure> {
    let counted = all(database, COUNTED, (), counted)?;
    let people = all(database, PEOPLE, (), |row| Ok((row.get(0)?, row.get(1)?, count(row.get(2)?))))?;
    let hours = all(database, BY_HOUR, (hour, i64::try_from(HOURS).unwrap_or(i64::MAX)), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, count(row.get(3)?)))
    })?;
    let notes: Vec<(String, String, i64)> =
        all(database, NOTES, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let notes = notes.into_iter().map(|(key, text, at)| Ok((key, Note { text, at: time(at)? })));
    Ok(assemble(counted, people, hours, notes.collect::<Result<_, Failure>>()?))
}

fn counted(row: &Row<'_>) -> Result<Counted, Failure> {
    let span = Span { letters: count(row.get(3)?), first: time(row.get(4)?)?, last: time(row.get(5)?)? };
    Ok(Counted {
        connection: row.get(0)?,
        key: row.get(1)?,
        state: letter_state(&row.get::<_, String>(2)?)?,
        span,
        sample: row.get(6)?,
        cause: cause(row, 7)?,
    })
}

/// The cause of a dead letter from four columns: class, status, field and text.
fn cause(row: &Row<'_>, first: usize) -> Result<Cause, Failure> {
    let status: Option<i64> = row.get(first + 1)?;
    let (class, field): (String, Option<String>) = (row.get(first)?, row.get(first + 2)?);
    let words: String = row.get(first + 3)?;
    Ok(Cause::of(&class, status.map(small).transpose()?, field.as_deref(), &words))
}

struct Outdated {
    id: i64,
    connection: ConnectionId,
    cause: Cause,
    audience: Option<String>,
}

/// Classifies dead letters that an earlier version of the rules classified, at most `rows`. Returns their number.
pub(super) fn classify(database: &Connection, rows: usize) -> Result<usize, Failure> {
    let mut statement = database.prepare_cached(OUTDATED)?;
    let mut outdated = statement.query((VERSION, limit(rows)))?;
    let mut found = Vec::new();
    while let Some(row) = outdated.next()? {
        let payload: Option<String> = row.get(7)?;
        let audience = row.get::<_, Option<String>>(6)?.or_else(|| audience_in(payload.as_deref()?));
        found.push(Outdated { id: row.get(0)?, connection: row.get(1)?, cause: cause(row, 2)?, audience });
    }
    let mut classify = database.prepare_cached(CLASSIFY)?;
    for letter in &found {
        let key = letter.cause.key(letter.connection);
        classify.execute((letter.id, key, letter.cause.mender.word(), VERSION, &letter.audience))?;
    }
    Ok(found.len())
}
