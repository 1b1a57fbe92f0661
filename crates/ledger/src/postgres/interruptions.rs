//! Stores interrupted calls.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use sqlx::PgConnection;

use super::failure::Failure;
use super::leases::{check, stored_call};
use super::pool::within;
use super::port::on;
use super::{PostgresLedger, rows, sql};
use crate::interruptions::KEPT;
use crate::words::micros;
use crate::{CallId, Fence, Interruptions, LedgerError, OpenCall, PlanId};

const ITEMS_OF: &str = "SELECT plans.id, i.letter FROM plans JOIN plan_items i ON i.plan = plans.id
    WHERE plans.state IN ('running', 'paused', 'stopped', 'cancelled') AND i.state IN ('releasing', 'released')
        AND i.connection = $1 AND i.person = ANY($2)
    ORDER BY 1, 2";

const UNDER_WAY: &str =
    "SELECT EXISTS (SELECT 1 FROM plans WHERE state IN ('running', 'paused', 'stopped', 'cancelled')
    AND EXISTS (SELECT 1 FROM plan_items i WHERE i.plan = plans.id AND i.state IN ('releasing', 'released')
        AND i.connection = $1))";

const NOTE: &str =
    "INSERT INTO interrupted_calls (id, connection, operation, started_at, items, plans, letters)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";

const FORGET_OLD: &str = "DELETE FROM interrupted_calls WHERE connection = $1 AND started_at < $2";

const READ: &str = "SELECT id, operation, started_at, items FROM interrupted_calls c WHERE connection = $1
        AND EXISTS (SELECT 1 FROM plan_items i WHERE i.plan = ANY(c.plans) AND i.letter = ANY(c.letters)
            AND i.state IN ('releasing', 'released'))
    ORDER BY id";

/// A call is counted only for plans whose dead letters are still under way. Plans are locked in the order of their ids, as everywhere.
const REPEAT: &str =
    "WITH taken AS (DELETE FROM interrupted_calls WHERE id = ANY($1) AND connection = $2 RETURNING plans, letters),
    counted AS (SELECT of.plan, count(*) AS calls FROM taken, UNNEST(plans) AS of (plan)
        WHERE EXISTS (SELECT 1 FROM plan_items i WHERE i.plan = of.plan AND i.letter = ANY(letters)
            AND i.state IN ('releasing', 'released'))
        GROUP BY of.plan),
    held AS (SELECT id, calls FROM plans JOIN counted ON plan = id ORDER BY id FOR UPDATE OF plans)
    UPDATE plans SET repeated_calls = repeated_calls + held.calls FROM held WHERE plans.id = held.id";

#[async_trait]
impl Interruptions for PostgresLedger {
    async fn has_items_under_way(&self, connection: ConnectionId) -> Result<bool, LedgerError> {
        let ask = rows::<(bool,)>(UNDER_WAY).bind(connection);
        Ok(on!(self.read(), |db| async { Ok(ask.fetch_one(db).await?.0) })?)
    }

    async fn note_interrupted(
        &self,
        connection: ConnectionId,
        fence: Fence,
        call: &OpenCall,
        persons: &[Digest],
    ) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| note(db, (connection, fence), call, persons))?)
    }

    async fn interrupted_calls(&self, connection: ConnectionId) -> Result<Vec<OpenCall>, LedgerError> {
        Ok(on!(self.read(), |db| read(db, connection))?)
    }

    async fn note_repeated(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[CallId],
    ) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| repeat(db, (connection, fence), calls))?)
    }
}

async fn note(
    db: &mut PgConnection,
    (connection, fence): (ConnectionId, Fence),
    call: &OpenCall,
    persons: &[Digest],
) -> Result<(), Failure> {
    check(&mut *db, connection, fence).await?;
    let persons: Vec<Vec<u8>> = persons.iter().map(|person| person.0.to_vec()).collect();
    let items: Vec<(PlanId, i64)> = rows(ITEMS_OF).bind(connection).bind(persons).fetch_all(&mut *db).await?;
    let (mut plans, letters): (Vec<PlanId>, Vec<i64>) = items.into_iter().unzip();
    plans.dedup();
    if plans.is_empty() {
        return Ok(());
    }
    let old = call.started_at.saturating_sub(KEPT).map_err(|error| Failure::Broken(error.to_string()))?;
    sql(FORGET_OLD).bind(connection).bind(micros(old)).execute(&mut *db).await?;
    let note = sql(NOTE).bind(call.id).bind(connection).bind(call.operation.as_str());
    let note = note.bind(micros(call.started_at)).bind(serde_json::to_string(&call.items)?).bind(plans);
    note.bind(letters).execute(db).await?;
    Ok(())
}

async fn read(db: &mut PgConnection, connection: ConnectionId) -> Result<Vec<OpenCall>, Failure> {
    let found = rows(READ).bind(connection).fetch_all(db).await?;
    found.into_iter().map(stored_call).collect()
}

async fn repeat(
    db: &mut PgConnection,
    (connection, fence): (ConnectionId, Fence),
    calls: &[CallId],
) -> Result<(), Failure> {
    check(&mut *db, connection, fence).await?;
    sql(REPEAT).bind(calls).bind(connection).execute(db).await?;
    Ok(())
}
