//! One HTTP connection to the ingest endpoint. It stays open, as those of senders do.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One connection that is opened when it is needed, and again when the other side has closed it.
pub(crate) struct Line {
    to: SocketAddr,
    longest_answer: usize,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    /// A connection to this address that accepts answers of at most `longest_answer` bytes; nothing is opened yet.
    pub(super) fn to(to: SocketAddr, longest_answer: usize) -> Self {
        Self { to, longest_answer, open: None }
    }

    /// Sends one request; the status and the body of its answer. After an error the connection is opened again.
    pub(super) async fn ask(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(u16, Bytes)> {
        let asked = self.try_ask(request).await;
        if asked.is_err() {
            self.open = None;
        }
        asked
    }

    async fn try_ask(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(u16, Bytes)> {
        let response: Response<_> = self.ready().await?.send_request(request).await?;
        let status = response.status().as_u16();
        let body = http_body_util::Limited::new(response.into_body(), self.longest_answer).collect().await;
        Ok((status, body.map_err(anyhow::Error::from_boxed)?.to_bytes()))
    }

    async fn ready(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        let usable = match &mut self.open {
            Some(open) => open.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(self.to).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            // It ends with the connection; whoever sends next learns that it has.
            tokio::spawn(async move { drop(connection.await) });
            self.open = Some(sender);
        }
        self.open.as_mut().ok_or_else(|| anyhow::anyhow!("the connection is gone"))
    }
}
