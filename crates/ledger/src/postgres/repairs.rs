//! Repaired payloads of dead letters.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::{integer, some_text, text};
use super::{PostgresLedger, letters, rows, sql};
use crate::repairs::{REPAIRED, decide};
use crate::words::{micros, small, time};
use crate::{Act, LedgerError, NewRevision, Repairs, Revision, Stored};

/// In the order of their ids, so that two operators never wait for each other; `+ 0`, because a walk along the index for that
/// order would pass all dead letters.
const OPEN: &str = "SELECT id, connection, event_id FROM dead_letters WHERE id = ANY($1) AND state = 'open'
    ORDER BY id + 0 FOR UPDATE";

const REVISIONS: &str = "SELECT letter, revision, payload, at, actor, reason FROM repairs WHERE letter = $1
    ORDER BY revision";

/// One look into the index for each letter, whatever the planner knows of the table.
const NEWEST: &str = "SELECT newest.* FROM UNNEST($1::bigint[]) AS wanted (letter) CROSS JOIN LATERAL (
        SELECT letter, revision, payload, at, actor, reason FROM repairs
        WHERE letter = wanted.letter ORDER BY revision DESC LIMIT 1) AS newest";

const INSERT: &str = "INSERT INTO repairs (letter, revision, payload, at, actor, reason)
    SELECT letter, revision, payload, $4, $5, $6
    FROM UNNEST($1::bigint[], $2::integer[], $3::text[]) AS new (letter, revision, payload)";

const PAYLOADS: &str = "SELECT payload FROM pending WHERE event_id = $1 AND payload IS NOT NULL
    UNION ALL SELECT r.payload FROM dead_letters d JOIN repairs r ON r.letter = d.id
        WHERE d.event_id = $1 AND r.payload IS NOT NULL";

type Stated = (i64, i32, Option<String>, i64, String, Option<String>);

#[async_trait]
impl Repairs for PostgresLedger {
    async fn repair(&self, repairs: &[NewRevision], act: &Act) -> Result<Vec<Stored>, LedgerError> {
        Ok(on!(self.begin(), |line| repair(line, repairs, act))?)
    }

    async fn revisions(&self, letter: i64) -> Result<Vec<Revision>, LedgerError> {
        let stated: Vec<Stated> = on!(self.read(), |line| async {
            Ok::<_, Failure>(rows(REVISIONS).bind(letter).fetch_all(line).await?)
        })?;
        let revisions = stated.into_iter().map(|stated| Ok(revision(stated)?.1));
        Ok(revisions.collect::<Result<_, Failure>>()?)
    }

    async fn newest_revisions(&self, letters: &[i64]) -> Result<BTreeMap<i64, Revision>, LedgerError> {
        Ok(on!(self.read(), |line| newest(line, letters))?)
    }
}

async fn repair(line: &mut PgConnection, repairs: &[NewRevision], act: &Act) -> Result<Vec<Stored>, Failure> {
    let ids: Vec<i64> = repairs.iter().map(|repair| repair.letter).collect();
    let open: Vec<(i64, ConnectionId, Uuid)> = rows(OPEN).bind(&ids).fetch_all(&mut *line).await?;
    let open: BTreeMap<i64, (ConnectionId, Uuid)> =
        open.into_iter().map(|(id, of, event)| (id, (of, event))).collect();
    let mut newest = newest(line, &ids).await?;
    let mut all = Vec::new();
    let (mut letters, mut revisions, mut payloads, mut repaired) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for NewRevision { letter, expected, payload } in repairs {
        let Some((of, event)) = open.get(letter) else {
            all.push(Stored::NotOpen);
            continue;
        };
        let stored = decide(*expected, newest.get(letter));
        if let Stored::As(revision) = stored {
            letters.push(*letter);
            revisions.push(integer(revision));
            payloads.push(text(payload));
            repaired.push((*letter, *of, *event));
            let (at, by) = (act.at, act.actor.clone());
            newest.insert(*letter, Revision { revision, payload: None, at, by, reason: None });
        }
        all.push(stored);
    }
    if !repaired.is_empty() {
        let insert = sql(INSERT).bind(letters).bind(revisions).bind(payloads).bind(micros(act.at));
        let insert = insert.bind(text(&act.actor)).bind(some_text(act.reason.as_ref()));
        insert.execute(&mut *line).await?;
        letters::noted(line, act, REPAIRED, repaired).await?;
    }
    Ok(all)
}

async fn newest(line: &mut PgConnection, letters: &[i64]) -> Result<BTreeMap<i64, Revision>, Failure> {
    let stated: Vec<Stated> = rows(NEWEST).bind(letters).fetch_all(line).await?;
    stated.into_iter().map(revision).collect()
}

fn revision((letter, revision, payload, at, by, reason): Stated) -> Result<(i64, Revision), Failure> {
    let revision = Revision { revision: small(revision.into())?, payload, at: time(at)?, by, reason };
    Ok((letter, revision))
}

/// The payload of an event and its revisions, as far as they are kept.
pub(super) async fn payloads(line: &mut PgConnection, event: Uuid) -> Result<Vec<String>, Failure> {
    let found: Vec<(String,)> = rows(PAYLOADS).bind(event).fetch_all(line).await?;
    Ok(found.into_iter().map(|(payload,)| payload).collect())
}
