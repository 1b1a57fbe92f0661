//! Interrupted calls, as they are stored.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::SqliteLedger;
use super::failure::Failure;
use super::leases::{check, stored_call};
use super::rows::all;
use super::words::micros;
use crate::interruptions::KEPT;
use crate::{CallId, Fence, Interruptions, LedgerError, OpenCall, PlanId};

const PLANS_OF: &str = "SELECT DISTINCT plans.id FROM plans CROSS JOIN plan_items ON plan_items.plan = plans.id
    WHERE plans.state IN ('running', 'paused', 'stopped', 'cancelled')
        AND plan_items.state IN ('releasing', 'released') AND plan_items.connection = ?1 AND plan_items.person = ?2";

const UNDER_WAY: &str =
    "SELECT EXISTS (SELECT 1 FROM plans CROSS JOIN plan_items ON plan_items.plan = plans.id
    WHERE plans.state IN ('running', 'paused', 'stopped', 'cancelled')
        AND plan_items.state IN ('releasing', 'released') AND plan_items.connection = ?1)";

const NOTE: &str = "INSERT INTO interrupted_calls (id, connection, operation, started_at, items, plans)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING";

const FORGET_OLD: &str = "DELETE FROM interrupted_calls WHERE connection = ?1 AND started_at < ?2";

const READ: &str =
    "SELECT id, operation, started_at, items FROM interrupted_calls WHERE connection = ?1 ORDER BY id";

const TAKE: &str = "DELETE FROM interrupted_calls WHERE id = ?1 AND connection = ?2 RETURNING plans";

const COUNT: &str = "UPDATE plans SET repeated_calls = repeated_calls + 1 WHERE id = ?1";

#[async_trait]
impl Interruptions for SqliteLedger {
    async fn has_items_under_way(&self, connection: ConnectionId) -> Result<bool, LedgerError> {
        self.read(move |database| {
            Ok(database.prepare_cached(UNDER_WAY)?.query_row([connection], |row| row.get(0))?)
        })
        .await
    }

    async fn note_interrupted(
        &self,
        connection: ConnectionId,
        fence: Fence,
        call: &OpenCall,
        persons: &[Digest],
    ) -> Result<(), LedgerError> {
        let (call, persons) = (call.clone(), persons.to_vec());
        self.write(move |database| note(database, (connection, fence), &call, &persons)).await
    }

    async fn interrupted_calls(&self, connection: ConnectionId) -> Result<Vec<OpenCall>, LedgerError> {
        self.read(move |database| read(database, connection)).await
    }

    async fn note_repeated(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[CallId],
    ) -> Result<(), LedgerError> {
        let calls = calls.to_vec();
        self.write(move |database| repeat(database, (connection, fence), &calls)).await
    }
}

fn note(
    database: &Connection,
    (connection, fence): (ConnectionId, Fence),
    call: &OpenCall,
    persons: &[Digest],
) -> Result<(), Failure> {
    check(database, connection, fence)?;
    let mut plans: Vec<PlanId> = Vec::new();
    let mut plans_of = database.prepare_cached(PLANS_OF)?;
    for person in persons {
        for plan in plans_of.query_map((connection, person.0), |row| row.get(0))? {
            plans.push(plan?);
        }
    }
    plans.sort_unstable();
    plans.dedup();
    if plans.is_empty() {
        return Ok(());
    }
    let old = call.started_at.saturating_sub(KEPT).map_err(|error| Failure::Broken(error.to_string()))?;
    database.prepare_cached(FORGET_OLD)?.execute((connection, micros(old)))?;
    let (items, plans) = (serde_json::to_string(&call.items)?, serde_json::to_string(&plans)?);
    let values = (call.id, connection, &call.operation, micros(call.started_at), items, plans);
    database.prepare_cached(NOTE)?.execute(values)?;
    Ok(())
}

fn read(database: &Connection, connection: ConnectionId) -> Result<Vec<OpenCall>, Failure> {
    all(database, READ, [connection], stored_call)
}

fn repeat(
    database: &Connection,
    (connection, fence): (ConnectionId, Fence),
    calls: &[CallId],
) -> Result<(), Failure> {
    check(database, connection, fence)?;
    for call in calls {
        let taken = database.prepare_cached(TAKE)?.query_row((call, connection), |row| row.get(0));
        let Some(plans): Option<String> = taken.optional()? else { continue };
        for plan in serde_json::from_str::<Vec<PlanId>>(&plans)? {
            database.prepare_cached(COUNT)?.execute([plan])?;
        }
    }
    Ok(())
}
