//! Processes, proofs of writing, and the age of waiting events.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};

use super::SqliteLedger;
use super::failure::Failure;
use super::rows::all;
use super::words::{count, limit, micros, process_role, small, time, uuid};
use crate::monitoring::{MAX_PROCESSES, PROCESSES_KEPT};
use crate::{Audit, LedgerError, Monitoring, ProcessReport};

const REPORT: &str = "INSERT INTO processes
        (id, role, host, pid, version, started_at, beat_at, ended_at, connections, notes_arrivals,
        untaken_since, registrations, refused_signatures)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
    ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, ended_at = excluded.ended_at,
        connections = excluded.connections, untaken_since = excluded.untaken_since,
        registrations = excluded.registrations, refused_signatures = excluded.refused_signatures";

const FORGET: &str = "DELETE FROM processes WHERE beat_at < ?1";

const READ: &str = "SELECT id, role, host, pid, version, started_at, beat_at, ended_at, connections,
        notes_arrivals, untaken_since, registrations, refused_signatures
    FROM processes ORDER BY beat_at DESC, id LIMIT ?1";

const ANY_LEASE: &str = "SELECT EXISTS (SELECT 1 FROM leases WHERE holder IS NOT NULL AND expires_at > ?1)";

const PROVE: &str =
    "INSERT INTO heartbeats (id, at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET at = excluded.at";

const AUDIT: &str = "SELECT connection, at, actor, action, subject FROM audit
    WHERE (?1 IS NULL OR connection = ?1) ORDER BY id DESC LIMIT ?2";

const COUNT_AUDIT: &str = "SELECT COUNT(*) FROM audit WHERE (?1 IS NULL OR connection = ?1)";

const OPEN_LETTERS: &str = "SELECT connection, class, COUNT(*) FROM dead_letters WHERE state = 'open'
    GROUP BY connection, class ORDER BY connection, class";

/// Row ids are in the order in which events were absorbed.
const OLDEST: &str = "SELECT e.received_at FROM payloads p JOIN events e ON e.id = p.event
    WHERE e.state = 'pending' ORDER BY p.event LIMIT 1";

#[async_trait]
impl Monitoring for SqliteLedger {
    async fn report(&self, process: &ProcessReport) -> Result<(), LedgerError> {
        let process = process.clone();
        self.write(move |database| report(database, &process)).await
    }

    async fn processes(&self) -> Result<Vec<ProcessReport>, LedgerError> {
        self.read(processes).await
    }

    async fn any_lease(&self, now: Timestamp) -> Result<bool, LedgerError> {
        self.read(move |database| {
            Ok(database.prepare_cached(ANY_LEASE)?.query_row([micros(now)], |row| row.get(0))?)
        })
        .await
    }

    async fn prove_writing(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.write(move |database| {
            database.prepare_cached(PROVE)?.execute([micros(now)])?;
            Ok(())
        })
        .await
    }

    async fn audit(
        &self,
        connection: Option<ConnectionId>,
        most: usize,
    ) -> Result<Vec<(ConnectionId, Audit)>, LedgerError> {
        self.read(move |database| audit(database, connection, most)).await
    }

    async fn count_audit(&self, connection: Option<ConnectionId>) -> Result<u64, LedgerError> {
        self.read(move |database| {
            let ask = database.prepare_cached(COUNT_AUDIT)?.query_row([connection], |row| row.get(0));
            Ok(count(ask?))
        })
        .await
    }

    async fn open_dead_letters(&self) -> Result<Vec<(ConnectionId, String, u64)>, LedgerError> {
        self.read(|database| {
            all(database, OPEN_LETTERS, (), |row| Ok((row.get(0)?, row.get(1)?, count(row.get(2)?))))
        })
        .await
    }

    async fn oldest_pending(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.read(|database| {
            let found: Option<i64> =
                database.prepare_cached(OLDEST)?.query_row([], |row| row.get(0)).optional()?;
            Ok(found.map(time).transpose()?)
        })
        .await
    }
}

fn report(database: &Connection, process: &ProcessReport) -> Result<(), Failure> {
    let values = (
        process.id.as_bytes(),
        process.role.word(),
        &process.host,
        process.pid,
        &process.version,
        micros(process.started_at),
        micros(process.beat_at),
        process.ended_at.map(micros),
        serde_json::to_string(&process.connections)?,
        process.notes_arrivals,
        process.untaken_since.map(micros),
        process.registrations.as_ref().map(serde_json::to_string).transpose()?,
        serde_json::to_string(&process.refused_signatures)?,
    );
    database.prepare_cached(REPORT)?.execute(values)?;
    if let Ok(before) = process.beat_at.checked_sub(PROCESSES_KEPT) {
        database.prepare_cached(FORGET)?.execute([micros(before)])?;
    }
    Ok(())
}

fn processes(database: &Connection) -> Result<Vec<ProcessReport>, Failure> {
    all(database, READ, [limit(MAX_PROCESSES)], process)
}

fn audit(
    database: &Connection,
    connection: Option<ConnectionId>,
    most: usize,
) -> Result<Vec<(ConnectionId, Audit)>, Failure> {
    all(database, AUDIT, (connection, limit(most)), |row| {
        let line =
            Audit { at: time(row.get(1)?)?, actor: row.get(2)?, action: row.get(3)?, subject: row.get(4)? };
        Ok((row.get(0)?, line))
    })
}

fn process(row: &Row<'_>) -> Result<ProcessReport, Failure> {
    Ok(ProcessReport {
        id: uuid(&row.get::<_, Vec<u8>>(0)?)?,
        role: process_role(&row.get::<_, String>(1)?)?,
        host: row.get(2)?,
        pid: small(row.get(3)?)?,
        version: row.get(4)?,
        started_at: time(row.get(5)?)?,
        beat_at: time(row.get(6)?)?,
        ended_at: row.get::<_, Option<i64>>(7)?.map(time).transpose()?,
        connections: serde_json::from_str(&row.get::<_, String>(8)?)?,
        notes_arrivals: row.get(9)?,
        untaken_since: row.get::<_, Option<i64>>(10)?.map(time).transpose()?,
        registrations: row
            .get::<_, Option<String>>(11)?
            .map(|text| serde_json::from_str(&text))
            .transpose()?,
        refused_signatures: serde_json::from_str(&row.get::<_, String>(12)?)?,
    })
}
