//! Audiences and their counts.
//!
//! As with other counts, transactions append rows, which are summed up from time to time, so that no transaction waits for another.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::audiences::FIGURES;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::accounts::removal;
use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::{some_text, text};
use super::{PostgresLedger, rows, sql};
use crate::audiences::{MAX_AUDIENCES, MAX_REJECTIONS};
use crate::words::{count, limit, micros, narrow, small, time};
use crate::{Audience, AudienceCounts, Audiences, Counting, GraphId, LedgerError, NamedAudience, Rejections};

const AFTER: &str = "SELECT id, connection, key, name, class, space, segment_id, first_seen FROM audiences
    WHERE id > $1 ORDER BY id LIMIT $2";

const OF_CONNECTION: &str =
    "SELECT id, connection, key, name, class, space, segment_id, first_seen FROM audiences
    WHERE $1::bigint IS NULL OR connection = $1 ORDER BY connection, name, id";

/// A lock until the end of the transaction, so that ids become visible in their order.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7203155811924)";

const RENEW: &str = "UPDATE audiences SET class = COALESCE($3, class), space = COALESCE($4, space),
    segment_id = COALESCE($5, segment_id) WHERE connection = $1 AND key = $2";

const INSERT: &str = "INSERT INTO audiences (connection, key, name, class, space, segment_id, first_seen)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

const THERE: &str = "SELECT COUNT(*) FROM audiences WHERE connection = $1";

/// A new audience starts a new walk through all graphs.
const BEGIN_WALK: &str = "INSERT INTO audience_walks (connection, audience, position)
    SELECT connection, MAX(id), 0 FROM audiences WHERE connection = $1 GROUP BY connection
    ON CONFLICT (connection) DO UPDATE SET audience = excluded.audience, position = 0";

const GO_BEYOND: &str = "UPDATE audience_walks SET beyond = true WHERE connection = $1";

const APPEND: &str = "INSERT INTO audience_count_changes (connection, audience, members, outs, affiliates, held,
        delivered, waiting, refused, changed_at)
    SELECT $1, audience, members, outs, affiliates, held, delivered, waiting, refused, $2
    FROM UNNEST($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
        $10::bigint[]) AS new (audience, members, outs, affiliates, held, delivered, waiting, refused)";

const SUM_UP: &str = "WITH gone AS (DELETE FROM audience_count_changes RETURNING *)
    INSERT INTO audience_counts AS there
    SELECT connection, audience, SUM(members), SUM(outs), SUM(affiliates), SUM(held), SUM(delivered), SUM(waiting),
        SUM(refused), MAX(changed_at)
    FROM gone GROUP BY 1, 2
    ON CONFLICT (connection, audience) DO UPDATE SET members = there.members + excluded.members,
        outs = there.outs + excluded.outs, affiliates = there.affiliates + excluded.affiliates,
        held = there.held + excluded.held, delivered = there.delivered + excluded.delivered,
        waiting = there.waiting + excluded.waiting, refused = there.refused + excluded.refused,
        changed_at = GREATEST(there.changed_at, excluded.changed_at)";

const COUNTS: &str = "SELECT audience, SUM(members)::bigint, SUM(outs)::bigint, SUM(affiliates)::bigint,
        SUM(held)::bigint, SUM(delivered)::bigint, SUM(waiting)::bigint, SUM(refused)::bigint, MAX(changed_at)
    FROM (SELECT * FROM audience_counts UNION ALL SELECT * FROM audience_count_changes) AS counts
    WHERE $1::bigint IS NULL OR connection = $1 GROUP BY audience";

const COUNTING: &str = "SELECT audience, position, beyond FROM audience_walks WHERE connection = $1";

const SET_COUNTING: &str = "UPDATE audience_walks SET position = $3 WHERE connection = $1 AND audience = $2";

/// Reads the cause of each group's newest dead letter, but only after the groups are selected.
const REJECTIONS: &str = "SELECT g.audience, g.class, g.field, d.cause, g.letters
    FROM (SELECT audience, class, field, MAX(id) AS newest, COUNT(*) AS letters
        FROM dead_letters WHERE connection = $1 AND state = 'open' AND audience IS NOT NULL
        GROUP BY audience, class, field ORDER BY COUNT(*) DESC, audience, class, field LIMIT $2) AS g
    JOIN dead_letters d ON d.id = g.newest ORDER BY g.letters DESC, g.audience, g.class, g.field";

#[async_trait]
impl Audiences for PostgresLedger {
    async fn audiences_after(&self, after: u64, most: usize) -> Result<Vec<Audience>, LedgerError> {
        let ask = sql(AFTER).bind(narrow(after)).bind(limit(most));
        Ok(on!(self.read(), |db| async {
            ask.fetch_all(db).await?.iter().map(audience).collect::<Result<Vec<_>, Failure>>()
        })?)
    }

    async fn record_audiences(
        &self,
        connection: ConnectionId,
        named: &[NamedAudience],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| record_new(db, connection, named, now))?)
    }

    async fn audience_counts(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<AudienceCounts>, LedgerError> {
        Ok(on!(self.read(), |db| counts(db, connection))?)
    }

    async fn counting(&self, connection: ConnectionId) -> Result<Counting, LedgerError> {
        let ask = rows::<(i64, Option<GraphId>, bool)>(COUNTING).bind(connection);
        let found = on!(self.read(), |db| async { Ok(ask.fetch_optional(db).await?) })?;
        let found =
            found.map(|(newest, position, beyond)| Counting { newest: count(newest), position, beyond });
        Ok(found.unwrap_or_default())
    }

    async fn set_counting(
        &self,
        connection: ConnectionId,
        newest: u64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError> {
        let set = sql(SET_COUNTING).bind(connection).bind(narrow(newest)).bind(position);
        on!(self.read(), |db| async { Ok(set.execute(db).await?) })?;
        Ok(())
    }

    async fn rejections(&self, connection: ConnectionId) -> Result<Vec<Rejections>, LedgerError> {
        type Found = (String, String, Option<String>, String, i64);
        let ask = rows::<Found>(REJECTIONS).bind(connection).bind(limit(MAX_REJECTIONS));
        let found = on!(self.read(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        let rejections = |(name, class, field, cause, letters): Found| Rejections {
            name,
            class,
            field,
            cause,
            letters: count(letters),
        };
        Ok(found.into_iter().map(rejections).collect())
    }
}

fn audience(row: &PgRow) -> Result<Audience, Failure> {
    Ok(Audience {
        id: small(row.try_get(0)?)?,
        connection: row.try_get(1)?,
        named: NamedAudience {
            key: row.try_get(2)?,
            name: row.try_get(3)?,
            class: row.try_get(4)?,
            space: row.try_get(5)?,
            segment_id: row.try_get(6)?,
        },
        first_seen: time(row.try_get(7)?)?,
    })
}

async fn record_new(
    db: &mut PgConnection,
    connection: ConnectionId,
    named: &[NamedAudience],
    now: Timestamp,
) -> Result<(), Failure> {
    match removal::check(db, connection).await {
        Err(Failure::Moved) => return Ok(()),
        checked => checked?,
    };
    sql(LOCK).execute(&mut *db).await?;
    let (there,): (i64,) = rows(THERE).bind(connection).fetch_one(&mut *db).await?;
    let before = usize::try_from(there).unwrap_or(MAX_AUDIENCES);
    let (mut kept, mut beyond) = (before, false);
    for it in named {
        let (class, space) = (some_text(it.class.as_ref()), some_text(it.space.as_ref()));
        let (key, id) = (text(&it.key), some_text(it.segment_id.as_ref()));
        let renew = sql(RENEW).bind(connection).bind(&key).bind(&class).bind(&space).bind(&id);
        if renew.execute(&mut *db).await?.rows_affected() > 0 {
            continue;
        }
        beyond |= kept >= MAX_AUDIENCES;
        if kept < MAX_AUDIENCES {
            let new = sql(INSERT).bind(connection).bind(&key).bind(text(&it.name)).bind(&class);
            new.bind(&space).bind(&id).bind(micros(now)).execute(&mut *db).await?;
            kept += 1;
        }
    }
    if kept > before {
        sql(BEGIN_WALK).bind(connection).execute(&mut *db).await?;
    }
    if beyond {
        sql(GO_BEYOND).bind(connection).execute(db).await?;
    }
    Ok(())
}

async fn counts(
    db: &mut PgConnection,
    connection: Option<ConnectionId>,
) -> Result<Vec<AudienceCounts>, Failure> {
    let audiences = sql(OF_CONNECTION).bind(connection).fetch_all(&mut *db).await?;
    let mut counts: BTreeMap<i64, ([i64; FIGURES], i64)> = BTreeMap::new();
    for row in sql(COUNTS).bind(connection).fetch_all(db).await? {
        let mut figures = [0; FIGURES];
        for (nth, figure) in figures.iter_mut().enumerate() {
            *figure = row.try_get(1 + nth)?;
        }
        counts.insert(row.try_get(0)?, (figures, row.try_get(1 + FIGURES)?));
    }
    let counted = |row: &PgRow| {
        let (figures, changed_at) = counts.get(&row.try_get(0)?).copied().unzip();
        let changed_at = changed_at.map(time).transpose()?;
        Ok(AudienceCounts::of(audience(row)?, figures.unwrap_or_default(), changed_at))
    };
    audiences.iter().map(counted).collect()
}

/// Appends the changes of one transaction.
pub(super) async fn append(
    db: &mut PgConnection,
    connection: ConnectionId,
    changes: &BTreeMap<u64, [i64; FIGURES]>,
    now: Timestamp,
) -> Result<(), Failure> {
    let changed = changes.iter().filter(|(_, figures)| figures.iter().any(|figure| *figure != 0));
    let (audiences, figures): (Vec<i64>, Vec<&[i64; FIGURES]>) =
        changed.map(|(audience, figures)| (narrow(*audience), figures)).unzip();
    if audiences.is_empty() {
        return Ok(());
    }
    let mut append = sql(APPEND).bind(connection).bind(micros(now)).bind(audiences);
    for nth in 0..FIGURES {
        append = append.bind(figures.iter().map(|figures| figures[nth]).collect::<Vec<i64>>());
    }
    append.execute(db).await?;
    Ok(())
}

/// Sums up the appended rows. The caller holds the lock.
pub(super) async fn sum_up_locked(db: &mut PgConnection) -> Result<(), Failure> {
    sql(SUM_UP).execute(db).await?;
    Ok(())
}
