//! Repaired payloads of dead letters.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::failure::Failure;
use super::rows::all;
use super::words::{micros, small, time};
use super::{SqliteLedger, letters, orphans};
use crate::repairs::{REPAIRED, decide};
use crate::{Act, LedgerError, NewRevision, Repairs, Revision, Stored};

const OPEN: &str = "SELECT connection, event FROM dead_letters WHERE id = ?1 AND state = 'open'";

const REVISIONS: &str = "SELECT revision, payload, at, actor, reason FROM repairs WHERE letter = ?1
    ORDER BY revision";

const NEWEST: &str = "SELECT revision, payload, at, actor, reason FROM repairs WHERE letter = ?1
    ORDER BY revision DESC LIMIT 1";

const INSERT: &str = "INSERT INTO repairs (letter, revision, payload, at, actor, reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const PAYLOADS: &str =
    "SELECT p.payload, 0 AS revision FROM events e JOIN payloads p ON p.event = e.id WHERE e.event_id = ?1
    UNION ALL SELECT r.payload, r.revision
        FROM events e JOIN dead_letters d ON d.event = e.id JOIN repairs r ON r.letter = d.id
        WHERE e.event_id = ?1 AND r.payload IS NOT NULL
    ORDER BY revision";

#[async_trait]
impl Repairs for SqliteLedger {
    async fn repair(&self, repairs: &[NewRevision], act: &Act) -> Result<Vec<Stored>, LedgerError> {
        let (repairs, act) = (repairs.to_vec(), act.clone());
        self.write(move |database| repair(database, &repairs, &act)).await
    }

    async fn revisions(&self, letter: i64) -> Result<Vec<Revision>, LedgerError> {
        self.read(move |database| all(database, REVISIONS, [letter], revision)).await
    }

    async fn newest_revisions(&self, letters: &[i64]) -> Result<BTreeMap<i64, Revision>, LedgerError> {
        let letters = letters.to_vec();
        self.read(move |database| {
            let mut all = BTreeMap::new();
            for letter in letters {
                all.extend(newest(database, letter)?.map(|newest| (letter, newest)));
            }
            Ok(all)
        })
        .await
    }
}

fn repair(database: &Connection, repairs: &[NewRevision], act: &Act) -> Result<Vec<Stored>, Failure> {
    let (mut all, mut repaired) = (Vec::new(), Vec::new());
    for NewRevision { letter, expected, payload, named, stated_at } in repairs {
        let mut open = database.prepare_cached(OPEN)?;
        let open = open.query_row([letter], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((connection, event)): Option<(ConnectionId, i64)> = open else {
            all.push(Stored::NotOpen);
            continue;
        };
        let stored = decide(*expected, newest(database, *letter)?.as_ref());
        if let Stored::As(revision) = stored {
            let values = params![letter, revision, payload, micros(act.at), act.actor, act.reason];
            database.prepare_cached(INSERT)?.execute(values)?;
            orphans::name(database, connection, event, (named, *stated_at))?;
            repaired.push((*letter, connection));
        }
        all.push(stored);
    }
    letters::noted(database, act, REPAIRED, repaired)?;
    Ok(all)
}

fn newest(database: &Connection, letter: i64) -> Result<Option<Revision>, Failure> {
    let mut statement = database.prepare_cached(NEWEST)?;
    let mut rows = statement.query([letter])?;
    rows.next()?.map(revision).transpose()
}

fn revision(row: &Row<'_>) -> Result<Revision, Failure> {
    Ok(Revision {
        revision: small(row.get(0)?)?,
        payload: row.get(1)?,
        at: time(row.get(2)?)?,
        by: row.get(3)?,
        reason: row.get(4)?,
    })
}

/// The payload of an event and its revisions, if they are still stored.
pub(super) fn payloads(database: &Connection, event: uuid::Uuid) -> Result<Vec<String>, Failure> {
    all(database, PAYLOADS, [event.as_bytes()], |row| Ok(row.get(0)?))
}
