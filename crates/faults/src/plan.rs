//! Which rows are played, on what, and how many at the same time.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::ground::Pair;

/// What is played. `L` says how much is done in each row.
#[derive(Clone, Debug)]
pub struct Plan<L> {
    /// Decides events, strikes and chance.
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

    /// Plays rows, at most [`Plan::side_by_side`] at the same time; `report` is called with each that has ended. What came of them is
    /// in the order of the rows.
    ///
    /// # Errors
    ///
    /// If a row panics.
    pub async fn each<R, Playing>(
        &self,
        rows: Vec<R>,
        play: impl Fn(R) -> Playing,
        report: impl Fn(&Playing::Output),
    ) -> anyhow::Result<Vec<Playing::Output>>
    where
        Playing: Future<Output: Send> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.side_by_side));
        let mut playing = JoinSet::new();
        for (number, row) in rows.into_iter().enumerate() {
            let (places, row) = (Arc::clone(&places), play(row));
            playing.spawn(async move {
                let _place = places.acquire_owned().await?;
                Ok::<_, anyhow::Error>((number, row.await))
            });
        }
        let mut played = Vec::new();
        while let Some(ended) = playing.join_next().await {
            let (number, row) = ended??;
            report(&row);
            played.push((number, row));
        }
        played.sort_by_key(|(number, _)| *number);
        Ok(played.into_iter().map(|(_, row)| row).collect())
    }
}
