//! Waits until nothing is to be done any more.

use std::time::Duration;

use service::engines::Engines;
use tokio::time::Instant;

use crate::accounts::configuration;
use crate::stage::Stage;

/// How long it must stay at rest before that is believed: a message may be on its way back into the queue.
const AT_REST_FOR: Duration = Duration::from_secs(2);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Waits for rest; what has not come to rest after `at_most`, in words.
///
/// # Errors
///
/// If the engines cannot be opened although every fault is over.
pub async fn wait(stage: &mut Stage, at_most: Duration) -> anyhow::Result<Option<String>> {
    let engines = Engines::open(&configuration(stage.direct_variables())?).await?;
    let end = Instant::now() + at_most;
    let mut rests_since = None;
    let mut last = String::new();
    while Instant::now() < end {
        stage.pass(LOOK_EVERY).await?;
        match unrest(stage, &engines).await {
            Ok(None) => {
                let since = *rests_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= AT_REST_FOR {
                    return Ok(None);
                }
            }
            Ok(Some(what)) => (rests_since, last) = (None, what),
            Err(cause) => (rests_since, last) = (None, format!("{cause:#}")),
        }
    }
    Ok(Some(last))
}

/// Waits until no connection is paused, or for `at_most`: one that is cannot be paused once more.
///
/// # Errors
///
/// If the engines cannot be opened, or read.
pub async fn until_none_is_paused(stage: &mut Stage, at_most: Duration) -> anyhow::Result<()> {
    let engines = Engines::open(&configuration(stage.direct_variables())?).await?;
    let end = Instant::now() + at_most;
    while !paused(stage, &engines).await?.is_empty() && Instant::now() < end {
        stage.pass(LOOK_EVERY).await?;
    }
    Ok(())
}

/// The connections that are paused, in words.
async fn paused(stage: &Stage, engines: &Engines) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for account in &stage.accounts {
        if let Some(connection) = engines.connections.by_id(account.id).await?
            && let connections::State::Paused(reason) = connection.state
        {
            found.push(format!("{} is paused for {reason}", connection.name));
        }
    }
    Ok(found)
}

/// What is still to be done, in words.
async fn unrest(stage: &Stage, engines: &Engines) -> anyhow::Result<Option<String>> {
    let depth = engines.queue.depth().await?;
    let counts = engines.ledger.counts(None, engines.now()).await?;
    let mut found = Vec::new();
    if depth.live + depth.bulk > 0 {
        found.push(format!("{} events in the queue", depth.live + depth.bulk));
    }
    if counts.pending > 0 {
        found.push(format!("{} events pending", counts.pending));
    }
    found.extend(paused(stage, engines).await?);
    for account in &stage.accounts {
        if engines.ledger.next_due(account.id).await?.is_some() {
            found.push(format!("{} has something to tell", account.public_key));
        }
        if engines.ledger.walk_position(account.id).await?.is_some() {
            found.push(format!("the settings of {} are being applied", account.public_key));
        }
    }
    Ok((!found.is_empty()).then(|| found.join(", ")))
}
