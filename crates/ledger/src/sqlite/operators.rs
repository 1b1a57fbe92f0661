//! Stores operators.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteLedger;
use super::failure::Failure;
use super::rows::all;
use super::words::{count, micros, operator_role, time};
use crate::{LedgerError, MAX_OPERATORS, NewOperator, OperatorView, Operators, TokenDigest};

const HOW_MANY: &str = "SELECT COUNT(*) FROM operators WHERE name <> ?1";

const ADD: &str = "INSERT INTO operators (name, role, connections, token_digest, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (name) DO UPDATE SET role = excluded.role, connections = excluded.connections,
        token_digest = excluded.token_digest, created_at = excluded.created_at, last_used_at = NULL,
        revoked_at = NULL
    WHERE operators.revoked_at IS NOT NULL";

const ALL: &str = "SELECT name, role, connections, created_at, last_used_at, revoked_at FROM operators
    ORDER BY name";

const BY_TOKEN: &str = "SELECT name, role, connections, created_at, last_used_at, revoked_at FROM operators
    WHERE token_digest = ?1 AND revoked_at IS NULL";

const REVOKE: &str = "UPDATE operators SET revoked_at = ?2, token_digest = NULL
    WHERE name = ?1 AND revoked_at IS NULL";

const USED: &str = "UPDATE operators SET last_used_at = ?2 WHERE name = ?1";

#[async_trait]
impl Operators for SqliteLedger {
    async fn add_operator(&self, new: &NewOperator) -> Result<bool, LedgerError> {
        let new = new.clone();
        self.write(move |database| add(database, &new)).await
    }

    async fn operators(&self) -> Result<Vec<OperatorView>, LedgerError> {
        self.read(|database| all(database, ALL, (), view)).await
    }

    async fn revoke_operator(&self, name: &str, now: Timestamp) -> Result<bool, LedgerError> {
        let name = name.to_owned();
        self.write(move |database| Ok(database.prepare_cached(REVOKE)?.execute((name, micros(now)))? > 0))
            .await
    }

    async fn operator_by_token(&self, token: &TokenDigest) -> Result<Option<OperatorView>, LedgerError> {
        let token = *token;
        self.read(move |database| {
            let found =
                database.prepare_cached(BY_TOKEN)?.query_row([token], |row| Ok(view(row))).optional()?;
            found.transpose()
        })
        .await
    }

    async fn note_operator_use(&self, name: &str, now: Timestamp) -> Result<(), LedgerError> {
        let name = name.to_owned();
        self.write(move |database| {
            database.prepare_cached(USED)?.execute((name, micros(now)))?;
            Ok(())
        })
        .await
    }
}

fn add(database: &Connection, new: &NewOperator) -> Result<bool, Failure> {
    let others: i64 = database.prepare_cached(HOW_MANY)?.query_row([&new.name], |row| row.get(0))?;
    if count(others) >= MAX_OPERATORS as u64 {
        return Err(Failure::Broken(format!("there are {MAX_OPERATORS} operators already")));
    }
    let connections = new.connections.as_ref().map(serde_json::to_string).transpose()?;
    let values = params![new.name, new.role.word(), connections, new.token, micros(new.created_at)];
    Ok(database.prepare_cached(ADD)?.execute(values)? > 0)
}

fn view(row: &Row<'_>) -> Result<OperatorView, Failure> {
    let connections: Option<String> = row.get(2)?;
    Ok(OperatorView {
        name: row.get(0)?,
        role: operator_role(&row.get::<_, String>(1)?)?,
        connections: connections.map(|text| serde_json::from_str(&text)).transpose()?,
        created_at: time(row.get(3)?)?,
        last_used_at: row.get::<_, Option<i64>>(4)?.map(time).transpose()?,
        revoked_at: row.get::<_, Option<i64>>(5)?.map(time).transpose()?,
    })
}
