//! What operators do with dead letters, measured one after the other.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use worker::housekeeping;

use super::lock::Watch;
use super::report::Row;
use crate::crew::output_of;
use crate::ground::Ground;

/// Longer than what is discarded can be restored.
const LATER: Duration = Duration::from_secs(8 * 86_400);
/// A patch of the events whose address was refused.
const PATCH: &str = r#"[{"op":"replace","path":"/traits/address/city","value":"Salem"}]"#;

/// The acts on one ledger.
pub(super) struct Acts<'a> {
    ground: &'a Ground,
    letters: u64,
    rows: Vec<Row>,
}

impl<'a> Acts<'a> {
    pub(super) fn new(ground: &'a Ground, letters: u32) -> Self {
        Self { ground, letters: letters.into(), rows: Vec::new() }
    }

    /// Does all of them.
    pub(super) async fn all(mut self) -> anyhow::Result<Vec<Row>> {
        let all = self.letters;
        // The members are dealt out in turn.
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
        Ok(self.rows)
    }

    async fn plan(&mut self, act: &'static str, letters: u64, selector: &str) -> anyhow::Result<String> {
        let planned = self.command(act, letters, &["plan", selector]).await?;
        let id = planned["id"].as_i64().context("a plan has no id")?;
        Ok(id.to_string())
    }

    /// Runs `dead-letters` in a process of its own.
    async fn command(
        &mut self,
        act: &'static str,
        letters: u64,
        arguments: &[&str],
    ) -> anyhow::Result<Value> {
        self.program(act, letters, &[&["dead-letters"], arguments].concat()).await
    }

    /// Runs the program in a process of its own.
    async fn program(
        &mut self,
        act: &'static str,
        letters: u64,
        arguments: &[&str],
    ) -> anyhow::Result<Value> {
        let watch = self.watch().await?;
        let began = Instant::now();
        let said = output_of(arguments, &self.ground.variables).await?;
        let seconds = began.elapsed().as_secs_f64();
        self.note(act, letters, seconds, watch).await?;
        Ok(said)
    }

    async fn note(
        &mut self,
        act: &'static str,
        letters: u64,
        seconds: f64,
        watch: Watch,
    ) -> anyhow::Result<()> {
        let longest_lock_ms = watch.end().await?.as_secs_f64() * 1e3;
        tracing::info!(act, seconds, longest_lock_ms, "an act is done");
        self.rows.push(Row { act, letters, seconds, longest_lock_ms });
        Ok(())
    }

    /// What housekeeping does when retention ends: of a class; of what was discarded; of everything. In its pages.
    async fn retention(&mut self) -> anyhow::Result<()> {
        let ledger = self.ground.engines.ledger.as_ref();
        let now = self.ground.engines.now();
        let later = now + jiff::SignedDuration::try_from(LATER)?;

        let pages = async |rows| ledger.expire_class("refused", later, now, rows).await;
        self.in_pages("expiry of a class", pages).await?;

        let discard = ["dead-letters", "discard", "class:unavailable", "--reason", "bench"];
        output_of(&discard, &self.ground.variables).await?;
        let pages = async |rows| ledger.drop_discarded(later, rows).await;
        self.in_pages("payloads of discarded", pages).await?;

        let letters = async |rows| ledger.expire(ledger::Expiring::DeadLetters, later, now, rows).await;
        self.in_pages("expiry of all", letters).await
    }

    async fn in_pages(
        &mut self,
        act: &'static str,
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
        self.note(act, letters, began.elapsed().as_secs_f64(), watch).await
    }

    async fn watch(&self) -> anyhow::Result<Watch> {
        Watch::begin(&self.ground.config.ledger.url).await
    }
}
