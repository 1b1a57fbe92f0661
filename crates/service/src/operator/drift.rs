//! The differences that a comparison of Refersion's list with the values last sent has found.

use std::collections::BTreeMap;

use connections::Connection;
use identity::Digest;
use jiff::Timestamp;
use ledger::Drift;
use ledger::directory::MAX_DRIFT;
use serde::Serialize;
use worker::translate::open;

use super::adoption::Adoption;
use super::workers::Workers;
use crate::engines::Engines;
use crate::failure::Failure;

/// The known drift of a connection's affiliates. The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// The name of the connection.
    pub connection: String,
    /// The progress of the walk that compares.
    pub adoption: Adoption,
    /// Affiliates of ours that the last comparison met; null: there was none.
    pub compared: Option<u64>,
    /// When the last comparison ended; null: there was none.
    pub compared_at: Option<Timestamp>,
    /// How many of them differed then; null: there was none.
    pub differed: Option<u64>,
    /// Whether differing values were sent again.
    pub repaired: bool,
    /// Affiliates that differ, at most [`MAX_DRIFT`].
    pub drift: Vec<DriftRow>,
}

/// An affiliate that differs from the values that it was sent.
#[derive(Debug, Serialize)]
pub struct DriftRow {
    /// Its code.
    pub affiliate_code: String,
    /// The address that was sent, masked; null: it was erased, or is not known any more.
    pub email: Option<String>,
    /// The fields that differ.
    pub fields: Vec<String>,
    /// When the difference was found.
    pub found_at: Timestamp,
}

impl Verification {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be read.
    pub async fn read(
        engines: &Engines,
        connection: &Connection,
        workers: &Workers,
    ) -> Result<Self, Failure> {
        let adoption = Adoption::read(engines, connection, workers).await?;
        let finished = engines.ledger.directory(connection.id).await?.finished;
        let last = finished.and_then(|finished| finished.verified);
        let drift = engines.ledger.drift(connection.id, MAX_DRIFT).await?;
        let drift = rows(engines, connection, drift).await?;
        Ok(Self {
            connection: connection.name.to_string(),
            adoption,
            compared: last.as_ref().map(|last| last.compared),
            compared_at: last.as_ref().map(|last| last.ended_at),
            differed: last.as_ref().map(|last| last.drifted),
            repaired: last.is_some_and(|last| last.repair && last.drifted > 0),
            drift,
        })
    }
}

async fn rows(
    engines: &Engines,
    connection: &Connection,
    drift: Vec<Drift>,
) -> Result<Vec<DriftRow>, Failure> {
    let mut rows = Vec::with_capacity(drift.len());
    for piece in drift.chunks(100) {
        let addresses: Vec<Digest> = piece.iter().filter_map(|drift| drift.address).collect();
        let gathered = engines.ledger.gather(connection.id, &addresses, &[]).await?;
        let named = gathered.graphs.iter().flat_map(|read| &read.graph.identifiers);
        let named = named.filter_map(|(digest, it)| {
            Some((*digest, open(&engines.vault, *digest, it.sealed.as_deref()?)?))
        });
        let named: BTreeMap<Digest, String> = named.collect();
        rows.extend(piece.iter().map(|drift| DriftRow {
            affiliate_code: drift.code.clone(),
            email: drift.address.and_then(|address| named.get(&address)).map(|email| masked(email)),
            fields: drift.fields.clone(),
            found_at: drift.found_at,
        }));
    }
    Ok(rows)
}

/// The first letter of an address and its domain.
fn masked(email: &str) -> String {
    let (name, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}***@{domain}")
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn an_address_is_masked_except_for_its_first_letter_and_its_domain() {
        assert_eq!(masked("ann@x.test"), "a***@x.test");
        assert_eq!(masked("nobody"), "n***@");
    }
}
