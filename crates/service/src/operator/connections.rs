//! Pauses and resumes, the same for the command line and for the HTTP API.

use connections::{Connection, PausedFor, StoreError};
use ledger::AuditEntry;

use super::audit;
use crate::engines::Engines;
use crate::failure::Failure;

/// Pauses a connection until an operator resumes it.
///
/// # Errors
///
/// [`Failure`] if it was removed, or the ledger cannot be written.
pub async fn pause(
    engines: &Engines,
    actor: &str,
    connection: &Connection,
    reason: Option<String>,
) -> Result<Connection, Failure> {
    let because = "an operator paused it";
    let paused = engines.connections.pause(connection.id, PausedFor::Operator, because, engines.now()).await;
    let entry = AuditEntry { reason, ..about(engines, actor, "connection_paused", connection) };
    audit::ended(engines, entry, paused.map_err(Failure::from)).await?;
    again(engines, connection).await
}

/// Resumes a connection, whatever it is paused for. Also ends waits that Refersion asked for, and suspensions of fields.
///
/// # Errors
///
/// As [`pause`]; also if its settings were changed meanwhile.
pub async fn resume(
    engines: &Engines,
    actor: &str,
    connection: &Connection,
    reason: Option<String>,
) -> Result<Connection, Failure> {
    let entry = AuditEntry { reason, ..about(engines, actor, "connection_resumed", connection) };
    audit::ended(engines, entry, resume_now(engines, connection).await).await?;
    again(engines, connection).await
}

async fn resume_now(engines: &Engines, connection: &Connection) -> Result<(), Failure> {
    engines.connections.resume(connection.id, None).await?;
    if !connection.settings.suspended_fields.is_empty() {
        let mut settings = connection.settings.clone();
        settings.end_suspensions(|_| true);
        engines.connections.set_settings(connection.id, connection.settings_version, &settings).await?;
    }
    Ok(())
}

/// A line of the audit about a connection.
#[must_use]
pub fn about(engines: &Engines, actor: &str, action: &str, connection: &Connection) -> AuditEntry {
    let subject = format!("connection {}", connection.name);
    AuditEntry { connection: Some(connection.id), ..AuditEntry::new(engines.now(), actor, action, subject) }
}

/// A connection as it is now.
///
/// # Errors
///
/// [`Failure`] if it was removed, or the ledger cannot be read.
pub async fn again(engines: &Engines, connection: &Connection) -> Result<Connection, Failure> {
    Ok(engines.connections.by_id(connection.id).await?.ok_or(StoreError::NotFound)?)
}
