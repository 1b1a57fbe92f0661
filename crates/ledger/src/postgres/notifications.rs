//! The outbox of notifications.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::text;
use super::{PostgresLedger, rows, sql};
use crate::words::{count, limit, micros, small, time};
use crate::{Delivery, LedgerError, NewNotification, Notification, Notifications, Outbox};

const HOLD: &str = "INSERT INTO notifier AS held (id, holder, until, seen) VALUES (1, $1, $3, '')
    ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until = excluded.until
        WHERE held.holder = excluded.holder OR held.until <= $2 OR held.until > $2 + 4 * (excluded.until - $2)
    RETURNING seen";

const REMEMBER: &str = "UPDATE notifier SET seen = $2 WHERE id = 1 AND holder = $1";

const ADD: &str = "INSERT INTO notifications (fact, connection, type, body, at, due_at)
    VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (fact) DO NOTHING";

const DUE: &str = "SELECT id, fact, type, body, at, attempts FROM notifications
    WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT $2";

const NOTE: &str = "UPDATE notifications SET state = $2, due_at = COALESCE($3, due_at), error = $4,
        attempts = attempts + 1
    WHERE id = $1";

const OUTBOX: &str = "SELECT COUNT(*) FILTER (WHERE state = 'waiting'), MIN(at) FILTER (WHERE state = 'waiting'),
        COUNT(*) FILTER (WHERE state = 'failed'),
        (SELECT error FROM notifications WHERE state <> 'delivered' AND error IS NOT NULL ORDER BY id DESC LIMIT 1)
    FROM notifications";

const EXPIRE: &str = "DELETE FROM notifications WHERE id IN
    (SELECT id FROM notifications WHERE at < $1 ORDER BY at LIMIT $2)";

#[async_trait]
impl Notifications for PostgresLedger {
    async fn hold_notifier(
        &self,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<String>, LedgerError> {
        let seen: Option<(String,)> = on!(self.read(), |db| async {
            let hold = rows(HOLD).bind(holder).bind(micros(now)).bind(micros(until));
            Ok::<_, Failure>(hold.fetch_optional(db).await?)
        })?;
        Ok(seen.map(|(seen,)| seen))
    }

    async fn add_notifications(
        &self,
        holder: Uuid,
        new: &[NewNotification],
        seen: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        Ok(on!(self.begin(), |db| add(db, holder, new, (seen, now)))?)
    }

    async fn due_notifications(&self, now: Timestamp, most: usize) -> Result<Vec<Notification>, LedgerError> {
        Ok(on!(self.read(), |db| due(db, now, most))?)
    }

    async fn note_delivery(&self, id: i64, delivery: &Delivery) -> Result<(), LedgerError> {
        let (state, due_at, error) = delivery.columns();
        let error = error.map(|error| text(&error).into_owned());
        on!(self.read(), |db| async {
            let note = sql(NOTE).bind(id).bind(state).bind(due_at.map(micros)).bind(error);
            note.execute(db).await?;
            Ok::<_, Failure>(())
        })?;
        Ok(())
    }

    async fn outbox(&self) -> Result<Outbox, LedgerError> {
        Ok(on!(self.read(), |db| outbox(db))?)
    }

    async fn expire_notifications(&self, before: Timestamp, most: usize) -> Result<usize, LedgerError> {
        let expired = on!(self.read(), |db| async {
            let expire = sql(EXPIRE).bind(micros(before)).bind(limit(most));
            Ok::<_, Failure>(expire.execute(db).await?.rows_affected())
        })?;
        Ok(usize::try_from(expired).unwrap_or(usize::MAX))
    }
}

async fn add(
    db: &mut PgConnection,
    holder: Uuid,
    new: &[NewNotification],
    (seen, now): (&str, Timestamp),
) -> Result<bool, Failure> {
    let remembered = sql(REMEMBER).bind(holder).bind(text(seen)).execute(&mut *db).await?;
    if remembered.rows_affected() == 0 {
        return Ok(false);
    }
    for NewNotification { fact, connection, kind, body } in new {
        let add = sql(ADD).bind(text(fact)).bind(connection).bind(text(kind)).bind(text(body));
        add.bind(micros(now)).execute(&mut *db).await?;
    }
    Ok(true)
}

async fn due(db: &mut PgConnection, now: Timestamp, most: usize) -> Result<Vec<Notification>, Failure> {
    let due = rows(DUE).bind(micros(now)).bind(limit(most));
    let due: Vec<(i64, String, String, String, i64, i64)> = due.fetch_all(db).await?;
    let notification = |(id, fact, kind, body, at, attempts)| {
        Ok(Notification { id, fact, kind, body, at: time(at)?, attempts: small(attempts)? })
    };
    due.into_iter().map(notification).collect()
}

async fn outbox(db: &mut PgConnection) -> Result<Outbox, Failure> {
    let (waiting, oldest, failed, error): (i64, Option<i64>, i64, Option<String>) =
        rows(OUTBOX).fetch_one(db).await?;
    let oldest = oldest.map(time).transpose()?;
    Ok(Outbox { waiting: count(waiting), oldest, failed: count(failed), error })
}
