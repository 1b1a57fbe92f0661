//! Audiences and their counts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::audiences::FIGURES;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteLedger;
use super::accounts::removal;
use super::failure::Failure;
use super::rows::all;
use super::words::{count, limit, micros, narrow, small, time};
use crate::audiences::{MAX_AUDIENCES, MAX_REJECTIONS};
use crate::{Audience, AudienceCounts, Audiences, Counting, GraphId, LedgerError, NamedAudience, Rejections};

const AFTER: &str = "SELECT id, connection, key, name, class, space, segment_id, first_seen FROM audiences
    WHERE id > ?1 ORDER BY id LIMIT ?2";

const RENEW: &str = "UPDATE audiences SET class = COALESCE(?3, class), space = COALESCE(?4, space),
    segment_id = COALESCE(?5, segment_id) WHERE connection = ?1 AND key = ?2";

const INSERT: &str = "INSERT INTO audiences (connection, key, name, class, space, segment_id, first_seen)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const THERE: &str = "SELECT COUNT(*) FROM audiences WHERE connection = ?1";

/// A new audience starts a new walk through all graphs.
const BEGIN_WALK: &str = "INSERT INTO audience_walks (connection, audience, position)
    SELECT connection, MAX(id), 0 FROM audiences WHERE connection = ?1 GROUP BY connection
    ON CONFLICT (connection) DO UPDATE SET audience = excluded.audience, position = 0";

const GO_BEYOND: &str = "UPDATE audience_walks SET beyond = 1 WHERE connection = ?1";

const ADD: &str = "INSERT INTO audience_counts (connection, audience, members, outs, affiliates, held, delivered,
        waiting, refused, changed_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
    ON CONFLICT (connection, audience) DO UPDATE SET members = members + excluded.members,
        outs = outs + excluded.outs, affiliates = affiliates + excluded.affiliates, held = held + excluded.held,
        delivered = delivered + excluded.delivered, waiting = waiting + excluded.waiting,
        refused = refused + excluded.refused, changed_at = MAX(changed_at, excluded.changed_at)";

const COUNTS: &str = "SELECT a.id, a.connection, a.key, a.name, a.class, a.space, a.segment_id, a.first_seen,
        c.members, c.outs, c.affiliates, c.held, c.delivered, c.waiting, c.refused, c.changed_at
    FROM audiences a LEFT JOIN audience_counts c ON c.connection = a.connection AND c.audience = a.id
    WHERE ?1 IS NULL OR a.connection = ?1 ORDER BY a.connection, a.name, a.id";

const COUNTING: &str = "SELECT audience, position, beyond FROM audience_walks WHERE connection = ?1";

const SET_COUNTING: &str = "UPDATE audience_walks SET position = ?3 WHERE connection = ?1 AND audience = ?2";

/// For each group SQLite returns the cause of the row with the greatest id.
const REJECTIONS: &str = "SELECT audience, class, field, cause, COUNT(*), MAX(id) FROM dead_letters
    WHERE connection = ?1 AND state = 'open' AND audience IS NOT NULL
    GROUP BY audience, class, field ORDER BY COUNT(*) DESC, audience, class, field LIMIT ?2";

#[async_trait]
impl Audiences for SqliteLedger {
    async fn audiences_after(&self, after: u64, most: usize) -> Result<Vec<Audience>, LedgerError> {
        self.read(move |database| all(database, AFTER, (narrow(after), limit(most)), audience)).await
    }

    async fn record_audiences(
        &self,
        connection: ConnectionId,
        named: &[NamedAudience],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let named = named.to_vec();
        self.write(move |database| record_new(database, connection, &named, now)).await
    }

    async fn audience_counts(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<AudienceCounts>, LedgerError> {
        self.read(move |database| {
            all(database, COUNTS, [connection], |row| {
                let mut figures = [0; FIGURES];
                for (nth, figure) in figures.iter_mut().enumerate() {
                    *figure = row.get::<_, Option<i64>>(8 + nth)?.unwrap_or(0);
                }
                let changed_at: Option<i64> = row.get(8 + FIGURES)?;
                let changed_at = changed_at.map(time).transpose()?;
                Ok(AudienceCounts::of(audience(row)?, figures, changed_at))
            })
        })
        .await
    }

    async fn counting(&self, connection: ConnectionId) -> Result<Counting, LedgerError> {
        self.read(move |database| {
            let found: Option<(i64, Option<GraphId>, bool)> = database
                .prepare_cached(COUNTING)?
                .query_row([connection], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let found =
                found.map(|(newest, position, beyond)| Counting { newest: count(newest), position, beyond });
            Ok(found.unwrap_or_default())
        })
        .await
    }

    async fn set_counting(
        &self,
        connection: ConnectionId,
        audience: u64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError> {
        self.write(move |database| {
            database.prepare_cached(SET_COUNTING)?.execute((connection, narrow(audience), position))?;
            Ok(())
        })
        .await
    }

    async fn rejections(&self, connection: ConnectionId) -> Result<Vec<Rejections>, LedgerError> {
        self.read(move |database| {
            all(database, REJECTIONS, (connection, limit(MAX_REJECTIONS)), |row| {
                Ok(Rejections {
                    name: row.get(0)?,
                    class: row.get(1)?,
                    field: row.get(2)?,
                    cause: row.get(3)?,
                    letters: count(row.get(4)?),
                })
            })
        })
        .await
    }
}

fn audience(row: &Row<'_>) -> Result<Audience, Failure> {
    Ok(Audience {
        id: small(row.get(0)?)?,
        connection: row.get(1)?,
        named: NamedAudience {
            key: row.get(2)?,
            name: row.get(3)?,
            class: row.get(4)?,
            space: row.get(5)?,
            segment_id: row.get(6)?,
        },
        first_seen: time(row.get(7)?)?,
    })
}

fn record_new(
    database: &Connection,
    connection: ConnectionId,
    named: &[NamedAudience],
    now: Timestamp,
) -> Result<(), Failure> {
    match removal::check(database, connection) {
        Err(Failure::Moved) => return Ok(()),
        checked => checked?,
    }
    let there: i64 = database.prepare_cached(THERE)?.query_row([connection], |row| row.get(0))?;
    let before = usize::try_from(there).unwrap_or(MAX_AUDIENCES);
    let (mut kept, mut beyond) = (before, false);
    for it in named {
        let renewed = params![connection, it.key, it.class, it.space, it.segment_id];
        if database.prepare_cached(RENEW)?.execute(renewed)? > 0 {
            continue;
        }
        beyond |= kept >= MAX_AUDIENCES;
        if kept < MAX_AUDIENCES {
            let new = params![connection, it.key, it.name, it.class, it.space, it.segment_id, micros(now)];
            database.prepare_cached(INSERT)?.execute(new)?;
            kept += 1;
        }
    }
    if kept > before {
        database.prepare_cached(BEGIN_WALK)?.execute([connection])?;
    }
    if beyond {
        database.prepare_cached(GO_BEYOND)?.execute([connection])?;
    }
    Ok(())
}

/// Adds the changes of one transaction to the counts.
pub(super) fn add(
    database: &Connection,
    connection: ConnectionId,
    changes: &BTreeMap<u64, [i64; FIGURES]>,
    now: Timestamp,
) -> Result<(), Failure> {
    for (audience, figures) in changes.iter().filter(|(_, figures)| figures.iter().any(|it| *it != 0)) {
        let [members, outs, affiliates, held, delivered, waiting, refused] = *figures;
        let values = params![
            connection,
            narrow(*audience),
            members,
            outs,
            affiliates,
            held,
            delivered,
            waiting,
            refused,
            micros(now)
        ];
        database.prepare_cached(ADD)?.execute(values)?;
    }
    Ok(())
}
