//! One connection, from its first request to its end.

use std::error::Error;
use std::future::{Future, pending, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::body::{Answer, Upload};
use crate::places::Place;
use crate::progress::Progress;
use crate::stream::Stream;
use crate::{Limits, linger};

/// Maximum bytes of the headers of one request, and of one read of a connection.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// How long the listener, when it stops, waits for a connection without a request: its client may be about to send one, and
/// would take a connection that closes without an answer for a fault.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(1);

/// Calls the handler of the listener for one connection.
pub(crate) struct Requests<H> {
    handler: Arc<H>,
    peer: IpAddr,
    progress: Arc<Progress>,
}

impl<H> Requests<H> {
    pub(crate) fn new(handler: Arc<H>, peer: IpAddr, place: Place) -> Self {
        Self { handler, peer, progress: Arc::new(Progress::new(place)) }
    }
}

impl<H, F, B, E> Service<Request<Incoming>> for Requests<H>
where
    H: Fn(IpAddr, Request<Upload>) -> F,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body + 'static,
    E: 'static,
{
    type Response = Response<Answer<B>>;
    type Error = E;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, E>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if !self.progress.begin() {
            // The connection is about to be dropped, and with it this future.
            return Box::pin(pending());
        }
        let progress = Arc::clone(&self.progress);
        let request = request.map(|body| Upload::new(body, Arc::clone(&progress)));
        let answering = (self.handler)(self.peer, request);
        Box::pin(async move { Ok(answering.await?.map(|body| Answer::new(body, progress))) })
    }
}

/// Serves a connection until its client ends it, its place is given to another one, or it has to end.
pub(crate) async fn serve<H, F, B, E>(
    stream: TcpStream,
    requests: Requests<H>,
    close: CancellationToken,
    limits: Arc<Limits>,
    stop: CancellationToken,
) where
    H: Fn(IpAddr, Request<Upload>) -> F,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was closed before its first request");
        return;
    }
    let progress = Arc::clone(&requests.progress);
    let stream = TokioIo::new(Stream::new(stream, Arc::clone(&progress)));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(stream, requests);
    let serving = async {
        let until_end = poll_fn(|cx| connection.poll_without_shutdown(cx));
        match stop.run_until_cancelled(timeout(limits.max_age, until_end)).await {
            Some(Ok(ended)) => {
                report(ended);
                linger::close(connection.into_parts().io.into_inner().into_inner()).await;
            }
            Some(Err(_)) | None => {
                let first_request = poll_fn(|cx| match connection.poll_without_shutdown(cx) {
                    Poll::Ready(ended) => Poll::Ready(Some(ended)),
                    Poll::Pending if progress.is_new() => Poll::Pending,
                    Poll::Pending => Poll::Ready(None),
                });
                if let Ok(Some(ended)) = timeout(FIRST_REQUEST_WITHIN, first_request).await {
                    return report(ended);
                }
                Pin::new(&mut connection).graceful_shutdown();
                let Ok(ended) = timeout(limits.closing_time, connection).await else {
                    return tracing::debug!("a connection was aborted because it did not end in time");
                };
                report(ended);
            }
        }
    };
    close.run_until_cancelled(serving).await;
}

fn report(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}
