//! Accepts connections until it is stopped.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Body;
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Upload;
use crate::connection::{self, Requests};
use crate::places::{Place, Places};
use crate::refusal::Refusals;
use crate::{Limits, Meters, RareLog};

/// Wait before accepting again after a failure of the system, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `listener` until `stop` is cancelled: each request goes to `handler`, with the address of its peer. Then no new
/// connections are accepted, requests under way are answered, and this returns, within [`Limits::closing_time`].
///
/// A connection whose handler fails is closed without an answer.
///
/// # Errors
///
/// If a limit of connections is zero.
pub async fn serve<H, F, B, E>(
    listener: TcpListener,
    limits: Limits,
    meters: Arc<Meters>,
    handler: H,
    stop: CancellationToken,
) -> io::Result<()>
where
    H: Fn(IpAddr, Request<Upload>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    if limits.max_connections == 0 || limits.max_per_address == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "limits of connections must be 1 or more"));
    }
    let mut entrance = Entrance::new(limits.clone(), meters);
    let (limits, handler, connections) = (Arc::new(limits), Arc::new(handler), TaskTracker::new());
    while let Some(next) = stop.run_until_cancelled(entrance.next(&listener)).await {
        let (stream, peer, place) = next;
        let close = place.close.clone();
        let requests = Requests::new(Arc::clone(&handler), peer, place);
        connections.spawn(connection::serve(stream, requests, close, Arc::clone(&limits), stop.clone()));
        // A request that came with its connection is under way before the next connection looks for an idle one.
        tokio::task::yield_now().await;
    }
    drop(listener);
    // Every connection ends by itself now.
    connections.close();
    connections.wait().await;
    Ok(())
}

/// Accepts connections, and refuses those without a place.
struct Entrance {
    places: Arc<Places>,
    meters: Arc<Meters>,
    refusals: Refusals,
    refused: RareLog,
    failed: RareLog,
}

impl Entrance {
    fn new(limits: Limits, meters: Arc<Meters>) -> Self {
        let places = Places::new(limits, Arc::clone(&meters));
        let (refused, failed) = (RareLog::default(), RareLog::default());
        Self { places, meters, refusals: Refusals::new(), refused, failed }
    }

    /// The next connection that has a place. While all places are in the middle of requests, the others wait in the system's
    /// backlog.
    async fn next(&mut self, listener: &TcpListener) -> (TcpStream, IpAddr, Place) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => match self.places.admit_when_free(peer.ip()).await {
                    Some(place) => return (stream, peer.ip(), place),
                    None => self.refuse(stream),
                },
                Err(error) => self.wait(&error).await,
            }
        }
    }

    fn refuse(&self, stream: TcpStream) {
        self.meters.count_refused();
        if let Some(times) = self.refused.occurred() {
            tracing::warn!(
                times,
                "connections were refused: their address has used up its share, and all of them are in use"
            );
        }
        self.refusals.send(stream);
    }

    async fn wait(&self, error: &io::Error) {
        if let Some(times) = self.failed.occurred() {
            tracing::warn!(%error, times, "a connection could not be accepted");
        }
        self.places.close_idlest();
        sleep(ACCEPT_PAUSE).await;
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
