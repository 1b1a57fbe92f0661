//! The files that belong together: the queue, the ledger and the master key of one installation on SQLite.
//!
//! If one file is missing while others exist, it was lost, or another folder was meant. An empty file in its place would hide
//! that: an empty ledger knows no key and no affiliate, and an empty queue has lost the accepted events.

use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use super::EngineError;
use super::presence::Presence;
use crate::config::{Config, LedgerUrl, QueueUrl};

/// How long a command waits for files that another process may just be making, and how often it looks.
const BEING_MADE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

/// One of the files is missing although another one is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {} is missing, although the {other} {} exists", path.display(), beside.display())]
pub struct MissingFile {
    /// The missing file: `queue`, `ledger` or `master key`.
    pub what: &'static str,
    /// Its expected path.
    pub path: PathBuf,
    /// The file that exists.
    pub other: &'static str,
    /// The path of that file.
    pub beside: PathBuf,
}

impl MissingFile {
    /// The remedy.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        if self.what == "master key" {
            "restore your backup of the key, or set secrets.key_file to its path"
        } else {
            "restore it, or set queue.url and ledger.url to the right folder; to start with an empty one, run \
             `migrate --create-missing`"
        }
    }
}

/// One of the files is there and cannot be used, or its path cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {} cannot be used: {why}", path.display())]
pub struct UnusableFile {
    /// The file: `queue`, `ledger` or `master key`.
    pub what: &'static str,
    /// Its path.
    pub path: PathBuf,
    /// The error of the operating system.
    pub why: String,
}

/// A problem with the files of an installation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileTrouble {
    /// One of them is missing although another one is there.
    #[error(transparent)]
    Missing(#[from] MissingFile),
    /// One of them cannot be used.
    #[error(transparent)]
    Unusable(#[from] UnusableFile),
}

impl FileTrouble {
    /// The remedy.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing(file) => file.hint(),
            Self::Unusable(_) => {
                "let the user that runs this program read and write the file and its folder, or set the right path"
            }
        }
    }
}

/// The problem with the files, if there is one. Servers have no files here: they report themselves if something is missing.
pub fn trouble(config: &Config) -> Option<FileTrouble> {
    let (queue, ledger) = (queue_file(config), ledger_file(config));
    let key = key_file(config);
    let unusable = [("queue", queue), ("ledger", ledger)]
        .into_iter()
        .find_map(|(what, path)| unusable(what, path?, Presence::of));
    let unusable = unusable.or_else(|| unusable_key(key.as_deref()?));
    unusable.map(FileTrouble::from).or_else(|| missing(queue, ledger, key.as_deref()).map(FileTrouble::from))
}

fn unusable_key(path: &Path) -> Option<UnusableFile> {
    unusable("master key", path, Presence::of_readable)
}

fn unusable(what: &'static str, path: &Path, look: fn(&Path) -> Presence) -> Option<UnusableFile> {
    match look(path) {
        Presence::Unusable(why) => Some(UnusableFile { what, path: whole(path), why }),
        Presence::There | Presence::Missing => None,
    }
}

/// The file that is missing although another one exists.
fn missing(queue: Option<&Path>, ledger: Option<&Path>, key: Option<&Path>) -> Option<MissingFile> {
    let ledger = ledger?;
    let is_there = |path: &Path| Presence::of_readable(path) == Presence::There;
    let found = |what, path: &Path, other, beside: &Path| {
        Some(MissingFile { what, path: whole(path), other, beside: whole(beside) })
    };
    if !is_there(ledger) {
        // A key alone is no installation yet: `secrets create` may have made it for the first start.
        let queue = queue.filter(|queue| is_there(queue))?;
        return found("ledger", ledger, "queue", queue);
    }
    if let Some(key) = key.filter(|key| !is_there(key)) {
        return found("master key", key, "ledger", ledger);
    }
    let queue = queue.filter(|queue| !is_there(queue))?;
    found("queue", queue, "ledger", ledger)
}

/// Checks that the files have no problem. Waits for a file that another process is just creating.
pub(super) async fn must_be_complete(config: &Config) -> Result<(), EngineError> {
    let waited = tokio::time::timeout(BEING_MADE, async {
        while matches!(trouble(config), Some(FileTrouble::Missing(_))) {
            tokio::time::sleep(LOOK).await;
        }
    });
    // If the time ran out, a file is still missing.
    drop(waited.await);
    match trouble(config) {
        Some(trouble) => Err(EngineError::Files(trouble)),
        None => Ok(()),
    }
}

/// Makes sure that there is an installation: a command that only reads or changes data must not create one.
pub(super) async fn must_be_there(config: &Config) -> Result<(), EngineError> {
    must_be_complete(config).await?;
    for (what, path) in [("ledger", ledger_file(config)), ("queue", queue_file(config))] {
        if let Some(path) = path.filter(|path| Presence::of(path) == Presence::Missing) {
            return Err(EngineError::NoInstallation { what, place: whole(path).display().to_string() });
        }
    }
    Ok(())
}

/// The file of the queue, if it is one.
pub fn queue_file(config: &Config) -> Option<&Path> {
    match &config.queue.url {
        QueueUrl::Sqlite(path) => Some(path),
        QueueUrl::Amqp(_) => None,
    }
}

/// The file of the ledger, if it is one.
pub fn ledger_file(config: &Config) -> Option<&Path> {
    match &config.ledger.url {
        LedgerUrl::Sqlite(path) => Some(path),
        LedgerUrl::Postgres(_) => None,
    }
}

/// Logs where the files are: a relative path depends on the folder that the program was started in.
pub fn log_places(config: &Config) {
    if let Some(path) = queue_file(config) {
        tracing::info!(file = %whole(path).display(), "the queue is a file");
    }
    if let Some(path) = ledger_file(config) {
        tracing::info!(file = %whole(path).display(), "the ledger is a file");
    }
    if let Some(path) = key_file(config) {
        tracing::info!(file = %whole(&path).display(), "the master key is a file");
    }
}

/// The file of the master key, unless the configuration has the key itself.
pub fn key_file(config: &Config) -> Option<PathBuf> {
    config.secrets.key.is_none().then(|| config.key_file()).flatten()
}

/// The path from the root, or as it is if the current folder cannot be read.
pub fn whole(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}
