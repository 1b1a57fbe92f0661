//! What a comparison of Refersion's list with what was last sent has found.

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

/// What is known of how a connection's affiliates differ from what they were sent. The names of these fields are fixed: scripts
/// rely on them.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// The name of the connection.
    pub connection: String,
    /// How far the walk is that compares.
    pub adoption: Adoption,
    /// Affiliates of ours that the last comparison met; null: there was none.
    pub compared: Option<u64>,
    /// Affiliates that differ, at most [`MAX_DRIFT`].
    pub drift: Vec<DriftRow>,
}

/// An affiliate that differs from what it was sent.
#[derive(Debug, Serialize)]
pub struct DriftRow {
    /// Its code.
    pub affiliate_code: String,
    /// The address that was sent, masked; null: it was erased, or is not known any more.
    pub email: Option<String>,
    /// What differs.
    pub fields: Vec<String>,
    /// When that was found.
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
        let compared = finished.filter(|finished| finished.walk.request.verify).map(|it| it.walk.compared);
        let drift = engines.ledger.drift(connection.id, MAX_DRIFT).await?;
        let drift = rows(engines, connection, drift).await?;
        Ok(Self { connection: connection.name.to_string(), adoption, compared, drift })
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
    fn an_address_is_masked_but_for_its_first_letter_and_its_domain() {
        assert_eq!(masked("ann@x.test"), "a***@x.test");
        assert_eq!(masked("nobody"), "n***@");
    }
}
