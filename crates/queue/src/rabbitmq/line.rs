//! A connection that can be cut.
//!
//! lapin gives neither an attempt to connect nor a goodbye a deadline: each has a thread and a socket until the broker
//! answers, whoever waits for it. A broker that is stopped but not gone would gather them without bound. Shutting the
//! socket ends them at once.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::runtime::default_runtime;
use lapin::tcp::{AsyncTcpStream, OwnedTLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties};
use tokio::time::timeout;

use super::RabbitError;
use super::error::within;

/// A connection and its socket.
pub(super) struct Line {
    pub(super) connection: Connection,
    socket: Socket,
}

impl Line {
    /// Connects within `limit`; an attempt that takes longer is cut.
    pub(super) async fn open(
        uri: AMQPUri,
        properties: ConnectionProperties,
        trust: OwnedTLSConfig,
        limit: Duration,
    ) -> Result<Self, RabbitError> {
        let runtime = default_runtime().map_err(RabbitError::broker("starting"))?;
        let attempt = Attempt(Socket::default());
        let socket = attempt.0.clone();
        // The type of the stream, and so what it can do, follows from the runtime only in this place.
        let opening = Connection::connector(
            uri,
            runtime,
            async move |uri: AMQPUri, runtime| {
                let reaching = async {
                    let host = uri.authority.host.as_str();
                    let addresses = tokio::net::lookup_host((host, uri.authority.port)).await?;
                    let plain =
                        AsyncTcpStream::connect(&runtime, addresses.collect::<Vec<SocketAddr>>()).await?;
                    if let AsyncTcpStream::Plain(stream) = &plain {
                        socket.keep(stream.get_ref())?;
                    }
                    match uri.scheme {
                        AMQPScheme::AMQP => Ok(plain),
                        AMQPScheme::AMQPS => plain.into_tls(host, trust.as_ref()).await,
                    }
                };
                let reached = timeout(limit, reaching).await;
                Ok(reached.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?)
            },
            properties,
        );
        let connection = within(limit, "connecting", opening).await?;
        Ok(Self { connection, socket: attempt.succeeded() })
    }

    /// Says goodbye, for `limit` at most, and cuts what does not end.
    pub(super) async fn close(&self, limit: Duration) {
        if self.connection.status().connected() {
            let closing = self.connection.close(200, "going on anew".into());
            if let Err(error) = within(limit, "closing", closing).await {
                tracing::debug!(%error, "a connection to the broker was dropped without a goodbye");
            }
        }
        self.socket.cut();
    }
}

/// An attempt to connect, which is cut when it is given up.
struct Attempt(Socket);

impl Attempt {
    fn succeeded(mut self) -> Socket {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.cut();
    }
}

/// A second handle of the socket that lapin uses.
#[derive(Clone, Default)]
struct Socket(Arc<Mutex<Option<TcpStream>>>);

impl Socket {
    fn keep(&self, stream: &impl AsFd) -> io::Result<()> {
        let handle = TcpStream::from(stream.as_fd().try_clone_to_owned()?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        Ok(())
    }

    fn cut(&self) {
        if let Some(stream) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A socket that has ended by itself is what we want.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}
