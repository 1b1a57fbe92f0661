//! `migrate`: brings the schemas of queue and ledger up to date, which every start does as well.

use super::Context;
use crate::engines::queue_engine;
use crate::failure::{Exit, Failure};

/// What the help shows.
pub const EXAMPLES: &str = "\
Examples:
  refersion-destination migrate
  refersion-destination migrate --config production.toml
  refersion-destination migrate --json

A start does the same; this is for those who want it done before. It is safe beside running processes. What a newer
version has written, and this one must not use, is refused. On RabbitMQ it declares the exchange and the queues.";

/// Opens both engines, which brings them up to date, and declares what is needed on a broker.
///
/// # Errors
///
/// [`Failure`] if one does not open.
pub async fn run(context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    // A broker that is away opens all the same; whoever asks for migration wants to know.
    queue_engine::probe(&context.loaded.config.queue, &engines.clock).await?;
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "queue": "current", "ledger": "current" }))?;
    } else {
        context.output.line("the schemas of queue and ledger are current")?;
    }
    Ok(Exit::Done)
}
