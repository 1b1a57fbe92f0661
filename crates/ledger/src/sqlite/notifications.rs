//! The outbox of notifications.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::SqliteLedger;
use super::failure::Failure;
use super::rows::all;
use super::words::{count, limit, micros, small, time};
use crate::{Delivery, LedgerError, NewNotification, Notification, Notifications, Outbox};

const HOLD: &str = "INSERT INTO notifier (id, holder, until, seen) VALUES (1, ?1, ?3, '')
    ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until = excluded.until
        WHERE holder = excluded.holder OR until <= ?2 OR until > ?2 + 4 * (excluded.until - ?2)
    RETURNING seen";

const REMEMBER: &str = "UPDATE notifier SET seen = ?2 WHERE id = 1 AND holder = ?1";

const ADD: &str = "INSERT INTO notifications (fact, connection, type, body, at, due_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (fact) DO NOTHING";

const DUE: &str = "SELECT id, fact, type, body, at, attempts FROM notifications
    WHERE state = 'waiting' AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2";

const NOTE: &str = "UPDATE notifications SET state = ?2, due_at = COALESCE(?3, due_at), error = ?4,
        attempts = attempts + 1
    WHERE id = ?1";

const OUTBOX: &str =
    "SELECT COUNT(*) FILTER (WHERE state = 'waiting'), MIN(at) FILTER (WHERE state = 'waiting'),
        COUNT(*) FILTER (WHERE state = 'failed')
    FROM notifications";

const ERROR: &str = "SELECT error FROM notifications WHERE state <> 'delivered' AND error IS NOT NULL
    ORDER BY id DESC LIMIT 1";

const EXPIRE: &str = "DELETE FROM notifications WHERE id IN
    (SELECT id FROM notifications WHERE at < ?1 ORDER BY at LIMIT ?2)";

#[async_trait]
impl Notifications for SqliteLedger {
    async fn hold_notifier(
        &self,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<String>, LedgerError> {
        self.write(move |database| {
            let values = (holder.as_bytes(), micros(now), micros(until));
            Ok(database.prepare_cached(HOLD)?.query_row(values, |row| row.get(0)).optional()?)
        })
        .await
    }

    async fn add_notifications(
        &self,
        holder: Uuid,
        new: &[NewNotification],
        seen: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let (new, seen) = (new.to_vec(), seen.to_owned());
        self.write(move |database| add(database, holder, &new, &seen, now)).await
    }

    async fn due_notifications(&self, now: Timestamp, most: usize) -> Result<Vec<Notification>, LedgerError> {
        self.read(move |database| due(database, now, most)).await
    }

    async fn note_delivery(&self, id: i64, delivery: &Delivery) -> Result<(), LedgerError> {
        let (state, due_at, error) = delivery.columns();
        self.write(move |database| {
            database.prepare_cached(NOTE)?.execute((id, state, due_at.map(micros), error))?;
            Ok(())
        })
        .await
    }

    async fn outbox(&self) -> Result<Outbox, LedgerError> {
        self.read(move |database| {
            let read = |row: &sqlite::rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            let (waiting, oldest, failed): (i64, Option<i64>, i64) =
                database.prepare_cached(OUTBOX)?.query_row([], read)?;
            let error = database.prepare_cached(ERROR)?.query_row([], |row| row.get(0)).optional()?;
            let oldest = oldest.map(time).transpose()?;
            Ok(Outbox { waiting: count(waiting), oldest, failed: count(failed), error })
        })
        .await
    }

    async fn expire_notifications(&self, before: Timestamp, most: usize) -> Result<usize, LedgerError> {
        self.write(move |database| {
            Ok(database.prepare_cached(EXPIRE)?.execute((micros(before), limit(most)))?)
        })
        .await
    }
}

fn add(
    database: &Connection,
    holder: Uuid,
    new: &[NewNotification],
    seen: &str,
    now: Timestamp,
) -> Result<bool, Failure> {
    if database.prepare_cached(REMEMBER)?.execute((holder.as_bytes(), seen))? == 0 {
        return Ok(false);
    }
    for NewNotification { fact, connection, kind, body } in new {
        database.prepare_cached(ADD)?.execute(params![fact, connection, kind, body, micros(now)])?;
    }
    Ok(true)
}

fn due(database: &Connection, now: Timestamp, most: usize) -> Result<Vec<Notification>, Failure> {
    all(database, DUE, (micros(now), limit(most)), |row| {
        Ok(Notification {
            id: row.get(0)?,
            fact: row.get(1)?,
            kind: row.get(2)?,
            body: row.get(3)?,
            at: time(row.get(4)?)?,
            attempts: small(row.get(5)?)?,
        })
    })
}
