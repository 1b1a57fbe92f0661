//! Repaired payloads of dead letters.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sqlx::PgConnection;
use uuid::Uuid;

use super::audit::{noting, of_act};
use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::{integer, text};
use super::{PostgresLedger, rows};
use crate::repairs::{MAX_REVISIONS, REPAIRED, decide};
use crate::words::{small, time};
use crate::{Act, LedgerError, NewRevision, Repairs, Revision, Stored};

const REVISIONS: &str = "SELECT letter, revision, payload, at, actor, reason FROM repairs WHERE letter = $1
    ORDER BY revision";

/// One index lookup for each dead letter, even if the statistics of the table are out of date.
const NEWEST: &str = "SELECT newest.* FROM UNNEST($1::bigint[]) AS wanted (letter) CROSS JOIN LATERAL (
        SELECT letter, revision, payload, at, actor, reason FROM repairs
        WHERE letter = wanted.letter ORDER BY revision DESC LIMIT 1) AS newest";

/// Rows are locked in the order of the ids, so that two operators never wait for each other in a circle. Each revision follows the expected
/// one, and is stored unless another revision has its number, even one that was stored while this statement waited for a lock. An existing
/// identifier is not written again, because a delete that removes it may be waiting for the dead letter. `OFFSET 0` makes this lookup use
/// the whole key: as a join it used only the connection and the event until the table was analyzed, and read all entries of the connection.
/// It is one statement, so that others do not wait for a message of ours.
const STORE: &str = concat!(
    "WITH wanted AS (
        SELECT d.id, new.revision, new.payload
        FROM UNNEST($9::bigint[], $10::integer[], $11::text[]) AS new (letter, revision, payload)
            JOIN dead_letters d ON d.id = new.letter
        WHERE d.state = 'open' AND (new.revision = 1 OR EXISTS (
            SELECT 1 FROM repairs r WHERE r.letter = new.letter AND r.revision = new.revision - 1))
        ORDER BY d.id + 0 FOR UPDATE OF d),
    stored AS (
        INSERT INTO repairs (letter, revision, payload, at, actor, reason)
        SELECT id, revision, payload, $1, $2, $8 FROM wanted ON CONFLICT DO NOTHING RETURNING letter, revision),
    named AS (
        INSERT INTO stray_letters (connection, digest, event_id, said_at)
        SELECT d.connection, new.digest, d.event_id, new.said_at
        FROM UNNEST($12::bigint[], $13::integer[], $14::bytea[], $15::bigint[]) AS new (letter, revision, digest, said_at)
            JOIN stored ON stored.letter = new.letter AND stored.revision = new.revision
            JOIN dead_letters d ON d.id = new.letter
        WHERE NOT EXISTS (SELECT 1 FROM stray_letters s
            WHERE s.connection = d.connection AND s.digest = new.digest AND s.event_id = d.event_id OFFSET 0)
        ORDER BY new.digest, d.event_id ON CONFLICT DO NOTHING),
    moved AS (SELECT (SELECT connection FROM dead_letters WHERE id = letter) AS connection FROM stored),
    noted AS (",
    noting!("moved"),
    ") SELECT letter, revision FROM stored"
);

const OPEN: &str = "SELECT id FROM dead_letters WHERE id = ANY($1) AND state = 'open'";

const PAYLOADS: &str = "SELECT payload FROM (
        SELECT payload, 0 AS revision FROM pending WHERE event_id = $1 AND payload IS NOT NULL
        UNION ALL SELECT r.payload, r.revision FROM dead_letters d JOIN repairs r ON r.letter = d.id
            WHERE d.event_id = $1 AND r.payload IS NOT NULL) AS kept
    ORDER BY revision";

type Stated = (i64, i32, Option<String>, i64, String, Option<String>);

#[async_trait]
impl Repairs for PostgresLedger {
    async fn repair(&self, repairs: &[NewRevision], act: &Act) -> Result<Vec<Stored>, LedgerError> {
        Ok(on!(self.write_at_once(), |db| repair(db, repairs, act))?)
    }

    async fn revisions(&self, letter: i64) -> Result<Vec<Revision>, LedgerError> {
        let stated: Vec<Stated> = on!(self.read(), |db| async {
            Ok::<_, Failure>(rows(REVISIONS).bind(letter).fetch_all(db).await?)
        })?;
        let revisions = stated.into_iter().map(|stated| Ok(revision(stated)?.1));
        Ok(revisions.collect::<Result<_, Failure>>()?)
    }

    async fn newest_revisions(&self, letters: &[i64]) -> Result<BTreeMap<i64, Revision>, LedgerError> {
        Ok(on!(self.read(), |db| newest(db, letters))?)
    }
}

async fn repair(db: &mut PgConnection, repairs: &[NewRevision], act: &Act) -> Result<Vec<Stored>, Failure> {
    let names = Names::of(repairs);
    let new = repairs.iter().filter(|it| it.expected < MAX_REVISIONS);
    let (ids, (numbers, payloads)): (Vec<i64>, (Vec<i32>, Vec<_>)) =
        new.map(|it| (it.letter, (integer(it.expected + 1), text(&it.payload)))).unzip();
    let store = of_act(rows(STORE), act, REPAIRED).bind(ids).bind(numbers).bind(payloads);
    let store = store.bind(names.letters).bind(names.numbers).bind(names.digests).bind(names.stated_at);
    let stored: Vec<(i64, i32)> = store.fetch_all(&mut *db).await?;
    let mut stored: BTreeSet<(i64, i32)> = stored.into_iter().collect();
    if stored.len() == repairs.len() {
        return Ok(repairs.iter().map(|it| Stored::As(it.expected + 1)).collect());
    }
    // The results of the other repairs are read after the locking statement has ended.
    let ids: Vec<i64> = repairs.iter().map(|it| it.letter).collect();
    let open: Vec<(i64,)> = rows(OPEN).bind(&ids).fetch_all(&mut *db).await?;
    let open: BTreeSet<i64> = open.into_iter().map(|(id,)| id).collect();
    let newest = newest(db, &ids).await?;
    let results = repairs.iter().map(|it| {
        if stored.remove(&(it.letter, integer(it.expected + 1))) {
            return Stored::As(it.expected + 1);
        }
        match decide(it.expected, newest.get(&it.letter)) {
            // It was reopened a moment ago.
            Stored::As(_) => Stored::NotOpen,
            _ if !open.contains(&it.letter) => Stored::NotOpen,
            refused => refused,
        }
    });
    Ok(results.collect())
}

/// The identifiers that revisions name, as columns.
#[derive(Default)]
struct Names<'r> {
    letters: Vec<i64>,
    numbers: Vec<i32>,
    digests: Vec<&'r [u8]>,
    stated_at: Vec<i64>,
}

impl<'r> Names<'r> {
    fn of(repairs: &'r [NewRevision]) -> Self {
        let mut names = Self::default();
        for (it, digest) in repairs.iter().flat_map(|it| it.named.iter().map(move |digest| (it, digest))) {
            names.letters.push(it.letter);
            names.numbers.push(integer(it.expected + 1));
            names.digests.push(&digest.0[..]);
            names.stated_at.push(it.stated_at.0);
        }
        names
    }
}

async fn newest(db: &mut PgConnection, letters: &[i64]) -> Result<BTreeMap<i64, Revision>, Failure> {
    let stated: Vec<Stated> = rows(NEWEST).bind(letters).fetch_all(db).await?;
    stated.into_iter().map(revision).collect()
}

fn revision((letter, revision, payload, at, by, reason): Stated) -> Result<(i64, Revision), Failure> {
    let revision = Revision { revision: small(revision.into())?, payload, at: time(at)?, by, reason };
    Ok((letter, revision))
}

/// The payload of an event and its revisions, if they are still stored.
pub(super) async fn payloads(db: &mut PgConnection, event: Uuid) -> Result<Vec<String>, Failure> {
    let found: Vec<(String,)> = rows(PAYLOADS).bind(event).fetch_all(db).await?;
    Ok(found.into_iter().map(|(payload,)| payload).collect())
}
