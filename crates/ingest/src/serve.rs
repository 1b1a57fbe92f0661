//! The listener: accepts connections up to a limit, and ends them in good order.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Door;

/// Bytes of the headers of one request, at most.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// How long to wait before accepting again when the system could not (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How old a connection may become before it is closed in good order. One that is stuck, because its client does not
/// read the answers, ends then as well.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(300);

/// What a connection gets beyond the deadline of a request when it has to end.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// Serves the door on `listener` until `shutdown` is cancelled. Then nothing new is accepted, requests under way are
/// answered, and this returns, within the deadline of a request and a second.
///
/// # Errors
/// When the limit of connections is zero.
pub async fn serve(listener: TcpListener, door: Arc<Door>, shutdown: CancellationToken) -> io::Result<()> {
    let limits = door.limits();
    let Some(all) = u32::try_from(limits.max_connections).ok().filter(|all| *all > 0) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the limit of connections must be 1 or more",
        ));
    };
    let permits = Arc::new(Semaphore::new(limits.max_connections));
    // Accepting holds a permit before it takes a connection: what is too much waits in the system's backlog.
    while let Some((stream, address, permit)) = next_connection(&listener, &permits, &shutdown).await {
        let connection = serve_connection(stream, address, Arc::clone(&door), shutdown.clone());
        tokio::spawn(async move {
            connection.await;
            drop(permit);
        });
    }
    drop(listener);
    // Every connection ends by itself now; the last one gives back the last permit.
    permits.acquire_many(all).await.map(drop).map_err(io::Error::other)
}

/// The next connection with its permit; `None` when the door closes.
async fn next_connection(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let accepting = async {
        let permit = Arc::clone(permits).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, address)) => return Some((stream, address.ip(), permit)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(accepting).await?
}

/// Serves one connection until its client or we end it; both take a limited time.
async fn serve_connection(stream: TcpStream, address: IpAddr, door: Arc<Door>, shutdown: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before its first request");
        return;
    }
    let limits = door.limits();
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(door.answer(address, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let served = shutdown.run_until_cancelled(timeout(MAX_CONNECTION_AGE, connection.as_mut())).await;
    let ended = if let Some(Ok(ended)) = served {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        timeout(limits.deadline + CLOSING_TIME, connection).await.unwrap_or_else(|_| {
            tracing::debug!("a connection was cut off because it did not end in time");
            Ok(())
        })
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
