//! Answers a connection for which there is no place.

use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::linger;

/// Maximum number of connections that are refused with an answer at the same time; others are closed without one.
const AT_ONCE: usize = 256;

/// Sent without reading the request.
const ANSWER: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 10\r\n\
    connection: close\r\ncontent-length: 88\r\n\r\n\
    {\"message\":\"too many connections from this address are in use at once: try again later\"}";

/// The refusals of one listener.
pub(crate) struct Refusals(Arc<Semaphore>);

impl Refusals {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// Answers 503 and closes the connection, in the background.
    pub(crate) fn send(&self, mut stream: TcpStream) {
        let Ok(turn) = Arc::clone(&self.0).try_acquire_owned() else { return };
        tokio::spawn(async move {
            if stream.write_all(ANSWER).await.is_ok() {
                linger::close(stream).await;
            }
            drop(turn);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_stated_length() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{}", body.len());
    }
}
