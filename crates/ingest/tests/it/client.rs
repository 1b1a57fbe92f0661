//! A plain HTTP client that can behave badly.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Longer than any answer takes, on a slow machine too.
const TIMEOUT: Duration = Duration::from_secs(20);

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap()
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap() }
    }

    /// Connects from this address of the machine.
    pub(crate) async fn connect_from(own: &str, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(own.parse().unwrap(), 0)).unwrap();
        Self { stream: socket.connect(address).await.unwrap() }
    }

    /// Sends bytes unchanged; if the server has closed the connection already, that is no failure here.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes).await);
    }

    /// Reads one answer; `None`: the connection is closed without one.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        timeout(TIMEOUT, self.read_reply()).await.expect("an answer in time")
    }

    /// Whether any byte arrives within this time.
    pub(crate) async fn receives_within(&mut self, time: Duration) -> bool {
        timeout(time, self.stream.readable()).await.is_ok()
    }

    async fn read_reply(&mut self) -> Option<Reply> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Some(Reply { status, headers, body })
    }

    pub(crate) async fn exchange(&mut self, bytes: &[u8]) -> Reply {
        self.send(bytes).await;
        self.reply().await.expect("an answer")
    }
}

/// The headers that Segment sends, with this key and this length of body.
pub(crate) fn head(key: &str, length: usize) -> String {
    let encoded = BASE64_STANDARD.encode(format!("{key}:"));
    format!(
        "POST /segment HTTP/1.1\r\nHost: door\r\nAuthorization: Basic {encoded}\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nUser-Agent: Segment.io/1.0\r\nX-Segment-Settings: e30=\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// A whole request as Segment sends it.
pub(crate) fn post(key: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut request = head(key, body.as_ref().len()).into_bytes();
    request.extend_from_slice(body.as_ref());
    request
}

/// Sends one request over a connection of its own.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Reply {
    Client::connect(address).await.exchange(bytes).await
}
