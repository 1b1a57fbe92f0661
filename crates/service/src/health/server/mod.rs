//! The health server. Small limits, because anybody who reaches the address may ask.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use listener::{Limits, Meters, Networks, Upload};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::pulse::Pulses;
use crate::metrics::Exporter;

/// Connections at the same time. One more takes the place of the idlest.
const MAX_CONNECTIONS: usize = 32;
/// Connections of one address at the same time, so that the probes of another address always get through.
const MAX_PER_ADDRESS: usize = 24;
/// How long one connection may last, its requests included.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(30);
/// How long a client may take for the headers of a request, and how long a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request that is under way may take when the server stops.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// The data that the health server reports.
#[derive(Clone)]
pub struct Health {
    /// The loops' signs of life.
    pub pulses: Pulses,
    /// The process's figures.
    pub exporter: Arc<Exporter>,
}

/// Serves `/healthz`, `/readyz` and `/metrics` until `stop` is cancelled. To be stopped last: until then `/readyz` reports
/// that the process ends.
pub async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) {
    let service = TowerToHyperService::new(router(health));
    let handler = move |_: IpAddr, request: Request<Upload>| {
        let service = service.clone();
        async move {
            let (head, body) = request.into_parts();
            if let Err(error) = listener::check_host(&head) {
                return Ok::<_, Infallible>((StatusCode::BAD_REQUEST, format!("{error}\n")).into_response());
            }
            service.call(Request::from_parts(head, Body::new(body))).await
        }
    };
    if let Err(error) = listener::serve(listener, limits(), Arc::new(Meters::default()), handler, stop).await
    {
        tracing::error!(%error, "the health server cannot run");
    }
}

fn limits() -> Limits {
    Limits {
        max_connections: MAX_CONNECTIONS,
        max_per_address: MAX_PER_ADDRESS,
        proxies: Networks::default(),
        header_timeout: HEADER_TIMEOUT,
        max_age: MAX_CONNECTION_AGE,
        closing_time: CLOSING_TIME,
    }
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
