//! The rows to run, their engines, and how many run at the same time.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::row_engines::Pair;

/// The rows to run. `L` is the amount of work in each row.
#[derive(Clone, Debug)]
pub struct Plan<L> {
    /// Seed of events, strikes and random choices.
    pub seed: u64,
    /// Rows whose name contains one of these; none: every row.
    pub only: Vec<String>,
    /// How much is done in each row.
    pub length: L,
    /// The engines.
    pub pair: Pair,
    /// The program under test.
    pub program: PathBuf,
    /// Rows at the same time. Times are figures only with one.
    pub side_by_side: usize,
}

impl<L> Plan<L> {
    /// Whether a row of this name is wanted.
    #[must_use]
    pub fn names(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| row.contains(name.as_str()))
    }

    /// Runs rows, at most [`Plan::side_by_side`] at the same time; `report` is called with each that has ended. The results are
    /// in the order of the rows.
    ///
    /// # Errors
    ///
    /// If a row panics.
    pub async fn each<R, Running>(
        &self,
        rows: Vec<R>,
        run: impl Fn(R) -> Running,
        report: impl Fn(&Running::Output),
    ) -> anyhow::Result<Vec<Running::Output>>
    where
        Running: Future<Output: Send> + Send + 'static,
    {
        let permits = Arc::new(Semaphore::new(self.side_by_side));
        let mut running = JoinSet::new();
        for (number, row) in rows.into_iter().enumerate() {
            let (permits, row) = (Arc::clone(&permits), run(row));
            running.spawn(async move {
                let _permit = permits.acquire_owned().await?;
                Ok::<_, anyhow::Error>((number, row.await))
            });
        }
        let mut results = Vec::new();
        while let Some(ended) = running.join_next().await {
            let (number, row) = ended??;
            report(&row);
            results.push((number, row));
        }
        results.sort_by_key(|(number, _)| *number);
        Ok(results.into_iter().map(|(_, row)| row).collect())
    }
}
