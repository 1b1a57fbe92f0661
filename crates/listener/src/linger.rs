//! Closes a connection so that the client sees its last answer.
//!
//! A socket that is closed with unread bytes is reset, and a reset may overtake the answer. So the sending side is closed
//! first, and further bytes of the client are read and dropped for a while.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a client may go on sending after its answer.
const TIME: Duration = Duration::from_secs(3);

/// Maximum bytes of it that are read.
const BYTES: usize = 256 * 1024 * 1024;

/// Bytes of it that are read at once.
const AT_ONCE: usize = 16 * 1024;

/// Closes `stream` gracefully, within 3 s.
pub(crate) async fn close(mut stream: TcpStream) {
    let closing = async {
        stream.shutdown().await?;
        let (mut buffer, mut left) = (vec![0; AT_ONCE], BYTES);
        while left > 0 {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            left = left.saturating_sub(read);
        }
        Ok::<_, std::io::Error>(())
    };
    // The result does not matter: the connection is over in any case.
    drop(timeout(TIME, closing).await);
}
