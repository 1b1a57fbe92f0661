//! Whether engines can be written, and whether any process serves the waiting events.

use super::{Finding, attention};
use crate::commands::status::registration::in_words;
use service::config::{Config, Registration};
use service::engines::Engines;
use service::failure::Failure;
use service::operator::workers::{Waiting, Workers};

const WORK: &str = "work";

/// Looks at an installation whose engines open.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    match Engines::open_existing(config).await {
        Ok(engines) => {
            let mut findings = writes(&engines).await;
            let found = running(&engines, config).await;
            findings.extend(
                found.unwrap_or_else(|failure| vec![Finding::bad(WORK, failure.message, failure.hint)]),
            );
            findings
        }
        // Their problem was just reported.
        Err(_) => Vec::new(),
    }
}

/// Writes a row into each.
async fn writes(engines: &Engines) -> Vec<Finding> {
    let ledger = engines.monitoring.prove_writing(engines.now()).await.map_err(Failure::from);
    let queue = engines.queue.prove_writing().await.map_err(Failure::from);
    let failed = |name: &str, written: Result<(), Failure>| {
        let failure = written.err()?;
        let hint = "free space on its disk, end a process that locks it, and give this user write access";
        Some(Finding::bad(format!("{name}, writing"), failure.message, hint))
    };
    [failed("ledger", ledger), failed("queue", queue)].into_iter().flatten().collect()
}

/// What waits for operators, and the reports of the processes that run.
async fn running(engines: &Engines, config: &Config) -> Result<Vec<Finding>, Failure> {
    let (workers, waiting) = (Workers::read(engines, config).await?, Waiting::read(engines).await?);
    let mut findings = attention::look(engines, config).await?;
    findings.extend(registration(&workers, config));
    findings.push(work(&workers, &waiting));
    Ok(findings)
}

/// The results for unknown API keys, if they are registered.
fn registration(workers: &Workers, config: &Config) -> Option<Finding> {
    let reported = workers.registrations();
    if config.ingest.registration == Registration::Closed && reported.is_none() {
        return None;
    }
    let found = format!("open: {}", in_words(&reported.unwrap_or_default()));
    let hint = "everybody with an account at Refersion can use this installation: set ingest.registration to closed to prevent this";
    Some(Finding::note("registration", found, hint))
}

fn work(workers: &Workers, waiting: &Waiting) -> Finding {
    if let Some(why) = workers.unserved(waiting) {
        return Finding::bad(WORK, why, "start it with the same queue.url and ledger.url");
    }
    if let Some(why) = workers.missing() {
        return Finding::note(WORK, why, "`status` shows every process that runs or ran");
    }
    let alive = workers.alive().count();
    let processes = if alive == 1 { "process runs" } else { "processes run" };
    Finding::ok(WORK, format!("{alive} {processes}"))
}
