//! Takes the figures: bytes of the ledger, free bytes of the disks, dead letters and shares of connections.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use connections::ConnectionId;
use ledger::{KeptLetters, LedgerError, Storage};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::Limits;
use crate::config::Config;
use crate::engines::Engines;
use crate::engines::files::{ledger_file, queue_file};
use crate::failure::Failure;

/// How long the shares of a nearly full ledger count before they are summed up again, which reads whole tables.
const SHARES_COUNT_FOR: Duration = Duration::from_secs(300);

/// The measured figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Bytes that the ledger has in use.
    pub ledger_bytes: u64,
    /// The lowest free space of the disks that hold our files; `None` without files here, or if the system cannot tell.
    pub free_bytes: Option<u64>,
    /// Number of connections.
    pub connections: usize,
    /// Dead letters by connection.
    pub letters: BTreeMap<ConnectionId, KeptLetters>,
    /// Bytes by connection, once the ledger is nearly full.
    pub shares: Shares,
}

/// Bytes by connection.
type Shares = BTreeMap<ConnectionId, u64>;

/// Measures again and again.
#[derive(Debug)]
pub struct Gauge {
    limits: Limits,
    folders: Vec<PathBuf>,
    shares: Option<(Instant, Shares)>,
    /// The shares of the next result, which are summed up in the background.
    next_shares: Option<AbortOnDropHandle<Result<Shares, LedgerError>>>,
}

impl Gauge {
    /// A gauge for an installation with this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { limits: Limits::of(config), folders: folders(config), shares: None, next_shares: None }
    }

    /// The limits that it measures for.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The lowest free space of the disks that hold our files; `None` without files here, or if the system cannot tell.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        self.folders.iter().filter_map(|folder| free(folder)).min()
    }

    /// Measures everything, and waits for the shares if they count.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be read.
    pub async fn measure_once(&self, engines: &Engines) -> Result<Measured, Failure> {
        let measured = self.measure_storage(engines.storage.as_ref()).await?;
        let shares = match self.limits.is_nearly_reached(measured.ledger_bytes) {
            true => engines.storage.shares().await?,
            false => Shares::new(),
        };
        let connections = engines.connections.list().await?.len();
        Ok(Measured { shares, connections, ..measured })
    }

    /// Measures everything but the shares, which are those that were summed up last, in the background.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be read.
    pub async fn measure(&mut self, engines: &Engines) -> Result<Measured, Failure> {
        let measured = self.measure_storage(engines.storage.as_ref()).await?;
        let shares = self.last_shares(engines, measured.ledger_bytes).await?;
        let connections = engines.connections.list().await?.len();
        Ok(Measured { shares, connections, ..measured })
    }

    /// Measures the figures that need only the storage.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the ledger cannot be read.
    pub async fn measure_storage(&self, storage: &dyn Storage) -> Result<Measured, LedgerError> {
        let ledger_bytes = storage.used_bytes().await?;
        let letters = storage.kept_letters().await?;
        Ok(Measured { ledger_bytes, free_bytes: self.free_bytes(), letters, ..Measured::default() })
    }

    async fn last_shares(&mut self, engines: &Engines, ledger_bytes: u64) -> Result<Shares, Failure> {
        if !self.limits.is_nearly_reached(ledger_bytes) {
            (self.shares, self.next_shares) = (None, None);
            return Ok(Shares::new());
        }
        if let Some(summed) = self.next_shares.take_if(|summed| summed.is_finished()) {
            let shares =
                summed.await.map_err(|error| Failure::failed("room", &error, "report this as a bug"))??;
            self.shares = Some((Instant::now(), shares));
        }
        let are_old = self.shares.as_ref().is_none_or(|(at, _)| at.elapsed() >= SHARES_COUNT_FOR);
        if are_old && self.next_shares.is_none() {
            let storage = Arc::clone(&engines.storage);
            let summing = tokio::spawn(async move { storage.shares().await });
            self.next_shares = Some(AbortOnDropHandle::new(summing));
        }
        Ok(self.shares.as_ref().map(|(_, shares)| shares.clone()).unwrap_or_default())
    }
}

/// The folders of the files that this configuration names.
fn folders(config: &Config) -> Vec<PathBuf> {
    queue_file(config).into_iter().chain(ledger_file(config)).map(folder_of).collect()
}

fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// Bytes of this folder's disk that are free for us.
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
