//! Many TCP connections from one address, each of which keeps its place as long as it can.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::system::A;
use crate::segment_side::Endpoints;

/// The address that all of them come from. B comes from 127.0.0.1.
const FROM: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 0);
/// How long a connection that was closed waits before it is opened again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long an attempt to connect may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The size of the body that a slow client announces, in bytes.
const ANNOUNCED: usize = 500_000;
/// The part of that body that it sends every second, in bytes.
const TRICKLE: usize = 100;

/// The behaviour of each connection once it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Nothing.
    Silent,
    /// Announces a large body, and sends very little of it.
    Slow,
}

/// Connections that are opened again whenever they are closed, until this is dropped.
pub(super) struct Sockets {
    opened: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

impl Sockets {
    pub(super) fn open(endpoints: &Endpoints, count: usize, manner: Manner) -> Self {
        let opened = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let (opened, target) = (Arc::clone(&opened), endpoints.endpoints[0]);
            let head = format!(
                "POST /segment HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                 authorization: {}\r\ncontent-length: {ANNOUNCED}\r\n\r\n{{\"type\":\"",
                endpoints.credentials[A]
            );
            tasks.spawn(async move {
                loop {
                    if let Some(stream) = connect(target).await {
                        opened.fetch_add(1, Ordering::Relaxed);
                        hold(stream, manner, &head).await;
                    }
                    sleep(AGAIN_AFTER).await;
                }
            });
        }
        Self { opened, tasks }
    }

    /// How many connections were opened so far.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    pub(super) async fn close(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn connect(target: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(FROM).ok()?;
    timeout(CONNECT_WITHIN, socket.connect(target)).await.ok()?.ok()
}

/// Keeps the connection until the other side closes it.
async fn hold(mut stream: TcpStream, manner: Manner, head: &str) {
    let (mut read, mut write) = stream.split();
    let sending = async {
        if manner == Manner::Slow {
            write.write_all(head.as_bytes()).await?;
            loop {
                sleep(Duration::from_secs(1)).await;
                write.write_all(&[b'x'; TRICKLE]).await?;
            }
        }
        std::future::pending::<std::io::Result<()>>().await
    };
    let reading = async {
        let mut answer = [0; 1024];
        while read.read(&mut answer).await.is_ok_and(|length| length > 0) {}
    };
    tokio::select! {
        _ = sending => {}
        () = reading => {}
    }
}
