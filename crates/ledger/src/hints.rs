//! The port of what Refersion's webhooks need and say, beside the directory of affiliates ([`crate::Directory`]).

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::{ConnectionId, SealedSecret};
use identity::Digest;

use crate::{Drift, LedgerError};

/// Custom fields that are kept of one connection, at most.
pub const MAX_CUSTOM_FIELDS: usize = 1_000;

/// Hints of webhooks, and the secrets that webhooks are signed with. All of it goes with its connection.
#[async_trait]
pub trait Hints: Send + Sync {
    /// The digests of the addresses at which affiliates with these codes are ours: of one that drifted, the address that it was
    /// sent; of others, that of the directory. What neither has is left out.
    async fn addresses_of(
        &self,
        connection: ConnectionId,
        codes: &[String],
    ) -> Result<BTreeMap<String, Digest>, LedgerError>;

    /// The names of the account's custom fields by numeric id, as far as webhooks named them.
    async fn custom_fields(&self, connection: ConnectionId) -> Result<BTreeMap<u64, String>, LedgerError>;

    /// Names custom fields, at most [`MAX_CUSTOM_FIELDS`] of a connection: beyond that, new ones with the greater ids are left out.
    async fn note_custom_fields(
        &self,
        connection: ConnectionId,
        fields: &BTreeMap<u64, String>,
    ) -> Result<(), LedgerError>;

    /// Puts what was found of one affiliate in the place of what was found before; without fields there is no drift.
    async fn note_drift(&self, connection: ConnectionId, drift: &Drift) -> Result<(), LedgerError>;

    /// The secrets that webhooks are signed with, of one connection or of all; at most one of each.
    async fn webhook_secrets(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<SealedSecret>, LedgerError>;

    /// Gives a connection such a secret, in the place of the one that it has.
    async fn set_webhook_secret(&self, secret: &SealedSecret) -> Result<(), LedgerError>;

    /// Takes it away; whether there was one.
    async fn remove_webhook_secret(&self, connection: ConnectionId) -> Result<bool, LedgerError>;
}
