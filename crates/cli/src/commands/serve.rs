//! `serve`, `ingest` and `worker`: the roles, until a signal ends them.

use super::Context;
use crate::failure::{Exit, Failure};
use crate::shutdown;
use crate::stack::{Roles, Standby};

/// What the help of `serve` shows.
pub const SERVE_EXAMPLES: &str = "\
Examples:
  refersion-destination serve                         on the addresses and files of the configuration
  refersion-destination serve --config production.toml
  REFERSION_DESTINATION__INGEST__LISTEN=0.0.0.0:8080 refersion-destination serve
  REFERSION_DESTINATION__LOG__FORMAT=json refersion-destination serve

Segment posts to /segment on ingest.listen; /healthz, /readyz and /metrics are on health.listen. SIGTERM or Ctrl-C ends
what is under way within shutdown.deadline; a second one ends at once. Nothing accepted is lost either way.

A broker or a database that is away is waited for, at the start too: the door answers 503 meanwhile, and /readyz says
why.";

/// What the help of `ingest` shows.
pub const INGEST_EXAMPLES: &str = "\
Examples:
  refersion-destination ingest
  refersion-destination ingest --config production.toml
  REFERSION_DESTINATION__HEALTH__LISTEN=127.0.0.1:8083 refersion-destination ingest

It accepts events into the queue, and delivers none: run `worker` beside it, with the same queue.url and ledger.url and
another health.listen.";

/// What the help of `worker` shows.
pub const WORKER_EXAMPLES: &str = "\
Examples:
  refersion-destination worker
  refersion-destination worker --config production.toml
  REFERSION_DESTINATION__HEALTH__LISTEN=127.0.0.1:8084 refersion-destination worker

It absorbs what `ingest` accepted, and tells Refersion the difference. One worker at a time serves a connection; another
takes over within seconds when it ends.";

/// Runs these roles until a signal ends them.
///
/// # Errors
///
/// [`Failure`] if an engine cannot be used, other than because it is away, or an address cannot be listened on.
pub async fn run(roles: Roles, context: &mut Context) -> Result<Exit, Failure> {
    let stop =
        shutdown::on_signals().map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;
    let standby = Standby::start(&context.loaded.config, roles).await?;
    // The roles run whether or not anybody reads where they listen.
    if let Err(failure) = announce(&standby, context) {
        tracing::warn!(why = failure.message, "standard output cannot be written");
    }
    let Some(stack) = standby.complete(&stop).await? else {
        tracing::info!("ended before the ledger was there");
        return Ok(Exit::Done);
    };
    if stack.engines().connections.list().await.is_ok_and(|connections| connections.is_empty()) {
        tracing::info!(
            "there is no connection yet, so the door knows no key: add one with `connections add`"
        );
    }
    stop.cancelled().await;
    let late = stack.stop().await;
    tracing::info!("ended");
    Ok(if late.is_empty() { Exit::Done } else { Exit::Partly })
}

fn announce(standby: &Standby, context: &mut Context) -> Result<(), Failure> {
    let door = standby.door_address().map(|address| format!("http://{address}/segment"));
    let health = format!("http://{}", standby.health_address());
    if context.output.is_json() {
        return context.output.json(&serde_json::json!({ "segment": door, "health": health }));
    }
    if let Some(door) = door {
        context.output.line(&format!("Segment posts to        {door}"))?;
    }
    context.output.line(&format!("health and metrics are on {health}"))
}
