//! `serve`, `ingest` and `worker`: the roles, until a signal ends them.

use service::Context;
use service::engines::files;
use service::failure::{Exit, Failure};
use service::shutdown;
use service::stack::{self, Listeners, Roles, Standby};

/// The examples in the help of `serve`.
pub const SERVE_EXAMPLES: &str = "\
Examples:
  refersion-destination serve                         on the addresses and files of the configuration
  refersion-destination serve --config production.toml
  REFERSION_DESTINATION__INGEST__LISTEN=0.0.0.0:8080 refersion-destination serve
  REFERSION_DESTINATION__LOG__FORMAT=json refersion-destination serve

Segment posts to /segment on ingest.listen; /healthz, /readyz and /metrics are on health.listen. On SIGTERM or Ctrl-C
the process finishes its work within shutdown.deadline; a second signal ends it at once. Accepted events are not lost
in either case.

If a broker or a database is unavailable, also at the start, the process waits for it: requests are answered 503, and
/readyz gives the reason. The same applies while there is no connection, and while the queue, the ledger or the master
key is missing although another of them exists: Segment retries requests that are answered 503, and throws away events
that are answered 401.";

/// The examples in the help of `ingest`.
pub const INGEST_EXAMPLES: &str = "\
Examples:
  refersion-destination ingest
  refersion-destination ingest --config production.toml
  REFERSION_DESTINATION__HEALTH__LISTEN=127.0.0.1:8083 refersion-destination ingest

It accepts events into the queue, and delivers none: run `worker` beside it, with the same queue.url and ledger.url and
another health.listen.";

/// The examples in the help of `worker`.
pub const WORKER_EXAMPLES: &str = "\
Examples:
  refersion-destination worker
  refersion-destination worker --config production.toml
  REFERSION_DESTINATION__HEALTH__LISTEN=127.0.0.1:8084 refersion-destination worker

It absorbs the events that `ingest` accepted, and sends the differences to Refersion. One worker at a time serves a
connection; another worker takes over within seconds when it ends.";

/// The examples in the help of `api`.
pub const API_EXAMPLES: &str = "\
Examples:
  refersion-destination api
  refersion-destination api --config production.toml
  REFERSION_DESTINATION__HEALTH__LISTEN=127.0.0.1:8086 refersion-destination api

It serves /api/v1 on api.listen, as `serve` does, to operators with a token (`operators add`). docs/api.md shows how to
use it; the OpenAPI document is at /api/v1/openapi.json. Give it the queue.url and ledger.url of the others, and another
health.listen.";

/// Runs these roles until a signal ends them.
///
/// # Errors
///
/// [`Failure`] if an engine cannot be used, other than because it is away, or an address cannot be listened on.
pub async fn run(roles: Roles, context: &mut Context) -> Result<Exit, Failure> {
    let stop =
        shutdown::on_signals().map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;
    let config = context.loaded.config.clone();
    files::log_places(&config);
    let listeners = Listeners::bind(&config, roles)?;
    let standby = match files::trouble(&config) {
        None => {
            let announcement = Announcement::of(&listeners);
            let standby = Standby::start(&config, roles, listeners).await?;
            announcement.show_if_possible(context);
            standby
        }
        Some(file) => {
            tracing::error!(hint = file.hint(), "{file}: waiting for it, and answering 503 to events");
            Announcement::of(&listeners).show_if_possible(context);
            stack::until_complete(&config, &listeners, &stop).await?;
            if stop.is_cancelled() {
                return Ok(Exit::Done);
            }
            Standby::start(&config, roles, listeners).await?
        }
    };
    let Some(stack) = standby.complete(&stop).await? else {
        tracing::info!("ended before the ledger was available");
        return Ok(Exit::Done);
    };
    if roles.ingest && stack.engines().connections.is_empty().await.is_ok_and(|is_empty| is_empty) {
        tracing::warn!(
            "there is no connection yet, so every event is answered 503: add one with `connections add`"
        );
    }
    stop.cancelled().await;
    let late = stack.stop().await;
    tracing::info!("ended");
    Ok(if late.is_empty() { Exit::Done } else { Exit::Partly })
}

/// The addresses on which this process listens.
struct Announcement {
    segment: Option<String>,
    health: String,
    api: Option<String>,
}

impl Announcement {
    fn of(listeners: &Listeners) -> Self {
        let segment = listeners.ingest_address().map(|address| format!("http://{address}/segment"));
        let api = listeners.api_address().map(|address| format!("http://{address}/api/v1"));
        Self { segment, health: format!("http://{}", listeners.health_address()), api }
    }

    /// Shows the addresses. The roles run even if they cannot be shown.
    fn show_if_possible(self, context: &mut Context) {
        if let Err(failure) = self.show(context) {
            tracing::warn!(error = failure.message, "standard output cannot be written");
        }
    }

    fn show(self, context: &mut Context) -> Result<(), Failure> {
        let Self { segment, health, api } = self;
        if context.output.is_json() {
            return context
                .output
                .json(&serde_json::json!({ "segment": segment, "health": health, "api": api }));
        }
        if let Some(segment) = segment {
            context.output.line(&format!("Segment posts to        {segment}"))?;
        }
        if let Some(api) = api {
            context.output.line(&format!("operators' HTTP API     {api}"))?;
        }
        context.output.line(&format!("health and metrics are on {health}"))
    }
}
