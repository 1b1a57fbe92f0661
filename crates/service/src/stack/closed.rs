//! A process whose files are not complete: it accepts no event, reports the reason, and starts by itself when they are complete.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Listeners, endpoint};
use crate::api;
use crate::config::Config;
use crate::engines::awaited::Awaited;
use crate::engines::files;
use crate::failure::Failure;
use crate::health::{self, Health, Pulses};
use crate::metrics::Exporter;

/// How often the files are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Waits until no file of the installation is missing, or `end` is cancelled. Meanwhile the ingest endpoint answers 503, and
/// `/readyz` names the missing file and the remedy.
///
/// # Errors
///
/// [`Failure`] if the listeners cannot be used.
pub async fn until_complete(
    config: &Config,
    listeners: &Listeners,
    end: &CancellationToken,
) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let mut servers = serve(config, listeners.again()?, &stop)?;
    while let Some(file) = files::trouble(config)
        && !end.is_cancelled()
    {
        tracing::debug!(%file, "still missing");
        end.run_until_cancelled(tokio::time::sleep(LOOK)).await;
    }
    stop.cancel();
    while servers.join_next().await.is_some() {}
    if !end.is_cancelled() {
        tracing::info!("every file exists: starting");
    }
    Ok(())
}

fn serve(config: &Config, listeners: Listeners, stop: &CancellationToken) -> Result<JoinSet<()>, Failure> {
    let ((health_listener, _), ingest, api) = listeners.into_parts()?;
    let mut servers = JoinSet::new();
    let health = Health { pulses: pulses(config), exporter: Arc::new(Exporter::new(Vec::new())) };
    servers.spawn(health::serve(health_listener, health, stop.clone()));
    if let Some((listener, _)) = ingest {
        let (limits, stop) = (endpoint::limits(&config.ingest), stop.clone());
        servers.spawn(async move {
            if let Err(error) = ingest::serve_closed(listener, &limits, stop).await {
                tracing::error!(%error, "the ingest endpoint cannot answer");
            }
        });
    }
    if let Some((listener, _)) = api {
        let (config, stop) = (config.clone(), stop.clone());
        servers.spawn(async move {
            // The engines never open here: every request is answered 503.
            if let Err(error) = api::serve(listener, config, Awaited::default(), stop).await {
                tracing::error!(%error, "the HTTP API cannot answer");
            }
        });
    }
    Ok(servers)
}

/// Not ready, with the reason.
fn pulses(config: &Config) -> Pulses {
    let pulses = Pulses::new(config.health.stale_after);
    let config = config.clone();
    let why = move || files::trouble(&config).map(|file| format!("{file}: {}", file.hint()));
    pulses.need("files", Box::new(why));
    pulses
}
