//! A wire that can be cut and made slow: a TCP proxy between the processes and their servers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::neighbours::arrivals::{Arrivals, Scanner};

/// Bytes that are carried at a time.
const CHUNK: usize = 16 * 1024;

/// The state of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// As if it were not there.
    Good,
    /// Every piece takes this much longer, in both directions.
    Slow(Duration),
    /// Connections are closed, and new ones too.
    Cut,
}

/// The proxy. It ends when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    wire: Arc<watch::Sender<Wire>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Carries everything from an address of its own to `target`.
    ///
    /// # Errors
    ///
    /// If no address can be listened on.
    pub async fn to(target: SocketAddr) -> std::io::Result<Self> {
        Self::carrying(target, None).await
    }

    /// As [`Proxy::to`], and records in `arrivals` which values go to `target`.
    ///
    /// # Errors
    ///
    /// If no address can be listened on.
    pub async fn watched(target: SocketAddr, arrivals: Arrivals) -> std::io::Result<Self> {
        Self::carrying(target, Some(arrivals)).await
    }

    async fn carrying(target: SocketAddr, arrivals: Option<Arrivals>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let wire = Arc::new(watch::Sender::new(Wire::Good));
        let state = wire.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let scanner = arrivals.as_ref().map(Arrivals::scanner);
                tokio::spawn(carry(near, target, state.clone(), scanner));
            }
        });
        Ok(Self { address, wire, accepting })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the wire at once.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.wire.send_replace(Wire::Cut);
        self.accepting.abort();
    }
}

async fn carry(
    near: TcpStream,
    target: SocketAddr,
    mut wire: watch::Receiver<Wire>,
    scanner: Option<Scanner>,
) {
    if *wire.borrow() == Wire::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect(target).await else { return };
    // Small pieces go at once, as they would without us; a socket that is gone already shows itself below.
    drop((near.set_nodelay(true), far.set_nodelay(true)));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let there = pump(near_read, far_write, wire.clone(), scanner);
    let back = pump(far_read, near_write, wire.clone(), None);
    tokio::select! {
        _ = there => {}
        _ = back => {}
        _ = wire.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    wire: watch::Receiver<Wire>,
    mut scanner: Option<Scanner>,
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        if let Some(scanner) = &mut scanner {
            scanner.read(&chunk[..length]);
        }
        let state = *wire.borrow();
        if let Wire::Slow(delay) = state {
            tokio::time::sleep(delay).await;
        }
        to.write_all(&chunk[..length]).await?;
    }
}
