//! The health server. Small limits, because anybody who reaches the address may ask.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::pulse::Pulses;
use crate::metrics::Exporter;

/// Connections at the same time; one more waits in the system's backlog.
const MAX_CONNECTIONS: usize = 32;
/// How long one connection may last, its requests included.
const CONNECTION_DEADLINE: Duration = Duration::from_secs(30);
/// How long a client may take for the headers of a request.
const HEADER_DEADLINE: Duration = Duration::from_secs(5);
/// The pause after the system refused a connection (no file handles, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the health server tells of.
#[derive(Clone)]
pub struct Health {
    /// The loops' signs of life.
    pub pulses: Pulses,
    /// The process's figures.
    pub exporter: Arc<Exporter>,
}

/// Serves `/healthz`, `/readyz` and `/metrics` until `stop` is cancelled. To be stopped last: until then `/readyz` tells
/// that the process ends.
pub async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) {
    let router = router(health);
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let serving = async {
        // The semaphore is never closed, so the loop ends with `stop` alone.
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    drop(tokio::spawn(serve_connection(stream, router.clone(), permit, stop.clone())))
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    };
    tokio::select! {
        () = serving => {}
        () = stop.cancelled() => {}
    }
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    permit: OwnedSemaphorePermit,
    stop: CancellationToken,
) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // What a client broke off needs no answer, and no line in the log.
        ended = tokio::time::timeout(CONNECTION_DEADLINE, connection) => drop(ended),
        () = stop.cancelled() => {}
    }
    drop(permit);
}

fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// 200 while every loop is alive and fresh, else 503 with the loops that are not.
async fn ready(State(health): State<Health>) -> Response {
    let troubles = health.pulses.troubles();
    let status = if troubles.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({ "ready": troubles.is_empty(), "troubles": troubles });
    (status, Json(body)).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    match health.exporter.page(&health.pulses).await {
        Ok(page) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], page).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests;
