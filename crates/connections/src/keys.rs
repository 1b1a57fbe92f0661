//! Operations that need both vault and store: unlocking the ledger at start, and rotating the encryption key.

use std::sync::Arc;

use crate::shared_secret::{SealedSecret, SharedSecretStore};
use crate::store::{ConnectionStore, StoreError};
use crate::vault::{FIRST_KEY_NUMBER, MasterKey, Randomness, SealedKey, Vault, VaultError};

/// The reason that the vault of a ledger stays closed, or that its key could not be rotated.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The ledger was created with another master key.
    #[error(
        "this master key is not the one that the ledger was created with: restore the right one \
         (`secrets.key_file` or the environment), or start with an empty ledger"
    )]
    OtherMasterKey,
    /// The store failed.
    #[error("the ledger could not be unlocked")]
    Store(#[from] StoreError),
    /// A stored secret does not open.
    #[error("an API key or a shared secret in the ledger could not be sealed again")]
    Key(#[from] VaultError),
}

/// Opens the vault of a ledger, after making sure that the master key is this ledger's. An empty ledger accepts any master key.
///
/// # Errors
/// [`UnlockError::OtherMasterKey`]: the process must not start. [`UnlockError::Store`]: it may try again.
pub async fn unlock(
    master: MasterKey,
    store: &dyn ConnectionStore,
    randomness: Arc<dyn Randomness>,
) -> Result<Vault, UnlockError> {
    check(&Vault::new(master, FIRST_KEY_NUMBER, randomness), store).await
}

/// Does the same as [`unlock`] for a vault that was opened before its ledger could be reached. Returns the vault that
/// seals with the ledger's current key.
///
/// # Errors
/// As [`unlock`].
pub async fn check(vault: &Vault, store: &dyn ConnectionStore) -> Result<Vault, UnlockError> {
    let mine = vault.check_value();
    if store.check_value(&mine).await? != mine {
        return Err(UnlockError::OtherMasterKey);
    }
    Ok(vault.with_current(store.key_number().await?))
}

/// The number of secrets that a rotation sealed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resealed {
    /// API keys, including replaced ones.
    pub api_keys: usize,
    /// Shared secrets, including replaced ones.
    pub shared_secrets: usize,
}

/// Changes to the next encryption key and seals every stored secret with it. Returns the vault that uses it, and the numbers of sealed
/// secrets.
///
/// Safe while other processes run: they open old and new seals alike. If a rotation was interrupted, run it again.
///
/// # Errors
/// [`UnlockError::Store`] and [`UnlockError::Key`]. Secrets that were sealed already stay readable in any case.
pub async fn rotate(
    vault: &Vault,
    store: &dyn ConnectionStore,
    secrets: &dyn SharedSecretStore,
) -> Result<(Vault, Resealed), UnlockError> {
    let from = store.key_number().await?;
    let to = from.checked_add(1).expect("the number of rotations fits in 32 bits");
    store.set_key_number(from, to).await?;
    let next = vault.with_current(to);
    let api_keys = store
        .sealed_keys()
        .await?
        .iter()
        .map(|key| next.open_key(key).map(|open| next.seal_key(&open)))
        .collect::<Result<Vec<SealedKey>, VaultError>>()?;
    store.reseal(&api_keys).await?;
    let shared_secrets = secrets
        .all_shared_secrets()
        .await?
        .iter()
        .map(|secret| next.open_secret(secret).map(|open| next.seal_secret(secret.connection, &open)))
        .collect::<Result<Vec<SealedSecret>, VaultError>>()?;
    secrets.reseal_shared_secrets(&shared_secrets).await?;
    let resealed = Resealed { api_keys: api_keys.len(), shared_secrets: shared_secrets.len() };
    Ok((next, resealed))
}
