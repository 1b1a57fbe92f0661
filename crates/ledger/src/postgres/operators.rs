//! Stores operators.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::text;
use super::{PostgresLedger, rows, sql};
use crate::words::{count, micros, operator_role, time};
use crate::{LedgerError, MAX_OPERATORS, NewOperator, OperatorView, Operators, TokenDigest};

const HOW_MANY: &str = "SELECT COUNT(*) FROM operators WHERE name <> $1";

const ADD: &str = "INSERT INTO operators (name, role, connections, token_digest, created_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (name) DO UPDATE SET role = excluded.role, connections = excluded.connections,
        token_digest = excluded.token_digest, created_at = excluded.created_at, last_used_at = NULL,
        revoked_at = NULL
    WHERE operators.revoked_at IS NOT NULL";

const ALL: &str = "SELECT name, role, connections, created_at, last_used_at, revoked_at FROM operators
    ORDER BY name COLLATE \"C\"";

const BY_TOKEN: &str = "SELECT name, role, connections, created_at, last_used_at, revoked_at FROM operators
    WHERE token_digest = $1 AND revoked_at IS NULL";

const REVOKE: &str = "UPDATE operators SET revoked_at = $2, token_digest = NULL
    WHERE name = $1 AND revoked_at IS NULL";

const USED: &str = "UPDATE operators SET last_used_at = $2 WHERE name = $1";

#[async_trait]
impl Operators for PostgresLedger {
    async fn add_operator(&self, new: &NewOperator) -> Result<bool, LedgerError> {
        Ok(on!(self.begin(), |db| add(db, new))?)
    }

    async fn operators(&self) -> Result<Vec<OperatorView>, LedgerError> {
        Ok(on!(self.read(), |db| async {
            sql(ALL).fetch_all(db).await?.iter().map(view).collect::<Result<Vec<_>, Failure>>()
        })?)
    }

    async fn revoke_operator(&self, name: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let revoke = sql(REVOKE).bind(text(name).into_owned()).bind(micros(now));
        let revoked = on!(self.begin(), |db| async { Ok(revoke.execute(db).await?) })?;
        Ok(revoked.rows_affected() > 0)
    }

    async fn operator_by_token(&self, token: &TokenDigest) -> Result<Option<OperatorView>, LedgerError> {
        let ask = sql(BY_TOKEN).bind(token.to_vec());
        let found = on!(self.read(), |db| async { Ok(ask.fetch_optional(db).await?) })?;
        Ok(found.as_ref().map(view).transpose()?)
    }

    async fn note_operator_use(&self, name: &str, now: Timestamp) -> Result<(), LedgerError> {
        let used = sql(USED).bind(text(name).into_owned()).bind(micros(now));
        on!(self.begin(), |db| async { Ok(used.execute(db).await?) })?;
        Ok(())
    }
}

async fn add(db: &mut PgConnection, new: &NewOperator) -> Result<bool, Failure> {
    let (others,): (i64,) = rows(HOW_MANY).bind(text(&new.name)).fetch_one(&mut *db).await?;
    if count(others) >= MAX_OPERATORS as u64 {
        return Err(Failure::Broken(format!("there are {MAX_OPERATORS} operators already")));
    }
    let connections = new.connections.as_ref().map(serde_json::to_string).transpose()?;
    let add = sql(ADD).bind(text(&new.name)).bind(new.role.word()).bind(connections);
    let added = add.bind(new.token.to_vec()).bind(micros(new.created_at)).execute(db).await?;
    Ok(added.rows_affected() > 0)
}

fn view(row: &PgRow) -> Result<OperatorView, Failure> {
    let connections: Option<&str> = row.try_get(2)?;
    Ok(OperatorView {
        name: row.try_get(0)?,
        role: operator_role(row.try_get(1)?)?,
        connections: connections.map(serde_json::from_str).transpose()?,
        created_at: time(row.try_get(3)?)?,
        last_used_at: row.try_get::<Option<i64>, _>(4)?.map(time).transpose()?,
        revoked_at: row.try_get::<Option<i64>, _>(5)?.map(time).transpose()?,
    })
}
