//! The measured operations on dead letters, one after the other.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use worker::housekeeping;

use super::lock::Watch;
use super::report::Row;
use crate::environment::{CONNECTION, Environment};
use crate::processes::output_of;

/// Longer than the time for which a discarded dead letter can be restored.
const LATER: Duration = Duration::from_secs(8 * 86_400);
/// A patch for the events whose address was refused.
const PATCH: &str = r#"[{"op":"replace","path":"/traits/address/city","value":"Salem"}]"#;

/// The operations on one ledger.
pub(super) struct Operations<'a> {
    environment: &'a Environment,
    letters: u64,
    rows: Vec<Row>,
}

impl<'a> Operations<'a> {
    pub(super) fn new(environment: &'a Environment, letters: u32) -> Self {
        Self { environment, letters: letters.into(), rows: Vec::new() }
    }

    /// Runs all of them.
    pub(super) async fn run(mut self) -> anyhow::Result<Vec<Row>> {
        let all = self.letters;
        // Each third member has a refused address.
        let refused = (all + 1) / 3;
        self.program("status", all, &["status"]).await?;
        self.command("groups", all, &["groups"]).await?;
        self.command("list by class", all, &["list", "class:refused", "state:open"]).await?;
        self.command("list by text", all, &["list", "text:maintenance"]).await?;
        let plan = self.plan("plan all", all, "state:open").await?;
        self.command("cancel", all, &["cancel", &plan]).await?;
        let folder = tempfile::tempdir()?;
        let patch = folder.path().join("patch.json");
        std::fs::write(&patch, PATCH)?;
        let patch = patch.to_string_lossy();
        let arguments = ["patch", "class:refused", "--patch", &patch, "--yes", "--reason", "bench"];
        self.command("patch of a third", refused, &arguments).await?;
        let plan = self.plan("plan of a third", refused, "class:refused").await?;
        self.command("cancel of a third", refused, &["cancel", &plan]).await?;
        let discard = ["discard", "state:open", "--reason", "bench"];
        self.command("discard", all, &discard).await?;
        self.command("restore", all, &["restore", "state:discarded"]).await?;
        self.retention().await?;
        self.program("removal of the connection", all, &["connections", "remove", CONNECTION, "--yes"])
            .await?;
        Ok(self.rows)
    }

    async fn plan(
        &mut self,
        operation: &'static str,
        letters: u64,
        selector: &str,
    ) -> anyhow::Result<String> {
        let planned = self.command(operation, letters, &["plan", selector]).await?;
        let id = planned["id"].as_i64().context("a plan has no id")?;
        Ok(id.to_string())
    }

    /// Runs `dead-letters` in a separate process.
    async fn command(
        &mut self,
        operation: &'static str,
        letters: u64,
        arguments: &[&str],
    ) -> anyhow::Result<Value> {
        self.program(operation, letters, &[&["dead-letters"], arguments].concat()).await
    }

    /// Runs the program in a separate process.
    async fn program(
        &mut self,
        operation: &'static str,
        letters: u64,
        arguments: &[&str],
    ) -> anyhow::Result<Value> {
        let watch = self.watch().await?;
        let began = Instant::now();
        let output = output_of(arguments, &self.environment.variables).await?;
        let seconds = began.elapsed().as_secs_f64();
        self.add_row(operation, letters, seconds, watch).await?;
        Ok(output)
    }

    async fn add_row(
        &mut self,
        operation: &'static str,
        letters: u64,
        seconds: f64,
        watch: Watch,
    ) -> anyhow::Result<()> {
        let longest = watch.end().await?;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let (longest_lock_ms, without_disk_ms) = (ms(longest.lock), longest.without_disk.map(ms));
        tracing::info!(operation, seconds, longest_lock_ms, "an operation is done");
        self.rows.push(Row { operation, letters, seconds, longest_lock_ms, without_disk_ms });
        Ok(())
    }

    /// The deletes of housekeeping when retention ends: of a class, of discarded dead letters, and of all. In pages.
    async fn retention(&mut self) -> anyhow::Result<()> {
        let ledger = self.environment.engines.ledger.as_ref();
        let now = self.environment.engines.now();
        let later = now + jiff::SignedDuration::try_from(LATER)?;

        let pages = async |rows| ledger.expire_class("refused", later, now, rows).await;
        self.in_pages("expiry of a class", pages).await?;

        let discard = ["dead-letters", "discard", "class:unavailable", "--reason", "bench"];
        output_of(&discard, &self.environment.variables).await?;
        let pages = async |rows| ledger.drop_discarded(later, rows).await;
        self.in_pages("payloads of discarded", pages).await?;

        let letters = async |rows| ledger.expire(ledger::Expiring::DeadLetters, later, now, rows).await;
        self.in_pages("expiry of all", letters).await
    }

    async fn in_pages(
        &mut self,
        operation: &'static str,
        page: impl AsyncFn(usize) -> Result<usize, ledger::LedgerError>,
    ) -> anyhow::Result<()> {
        let (watch, began, mut letters) = (self.watch().await?, Instant::now(), 0);
        let mut size = housekeeping::PAGES;
        loop {
            let (rows, page_began) = (size.rows(), Instant::now());
            let done = page(rows).await?;
            letters += done as u64;
            if done < rows {
                break;
            }
            size.learn(done, page_began.elapsed());
            tokio::time::sleep(housekeeping::PAUSE).await;
        }
        self.add_row(operation, letters, began.elapsed().as_secs_f64(), watch).await
    }

    async fn watch(&self) -> anyhow::Result<Watch> {
        Watch::begin(&self.environment.config.ledger.url).await
    }
}
