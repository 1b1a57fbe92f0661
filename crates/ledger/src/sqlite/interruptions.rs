//! Stores interrupted calls.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};

use super::SqliteLedger;
use super::failure::Failure;
use super::leases::{check, stored_call};
use super::rows::all;
use super::words::micros;
use crate::interruptions::KEPT;
use crate::{CallId, Fence, Interruptions, LedgerError, OpenCall, PlanId};

const ITEMS_OF: &str = "SELECT plans.id, plan_items.letter FROM plans CROSS JOIN plan_items ON plan_items.plan = plans.id
    WHERE plans.state IN ('running', 'paused', 'stopped', 'cancelled')
        AND plan_items.state IN ('releasing', 'released') AND plan_items.connection = ?1 AND plan_items.person = ?2";

const UNDER_WAY: &str =
    "SELECT EXISTS (SELECT 1 FROM plans CROSS JOIN plan_items ON plan_items.plan = plans.id
    WHERE plans.state IN ('running', 'paused', 'stopped', 'cancelled')
        AND plan_items.state IN ('releasing', 'released') AND plan_items.connection = ?1)";

const NOTE: &str =
    "INSERT INTO interrupted_calls (id, connection, operation, started_at, items, plans, letters)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING";

const FORGET_OLD: &str = "DELETE FROM interrupted_calls WHERE connection = ?1 AND started_at < ?2";

const READ: &str = "SELECT id, operation, started_at, items FROM interrupted_calls c WHERE connection = ?1
        AND EXISTS (SELECT 1 FROM json_each(c.plans) p CROSS JOIN json_each(c.letters) l
            CROSS JOIN plan_items i ON i.plan = p.value AND i.letter = l.value
            WHERE i.state IN ('releasing', 'released'))
    ORDER BY id";

const TAKE: &str = "DELETE FROM interrupted_calls WHERE id = ?1 AND connection = ?2 RETURNING plans, letters";

/// A call is counted only for plans whose dead letters are still under way.
const COUNT: &str = "UPDATE plans SET repeated_calls = repeated_calls + 1 WHERE id = ?1
    AND EXISTS (SELECT 1 FROM json_each(?2) l CROSS JOIN plan_items i ON i.plan = ?1 AND i.letter = l.value
        WHERE i.state IN ('releasing', 'released'))";

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
    let (mut plans, mut letters): (Vec<PlanId>, Vec<i64>) = Default::default();
    let mut items_of = database.prepare_cached(ITEMS_OF)?;
    for person in persons {
        for item in items_of.query_map((connection, person.0), |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (plan, letter) = item?;
            plans.push(plan);
            letters.push(letter);
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
    let (started_at, letters) = (micros(call.started_at), serde_json::to_string(&letters)?);
    let values = (call.id, connection, &call.operation, started_at, items, plans, letters);
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
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let row = database.prepare_cached(TAKE)?.query_row((call, connection), read);
        let Some((plans, letters)): Option<(String, String)> = row.optional()? else { continue };
        for plan in serde_json::from_str::<Vec<PlanId>>(&plans)? {
            database.prepare_cached(COUNT)?.execute((plan, &letters))?;
        }
    }
    Ok(())
}
