//! Gathers the figures when Prometheus asks, and writes the page.

use std::time::Duration;

use async_trait::async_trait;
use prometheus::{Encoder, TextEncoder};

use super::families;
use super::snapshot::Snapshot;
use crate::health::Pulses;

/// How long one source may take. Prometheus itself gives up after 10 s.
const SOURCE_DEADLINE: Duration = Duration::from_secs(2);

/// A part of the process that has figures.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name on the page: `queue`, say.
    fn name(&self) -> &'static str;

    /// Copies its figures into `snapshot`.
    ///
    /// # Errors
    ///
    /// If they cannot be read now. The page is made without them, and says so by `source_up`.
    async fn fill(&self, snapshot: &mut Snapshot) -> anyhow::Result<()>;
}

/// Makes the page of all sources.
pub struct Exporter {
    sources: Vec<Box<dyn Source>>,
    /// One page is made at a time, so that a crowd of readers cannot load the ledger.
    turn: tokio::sync::Mutex<()>,
}

impl Exporter {
    /// An exporter of these sources.
    #[must_use]
    pub fn new(sources: Vec<Box<dyn Source>>) -> Self {
        Self { sources, turn: tokio::sync::Mutex::new(()) }
    }

    /// The page in Prometheus's text format 0.0.4.
    ///
    /// # Errors
    ///
    /// If a family is malformed, which is a bug.
    pub async fn page(&self, pulses: &Pulses) -> Result<String, prometheus::Error> {
        let _turn = self.turn.lock().await;
        let mut snapshot = Snapshot::default();
        let mut well = Vec::new();
        for source in &self.sources {
            let filled = tokio::time::timeout(SOURCE_DEADLINE, source.fill(&mut snapshot)).await;
            well.push((source.name(), matches!(filled, Ok(Ok(())))));
        }
        let mut page = Vec::new();
        TextEncoder::new().encode(&families::all(&snapshot, &pulses.states(), &well), &mut page)?;
        Ok(String::from_utf8_lossy(&page).into_owned())
    }
}

#[cfg(test)]
mod tests;
