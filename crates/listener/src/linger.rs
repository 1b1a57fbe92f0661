//! Closes a connection so that the client sees its last answer.
//!
//! A socket that is closed over unread bytes is reset, and a reset may overtake the answer. So the side to the client is
//! closed first, and what still comes is read and forgotten for a while.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a client may go on sending after its answer.
const TIME: Duration = Duration::from_secs(3);

/// How much of it is read, in bytes.
const BYTES: usize = 256 * 1024 * 1024;

/// How much of it is read at once, in bytes.
const AT_ONCE: usize = 16 * 1024;

/// Closes `stream` in good order, within 3 s.
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
    // Whether the client has heard of it makes no difference to anybody here.
    drop(timeout(TIME, closing).await);
}
