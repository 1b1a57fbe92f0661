//! Batches that are folded and on their way into the ledger. What they touch is left alone until they are there.

use std::collections::{HashMap, HashSet};

use people::Digest;
use tokio::task::{Id, JoinError, JoinSet};

/// So many batches are under way at most: each holds messages that nobody else can take.
const AT_ONCE: usize = 6;

/// The batches under way, each with the identifiers of everything that it touches.
#[derive(Default)]
pub(super) struct InHand {
    tasks: JoinSet<anyhow::Result<()>>,
    touched: HashMap<Id, HashSet<Digest>>,
}

impl InHand {
    /// A batch goes its way; meanwhile what it touches is left alone.
    pub(super) fn add(
        &mut self,
        touched: HashSet<Digest>,
        way: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.touched.insert(self.tasks.spawn(way).id(), touched);
    }

    /// Waits until another batch may be taken.
    ///
    /// # Errors
    ///
    /// If one of them could not be recorded, or not acknowledged: it comes again.
    pub(super) async fn make_room(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.end(ended)?;
        }
        while self.tasks.len() >= AT_ONCE
            && let Some(ended) = self.tasks.join_next_with_id().await
        {
            self.end(ended)?;
        }
        Ok(())
    }

    /// Waits until nothing is under way any more.
    ///
    /// # Errors
    ///
    /// See [`Self::make_room`].
    pub(super) async fn empty(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.end(ended)?;
        }
        Ok(())
    }

    /// Whether one of these is to be left alone.
    pub(super) fn touches<'d>(&self, digests: impl Iterator<Item = &'d Digest> + Clone) -> bool {
        self.touched.values().any(|touched| digests.clone().any(|digest| touched.contains(digest)))
    }

    fn end(&mut self, ended: Result<(Id, anyhow::Result<()>), JoinError>) -> anyhow::Result<()> {
        match ended {
            Ok((id, went)) => {
                self.touched.remove(&id);
                went
            }
            Err(panicked) => {
                self.touched.remove(&panicked.id());
                Err(panicked.into())
            }
        }
    }
}
