//! Why engines do not open, and what their errors mean for a command.

use std::path::PathBuf;

use connections::keys::UnlockError;
use connections::vault::{KeyFileError, MasterKeyError};
use connections::{Conflict, StoreError};
use ledger::LedgerError;
use queue::{PublishError, QueueError};

use crate::failure::{Exit, Failure};

/// Why the engines do not open.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The queue's file cannot be used.
    #[error("the queue {} does not open", path.display())]
    Queue {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlite::Error,
    },
    /// The ledger's file cannot be used.
    #[error("the ledger {} does not open", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlite::Error,
    },
    /// There is a ledger, and its master key is gone.
    #[error("the ledger {} has lost its master key: there is no file {}", ledger.display(), path.display())]
    KeyLost {
        /// Where the key should be.
        path: PathBuf,
        /// The ledger.
        ledger: PathBuf,
    },
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// `secrets.key` is no key.
    #[error("`secrets.key` cannot be used")]
    Key(#[from] MasterKeyError),
    /// The vault stays closed.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let (code, exit, hint) = match &error {
            EngineError::Queue { .. } => {
                ("queue", Exit::Failed, "look at queue.url, the file and the free space")
            }
            EngineError::Ledger { .. } => {
                ("ledger", Exit::Failed, "look at ledger.url, the file and the free space")
            }
            EngineError::KeyLost { .. } => (
                "master_key",
                Exit::Usage,
                "put your backup of the key back, or name it with secrets.key_file",
            ),
            EngineError::KeyFile(_)
            | EngineError::Key(_)
            | EngineError::Unlock(UnlockError::OtherMasterKey) => (
                "master_key",
                Exit::Usage,
                "look at secrets.key_file, or REFERSION_DESTINATION__SECRETS__KEY",
            ),
            EngineError::Unlock(_) => ("ledger", Exit::Failed, "try again when the ledger can be read"),
        };
        Self { exit, ..Self::failed(code, &error, hint) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (code, hint) = match &error {
            StoreError::NotFound => ("no_such_connection", "`connections list` shows their names"),
            StoreError::Conflict(Conflict::NameTaken) => ("name_taken", "`connections list` shows all names"),
            StoreError::Conflict(Conflict::KeyTaken) => ("key_taken", "`connections list` shows who has it"),
            StoreError::Conflict(_) => ("conflict", "look at it and try again"),
            StoreError::Unavailable(_) => ("ledger", "try again when the ledger can be read and written"),
            StoreError::Unreadable(_) => ("ledger", "use the version of this program that wrote it"),
        };
        Self::failed(code, &error, hint)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::failed("ledger", &error, "try again when the ledger can be read and written")
    }
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        Self::failed("queue", &error, "try again when the queue can be read and written")
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        Self::failed("queue", &error, "try again when the queue can be written; doing it twice does no harm")
    }
}
