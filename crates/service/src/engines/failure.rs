//! Errors of opening the engines, and their meaning for a command.

use std::path::PathBuf;

use connections::keys::UnlockError;
use connections::vault::{KeyFileError, MasterKeyError};
use connections::{Conflict, StoreError};
use ledger::LedgerError;
use queue::rabbitmq::RabbitError;
use queue::{PublishError, QueueError};

use super::FileTrouble;
use crate::failure::{Exit, Failure};

/// The reason why the engines do not open.
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
    /// The queue's file is damaged and cannot be repaired, or cannot be used.
    #[error("the queue {} does not open", path.display())]
    Mending {
        /// The file.
        path: PathBuf,
        /// Why.
        source: QueueError,
    },
    /// The ledger's file cannot be used.
    #[error("the ledger {} does not open", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlite::Error,
    },
    /// The broker cannot be used as it is configured.
    #[error("the queue on RabbitMQ cannot be used")]
    Broker(#[source] RabbitError),
    /// The file of `queue.ca_file` cannot be read.
    #[error("the certificates in {} cannot be read", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The database cannot be used, or not at present.
    #[error("the ledger on Postgres does not open")]
    Database(#[source] LedgerError),
    /// There is no master key for a ledger on Postgres.
    #[error("a ledger on Postgres needs a master key, and neither secrets.key_file nor secrets.key is set")]
    KeyNeeded,
    /// One of the files that belong together is missing, or cannot be used.
    #[error(transparent)]
    Files(#[from] FileTrouble),
    /// There is no installation here, and the command makes none.
    #[error("there is no {what} {place}")]
    NoInstallation {
        /// The missing part: `ledger` or `queue`.
        what: &'static str,
        /// The place that was searched; no password.
        place: String,
    },
    /// There is a ledger, but its master key is missing.
    #[error("the ledger {} has lost its master key: there is no file {}", ledger.display(), path.display())]
    KeyLost {
        /// The expected place of the key.
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

impl EngineError {
    /// Whether opening may succeed later, without a restart of this process.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database(LedgerError::Unavailable(_))
            | Self::Unlock(UnlockError::Store(StoreError::Unavailable(_))) => true,
            // An operator has to repair it; the process reports it until then.
            Self::Ledger { source, .. } => source.is_damage(),
            _ => false,
        }
    }

    /// The remedy.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        self.meaning().2
    }

    /// A short name of the cause, the exit code and the remedy.
    fn meaning(&self) -> Meaning {
        match self {
            Self::Broker(error) => meaning_of_broker(error),
            Self::CaFile { .. } => BROKER_SETTINGS,
            Self::Database(error) => meaning_of_database(error),
            Self::Ledger { source, .. } if source.is_damage() => (
                "ledger_damaged",
                Exit::Failed,
                "stop every process, then restore a backup or repair the file: see docs/sqlite.md",
            ),
            Self::Mending { .. } => (
                "queue",
                Exit::Failed,
                "check queue.url and the free space, which must be enough for a copy of the file; see docs/sqlite.md",
            ),
            Self::Queue { source, .. } if source.is_damage() => (
                "queue_damaged",
                Exit::Failed,
                "start `serve`, `ingest` or `worker`: each sets the file aside and rescues the readable events",
            ),
            Self::Queue { .. } => ("queue", Exit::Failed, "check queue.url, the file and the free space"),
            Self::Ledger { .. } => ("ledger", Exit::Failed, "check ledger.url, the file and the free space"),
            Self::Files(trouble) => meaning_of_files(trouble),
            Self::NoInstallation { .. } => (
                "no_installation",
                Exit::Failed,
                "run this in the folder of `serve`, or set the right paths with --config, queue.url and ledger.url; \
                 to create an installation here, run `serve`, `migrate` or `connections add`",
            ),
            Self::KeyNeeded => master_key(
                "`secrets create FILE` creates one; set secrets.key_file to it, the same key for every process",
            ),
            Self::KeyLost { .. } => {
                master_key("restore your backup of the key, or set secrets.key_file to its path")
            }
            Self::KeyFile(KeyFileError::Missing(_)) => {
                master_key("restore your backup of the key; for a new ledger, `secrets create` creates one")
            }
            Self::KeyFile(_) | Self::Key(_) | Self::Unlock(UnlockError::OtherMasterKey) => {
                master_key("check secrets.key_file, or REFERSION_DESTINATION__SECRETS__KEY")
            }
            Self::Unlock(_) => ("ledger", Exit::Failed, "try again when the ledger can be read"),
        }
    }
}

/// The meaning of a mistake in the settings of the queue.
const BROKER_SETTINGS: Meaning =
    ("queue", Exit::Usage, "correct the settings of [queue]; config/default.toml explains every key");

/// A short name of a cause, the exit code and the remedy.
type Meaning = (&'static str, Exit, &'static str);

fn master_key(hint: &'static str) -> Meaning {
    ("master_key", Exit::Usage, hint)
}

fn meaning_of_database(error: &LedgerError) -> Meaning {
    let hint = match error {
        LedgerError::Unavailable(_) => "check ledger.url, and whether Postgres runs and accepts this user",
        _ => "check ledger.url; docs/postgres.md describes the requirements",
    };
    ("ledger", Exit::Failed, hint)
}

fn meaning_of_broker(error: &RabbitError) -> Meaning {
    match error {
        RabbitError::Mismatch { .. } => {
            ("queue", Exit::Failed, "docs/rabbitmq.md describes the declared queues, and how to change them")
        }
        RabbitError::Configuration { .. } => BROKER_SETTINGS,
        RabbitError::Management { .. } => (
            "queue",
            Exit::Failed,
            "check queue.management_url, and whether the plugin rabbitmq_management is enabled",
        ),
        RabbitError::NotDeclared { .. } => (
            "no_installation",
            Exit::Failed,
            "set the right broker, virtual host and queue.prefix; `serve`, `ingest`, `worker` and `migrate` declare the queues",
        ),
        _ => ("queue", Exit::Failed, "check queue.url, and whether the broker runs and accepts this user"),
    }
}

fn meaning_of_files(trouble: &FileTrouble) -> Meaning {
    match trouble {
        FileTrouble::Missing(file) if file.what == "master key" => ("master_key", Exit::Usage, file.hint()),
        FileTrouble::Missing(_) => ("missing_file", Exit::Failed, trouble.hint()),
        FileTrouble::Unusable(_) => ("unusable_file", Exit::Failed, trouble.hint()),
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let (code, exit, hint) = error.meaning();
        Self { exit, ..Self::failed(code, &error, hint) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (code, hint) = match &error {
            StoreError::NotFound => ("no_such_connection", "`connections list` shows their names"),
            StoreError::Conflict(Conflict::NameTaken) => ("name_taken", "`connections list` shows all names"),
            StoreError::Conflict(Conflict::KeyTaken) => {
                ("key_taken", "`connections list` shows the connection that has it")
            }
            StoreError::Conflict(_) => ("conflict", "check the connection and try again"),
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
