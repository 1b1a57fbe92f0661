//! The state of queue and ledger, read from outside of the program.

use std::time::Duration;

use anyhow::Context as _;
use service::engines::Engines;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::system::System;
use crate::row_engines::RowEngines;

/// How often a wait looks again.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The ledger's file, and the log that SQLite keeps beside it.
const LEDGER_FILES: [&str; 2] = ["ledger.db", "ledger.db-wal"];

impl System {
    /// Waits until no event waits in the queue or is pending.
    ///
    /// # Errors
    ///
    /// If that takes longer than `at_most`.
    pub async fn wait_for_rest(&mut self, at_most: Duration) -> anyhow::Result<()> {
        let engines = self.engines().await?;
        let end = Instant::now() + at_most;
        loop {
            let (queued, pending) = unfinished(&engines).await?;
            if queued + pending == 0 {
                return Ok(());
            }
            anyhow::ensure!(
                Instant::now() < end,
                "{queued} events in the queue and {pending} pending after {at_most:?}"
            );
            self.pass(POLL_INTERVAL).await?;
        }
    }

    /// The size of the ledger, in bytes. Room that it can use again counts; on Postgres, the room of deleted rows is freed first.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub async fn ledger_bytes(&self) -> anyhow::Result<u64> {
        let RowEngines::Servers(servers) = &self.row_engines else {
            let size = |name| std::fs::metadata(self.folder.path().join(name)).map_or(0, |file| file.len());
            return Ok(LEDGER_FILES.map(size).iter().sum());
        };
        let url = servers.database_url().to_string();
        let size = spawn_blocking(move || {
            testbed::postgres::psql(&url, "VACUUM")?;
            testbed::postgres::psql(&url, "SELECT pg_database_size(current_database())")
        });
        size.await??.trim().parse().context("Postgres reports the size of a database in bytes")
    }

    /// Waits for `work` while the processes are looked after.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub async fn while_supervising<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                supervised = self.pass(POLL_INTERVAL) => supervised?,
            }
        }
    }
}

async fn unfinished(engines: &Engines) -> anyhow::Result<(u64, u64)> {
    let depth = engines.queue.depth().await?;
    let counts = engines.ledger.counts(None, engines.now()).await?;
    Ok((depth.live + depth.bulk, counts.pending))
}
