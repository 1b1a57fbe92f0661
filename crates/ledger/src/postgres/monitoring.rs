//! Processes, proofs of writing, and the age of waiting events.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::{PostgresLedger, rows, sql};
use crate::monitoring::{MAX_PROCESSES, PROCESSES_KEPT};
use crate::words::{count, limit, micros, process_role, small, time};
use crate::{Audit, LedgerError, Monitoring, ProcessReport};

const REPORT: &str = "INSERT INTO processes
        (id, role, host, pid, version, started_at, beat_at, ended_at, connections, notes_arrivals,
        untaken_since, registrations, refused_signatures)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, ended_at = excluded.ended_at,
        connections = excluded.connections, untaken_since = excluded.untaken_since,
        registrations = excluded.registrations, refused_signatures = excluded.refused_signatures";

const FORGET: &str = "DELETE FROM processes WHERE beat_at < $1";

const READ: &str = "SELECT id, role, host, pid, version, started_at, beat_at, ended_at, connections,
        notes_arrivals, untaken_since, registrations, refused_signatures
    FROM processes ORDER BY beat_at DESC, id LIMIT $1";

const ANY_LEASE: &str = "SELECT EXISTS (SELECT 1 FROM leases WHERE holder IS NOT NULL AND expires_at > $1)";

const PROVE: &str =
    "INSERT INTO heartbeats (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at";

const AUDIT: &str = "SELECT connection, at, actor, action, subject FROM audit
    WHERE ($1::bigint IS NULL OR connection = $1) ORDER BY id DESC LIMIT $2";

const COUNT_AUDIT: &str = "SELECT COUNT(*) FROM audit WHERE ($1::bigint IS NULL OR connection = $1)";

const OPEN_LETTERS: &str = "SELECT connection, class, COUNT(*) FROM dead_letters WHERE state = 'open'
    GROUP BY connection, class ORDER BY connection, class";

/// An event's id contains the time when it was accepted.
const OLDEST: &str = "SELECT event_id FROM pending WHERE NOT dead ORDER BY event_id LIMIT 1";

#[async_trait]
impl Monitoring for PostgresLedger {
    async fn report(&self, process: &ProcessReport) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| report(db, process))?)
    }

    async fn processes(&self) -> Result<Vec<ProcessReport>, LedgerError> {
        let read = rows_of_processes;
        Ok(on!(self.read(), |db| read(db))?)
    }

    async fn any_lease(&self, now: Timestamp) -> Result<bool, LedgerError> {
        let ask = rows::<(bool,)>(ANY_LEASE).bind(micros(now));
        let (any,) = on!(self.read(), |db| async { Ok(ask.fetch_one(db).await?) })?;
        Ok(any)
    }

    async fn prove_writing(&self, now: Timestamp) -> Result<(), LedgerError> {
        let prove = sql(PROVE).bind(micros(now));
        on!(self.begin(), |db| async { Ok(prove.execute(db).await?) })?;
        Ok(())
    }

    async fn audit(
        &self,
        connection: Option<ConnectionId>,
        most: usize,
    ) -> Result<Vec<(ConnectionId, Audit)>, LedgerError> {
        let ask = sql(AUDIT).bind(connection).bind(limit(most));
        Ok(on!(self.read(), |db| async {
            ask.fetch_all(db).await?.iter().map(audit_line).collect::<Result<Vec<_>, Failure>>()
        })?)
    }

    async fn count_audit(&self, connection: Option<ConnectionId>) -> Result<u64, LedgerError> {
        let ask = rows::<(i64,)>(COUNT_AUDIT).bind(connection);
        let (lines,) = on!(self.read(), |db| async { Ok(ask.fetch_one(db).await?) })?;
        Ok(count(lines))
    }

    async fn open_dead_letters(&self) -> Result<Vec<(ConnectionId, String, u64)>, LedgerError> {
        let ask = rows::<(ConnectionId, String, i64)>(OPEN_LETTERS);
        let found = on!(self.read(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        Ok(found
            .into_iter()
            .map(|(connection, class, letters)| (connection, class, count(letters)))
            .collect())
    }

    async fn oldest_pending(&self) -> Result<Option<Timestamp>, LedgerError> {
        let ask = rows::<(Uuid,)>(OLDEST);
        let oldest = on!(self.read(), |db| async { Ok(ask.fetch_optional(db).await?) })?;
        Ok(oldest.and_then(|(event,)| accepted_at(event)))
    }
}

/// The time in a UUIDv7.
fn accepted_at(event: Uuid) -> Option<Timestamp> {
    let millis = i64::try_from(event.as_u128() >> 80).ok()?;
    Timestamp::from_millisecond(millis).ok()
}

async fn report(db: &mut PgConnection, process: &ProcessReport) -> Result<(), Failure> {
    let report = sql(REPORT)
        .bind(process.id)
        .bind(process.role.word())
        .bind(&process.host)
        .bind(i64::from(process.pid))
        .bind(&process.version)
        .bind(micros(process.started_at))
        .bind(micros(process.beat_at))
        .bind(process.ended_at.map(micros))
        .bind(serde_json::to_string(&process.connections)?)
        .bind(process.notes_arrivals)
        .bind(process.untaken_since.map(micros))
        .bind(process.registrations.as_ref().map(serde_json::to_string).transpose()?)
        .bind(serde_json::to_string(&process.refused_signatures)?);
    report.execute(&mut *db).await?;
    if let Ok(before) = process.beat_at.checked_sub(PROCESSES_KEPT) {
        sql(FORGET).bind(micros(before)).execute(db).await?;
    }
    Ok(())
}

async fn rows_of_processes(db: &mut PgConnection) -> Result<Vec<ProcessReport>, Failure> {
    let found = sql(READ).bind(limit(MAX_PROCESSES)).fetch_all(db).await?;
    found.iter().map(process).collect()
}

fn audit_line(row: &PgRow) -> Result<(ConnectionId, Audit), Failure> {
    let audit = Audit {
        at: time(row.try_get(1)?)?,
        actor: row.try_get(2)?,
        action: row.try_get(3)?,
        subject: row.try_get(4)?,
    };
    Ok((row.try_get(0)?, audit))
}

fn process(row: &PgRow) -> Result<ProcessReport, Failure> {
    Ok(ProcessReport {
        id: row.try_get(0)?,
        role: process_role(row.try_get(1)?)?,
        host: row.try_get(2)?,
        pid: small(row.try_get(3)?)?,
        version: row.try_get(4)?,
        started_at: time(row.try_get(5)?)?,
        beat_at: time(row.try_get(6)?)?,
        ended_at: row.try_get::<Option<i64>, _>(7)?.map(time).transpose()?,
        connections: serde_json::from_str(row.try_get(8)?)?,
        notes_arrivals: row.try_get(9)?,
        untaken_since: row.try_get::<Option<i64>, _>(10)?.map(time).transpose()?,
        registrations: row.try_get::<Option<&str>, _>(11)?.map(serde_json::from_str).transpose()?,
        refused_signatures: serde_json::from_str(row.try_get(12)?)?,
    })
}
