//! The files that belong together: the queue, the ledger and the master key of one installation on SQLite.
//!
//! A file that is missing beside the others was lost, or another folder was meant. To make an empty one in its place would
//! hide that: an empty ledger knows no key and forgets every affiliate, an empty queue has lost what was accepted.

use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use super::EngineError;
use crate::config::{Config, LedgerUrl, QueueUrl};

/// How long a command waits for files that another process may just be making, and how often it looks.
const BEING_MADE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

/// One of the files is missing although another one is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {} is missing, although the {other} {} is there", path.display(), beside.display())]
pub struct MissingFile {
    /// What is missing: `queue`, `ledger` or `master key`.
    pub what: &'static str,
    /// Where it should be.
    pub path: PathBuf,
    /// What is there.
    pub other: &'static str,
    /// Where that is.
    pub beside: PathBuf,
}

impl MissingFile {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        if self.what == "master key" {
            "put your backup of the key back, or name it with secrets.key_file"
        } else {
            "put it back, or name the right folder in queue.url and ledger.url; to begin with an empty one, run \
             `migrate --create-missing`"
        }
    }
}

/// The file that is missing, if one is. On servers nothing is missing: they say themselves what they do not have.
pub(crate) fn missing(config: &Config) -> Option<MissingFile> {
    let LedgerUrl::Sqlite(ledger) = &config.ledger.url else { return None };
    let queue = match &config.queue.url {
        QueueUrl::Sqlite(queue) => Some(queue),
        QueueUrl::Amqp(_) => None,
    };
    let found = |what, path: &Path, other, beside: &Path| {
        Some(MissingFile { what, path: whole(path), other, beside: whole(beside) })
    };
    if !ledger.exists() {
        // A key alone is no installation yet: `secrets create` may have made it for the first start.
        let queue = queue.filter(|queue| queue.exists())?;
        return found("ledger", ledger, "queue", queue);
    }
    if let Some(key) = key_file(config).filter(|key| !key.exists()) {
        return found("master key", &key, "ledger", ledger);
    }
    let queue = queue.filter(|queue| !queue.exists())?;
    found("queue", queue, "ledger", ledger)
}

/// Makes sure that no file is missing. One that another process is just making is waited for.
pub(super) async fn must_be_complete(config: &Config) -> Result<(), EngineError> {
    let waited = tokio::time::timeout(BEING_MADE, async {
        while missing(config).is_some() {
            tokio::time::sleep(LOOK).await;
        }
    });
    match (waited.await, missing(config)) {
        (Err(_), Some(file)) => Err(EngineError::Missing(file)),
        _ => Ok(()),
    }
}

/// Logs where the files are: a relative path depends on the folder that the program was started in.
pub(crate) fn log_places(config: &Config) {
    if let QueueUrl::Sqlite(path) = &config.queue.url {
        tracing::info!(file = %whole(path).display(), "the queue is a file");
    }
    if let LedgerUrl::Sqlite(path) = &config.ledger.url {
        tracing::info!(file = %whole(path).display(), "the ledger is a file");
    }
    if let Some(path) = key_file(config) {
        tracing::info!(file = %whole(&path).display(), "the master key is a file");
    }
}

fn key_file(config: &Config) -> Option<PathBuf> {
    config.secrets.key.is_none().then(|| config.key_file()).flatten()
}

fn whole(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}
