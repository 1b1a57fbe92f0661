//! An HTTP connection that stays open between requests, like those of Segment.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection that is opened for the first request, and again after the other side closed it.
pub(crate) struct HttpConnection {
    address: SocketAddr,
    max_answer: usize,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl HttpConnection {
    /// A connection to this address that accepts answers of at most `max_answer` bytes. Nothing is opened yet.
    pub(super) fn new(address: SocketAddr, max_answer: usize) -> Self {
        Self { address, max_answer, open: None }
    }

    /// Sends one request and returns the status and the body of its answer. After an error the next request opens a new connection.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(u16, Bytes)> {
        let answer = self.try_send(request).await;
        if answer.is_err() {
            self.open = None;
        }
        answer
    }

    async fn try_send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(u16, Bytes)> {
        let response: Response<_> = self.ready().await?.send_request(request).await?;
        let status = response.status().as_u16();
        let body = http_body_util::Limited::new(response.into_body(), self.max_answer).collect().await;
        Ok((status, body.map_err(anyhow::Error::from_boxed)?.to_bytes()))
    }

    async fn ready(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        let usable = match &mut self.open {
            Some(open) => open.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            // The task ends with the connection. The next request then finds the sender closed.
            tokio::spawn(async move { drop(connection.await) });
            self.open = Some(sender);
        }
        self.open.as_mut().ok_or_else(|| anyhow::anyhow!("the connection is gone"))
    }
}
