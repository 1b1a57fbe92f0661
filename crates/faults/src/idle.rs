//! Waits until the system is idle.

use std::time::Duration;

use service::engines::Engines;
use tokio::time::Instant;

use crate::accounts::configuration;
use crate::harness::Harness;

/// How long the system must stay idle to count as idle: a message may be on its way back into the queue.
const IDLE_FOR: Duration = Duration::from_secs(2);
/// How often the state is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Waits until the system is idle. Returns a description of the remaining work if it is not after `at_most`.
///
/// # Errors
///
/// If the engines cannot be opened although every fault is over.
pub async fn wait(harness: &mut Harness, at_most: Duration) -> anyhow::Result<Option<String>> {
    let engines = Engines::open(&configuration(harness.direct_variables())?).await?;
    let end = Instant::now() + at_most;
    let mut idle_since = None;
    let mut last = String::new();
    while Instant::now() < end {
        harness.pass(POLL_INTERVAL).await?;
        match remaining(harness, &engines).await {
            Ok(None) => {
                let since = *idle_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= IDLE_FOR {
                    return Ok(None);
                }
            }
            Ok(Some(what)) => (idle_since, last) = (None, what),
            Err(cause) => (idle_since, last) = (None, format!("{cause:#}")),
        }
    }
    Ok(Some(last))
}

/// Waits until no connection is paused, or for `at_most`. A paused connection cannot be paused again.
///
/// # Errors
///
/// If the engines cannot be opened, or read.
pub async fn until_none_is_paused(harness: &mut Harness, at_most: Duration) -> anyhow::Result<()> {
    let engines = Engines::open(&configuration(harness.direct_variables())?).await?;
    let end = Instant::now() + at_most;
    while !paused(harness, &engines).await?.is_empty() && Instant::now() < end {
        harness.pass(POLL_INTERVAL).await?;
    }
    Ok(())
}

/// Descriptions of the paused connections.
async fn paused(harness: &Harness, engines: &Engines) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for account in &harness.accounts {
        if let Some(connection) = engines.connections.by_id(account.id).await?
            && let connections::State::Paused(reason) = connection.state
        {
            found.push(format!("{} is paused for {reason}", connection.name));
        }
    }
    Ok(found)
}

/// A description of the remaining work.
async fn remaining(harness: &Harness, engines: &Engines) -> anyhow::Result<Option<String>> {
    let depth = engines.queue.depth().await?;
    let counts = engines.ledger.counts(None, engines.now()).await?;
    let mut found = Vec::new();
    if depth.live + depth.bulk > 0 {
        found.push(format!("{} events in the queue", depth.live + depth.bulk));
    }
    if counts.pending > 0 {
        found.push(format!("{} events pending", counts.pending));
    }
    found.extend(paused(harness, engines).await?);
    for account in &harness.accounts {
        if engines.ledger.next_due(account.id).await?.is_some() {
            found.push(format!("{} has calls to make", account.public_key));
        }
        if engines.ledger.walk_position(account.id).await?.is_some() {
            found.push(format!("the settings of {} are being applied", account.public_key));
        }
    }
    Ok((!found.is_empty()).then(|| found.join(", ")))
}
