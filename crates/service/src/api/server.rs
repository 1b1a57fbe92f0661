//! The listener of the API.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use axum::{Router, middleware};
use hyper::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use listener::{Limits, Meters, Networks, Upload};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::document::documented;
use super::guard::{Guard, guard};
use super::problem::Problem;
use crate::config::Config;
use crate::engines::awaited::Awaited;

/// Connections at the same time. One more takes the place of the idlest.
const MAX_CONNECTIONS: usize = 128;
/// Those of one address; behind a proxy these are all.
const MAX_PER_ADDRESS: usize = 96;
/// How long one connection may last before it is closed between two requests.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);
/// How long a client may take for the headers of a request, and how long a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request that is under way may take when the server stops.
const CLOSING_TIME: Duration = Duration::from_secs(10);

/// Serves the API until `stop` is cancelled. While the engines are not open, every request is answered 503.
///
/// # Errors
///
/// If the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    awaited: Awaited,
    stop: CancellationToken,
) -> io::Result<()> {
    let service = TowerToHyperService::new(router(config, awaited));
    let handler = move |_: IpAddr, request: Request<Upload>| {
        let service = service.clone();
        async move {
            let (head, body) = request.into_parts();
            if let Err(error) = listener::check_host(&head) {
                return Ok::<_, Infallible>(Problem::malformed(error.to_string()).into_response());
            }
            service.call(Request::from_parts(head, Body::new(body))).await
        }
    };
    listener::serve(listener, limits(), Arc::new(Meters::default()), handler, stop).await
}

fn router(config: Config, awaited: Awaited) -> Router {
    let (routes, document) = documented();
    let text: Arc<str> = document.text().into();
    let guarded = Arc::new(Guard::new(config, awaited, &document));
    routes
        .fallback(|| async { Problem::no_such_path() })
        .layer(middleware::from_fn_with_state(guarded, guard))
        // The document is public: it is in the repository as well.
        .route(
            super::document::PATH,
            axum::routing::get(move || async move {
                ([(hyper::header::CONTENT_TYPE, "application/json")], text.to_string())
            }),
        )
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
