//! A connection that can be shut down at once.
//!
//! lapin sets no deadline for connecting or closing: each uses a thread and a socket until the broker answers, even after
//! the caller has stopped waiting. With a broker that is frozen, they would gather without bound. Shutting the socket down
//! ends them at once.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use lapin::runtime::default_runtime;
use lapin::tcp::{AsyncTcpStream, OwnedTLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::RabbitError;
use super::error::within;

/// Time for closing a connection in the background.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// A connection and its socket. Dropping it closes it in the background. lapin's own connection ends only with the last of
/// its channels and consumers, and a task that was aborted in the middle of an operation may keep one of them for ever.
pub(super) struct AmqpConnection {
    pub(super) connection: Arc<Connection>,
    socket: Socket,
}

impl AmqpConnection {
    /// Connects within `limit`; the socket of an attempt that takes longer is shut down.
    pub(super) async fn open(
        uri: AMQPUri,
        properties: ConnectionProperties,
        trust: OwnedTLSConfig,
        limit: Duration,
    ) -> Result<Self, RabbitError> {
        let runtime = default_runtime().map_err(RabbitError::broker("starting"))?;
        let attempt = CutOnDrop(Socket::default());
        let socket = attempt.0.clone();
        // The type of the stream, and so its methods, depends on the runtime only here.
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
        Ok(Self { connection: Arc::new(connection), socket: attempt.keep() })
    }

    /// Closes the connection within `limit`, then shuts the socket down.
    pub(super) async fn close(&self, limit: Duration) {
        close_connection(&self.connection, limit).await;
        self.socket.cut();
    }
}

impl Drop for AmqpConnection {
    fn drop(&mut self) {
        let cut = CutOnDrop(self.socket.clone());
        // Without a runtime nothing can wait for the close; if the runtime ends meanwhile, the task is dropped.
        if let Ok(runtime) = Handle::try_current() {
            let connection = Arc::clone(&self.connection);
            runtime.spawn(async move {
                close_connection(&connection, CLOSE_TIME).await;
                drop(cut);
            });
        }
    }
}

async fn close_connection(connection: &Connection, limit: Duration) {
    if !connection.status().connected() {
        return;
    }
    let closing = connection.close(200, "reconnecting".into());
    if let Err(error) = within(limit, "closing", closing).await {
        tracing::debug!(%error, "a connection to the broker was dropped without a closing handshake");
    }
}

/// A socket that is shut down when it is dropped.
struct CutOnDrop(Socket);

impl CutOnDrop {
    fn keep(mut self) -> Socket {
        std::mem::take(&mut self.0)
    }
}

impl Drop for CutOnDrop {
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
        *self.0.lock() = Some(handle);
        Ok(())
    }

    fn cut(&self) {
        if let Some(stream) = self.0.lock().take() {
            // A socket that has ended already is as good.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}
