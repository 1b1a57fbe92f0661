//! The port for data from Refersion's webhooks, and for their secrets. The directory of affiliates ([`crate::Directory`]) is separate.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::{ConnectionId, SealedSecret};
use identity::Digest;

use crate::{Drift, LedgerError};

/// Maximum number of stored custom fields of one connection.
pub const MAX_CUSTOM_FIELDS: usize = 1_000;

/// Hints of webhooks, and the secrets that webhooks are signed with. All of it is removed with its connection.
#[async_trait]
pub trait Hints: Send + Sync {
    /// The digests of the addresses under which we know the affiliates with these codes: for an affiliate with drift, the address that was
    /// sent; for others, the address in the directory. Codes without either are left out.
    async fn addresses_of(
        &self,
        connection: ConnectionId,
        codes: &[String],
    ) -> Result<BTreeMap<String, Digest>, LedgerError>;

    /// The names of the account's custom fields by numeric id, if webhooks have stated them.
    async fn custom_fields(&self, connection: ConnectionId) -> Result<BTreeMap<u64, String>, LedgerError>;

    /// Stores names of custom fields, at most [`MAX_CUSTOM_FIELDS`] of a connection: beyond that, new fields with the greatest ids are left
    /// out.
    async fn note_custom_fields(
        &self,
        connection: ConnectionId,
        fields: &BTreeMap<u64, String>,
    ) -> Result<(), LedgerError>;

    /// The fields in which these affiliates are known to differ, by code; codes without drift are left out.
    async fn drift_of(
        &self,
        connection: ConnectionId,
        codes: &[String],
    ) -> Result<BTreeMap<String, Vec<String>>, LedgerError>;

    /// Replaces the stored drift of one affiliate; without fields there is no drift.
    async fn note_drift(&self, connection: ConnectionId, drift: &Drift) -> Result<(), LedgerError>;

    /// The secrets that webhooks are signed with, of one connection or of all; at most one of each.
    async fn webhook_secrets(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<SealedSecret>, LedgerError>;

    /// Sets the secret of a connection, and replaces an existing one.
    async fn set_webhook_secret(&self, secret: &SealedSecret) -> Result<(), LedgerError>;

    /// Removes the secret of a connection. Returns whether there was one.
    async fn remove_webhook_secret(&self, connection: ConnectionId) -> Result<bool, LedgerError>;
}
