//! Reads the body of a request, up to a limit and within a time.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tokio::time::timeout;

use crate::refused::Refused;

/// What is read of a body that is not wanted, at most, before the connection is closed instead.
const DRAINED_BYTES: usize = 1024 * 1024;

/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_millis(500);

/// Reads the whole body.
pub(crate) async fn read<B>(body: &mut B, limit: usize, time: Duration) -> Result<Vec<u8>, Refused>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(Refused::TooLarge { limit });
    }
    let mut bytes = Vec::with_capacity(announced);
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refused::BodyBroken)?;
            let Some(data) = frame.data_ref() else { continue };
            if bytes.len() + data.len() > limit {
                return Err(Refused::TooLarge { limit });
            }
            bytes.extend_from_slice(data);
        }
        Ok(())
    };
    timeout(time, reading).await.unwrap_or(Err(Refused::BodyTooSlow))?;
    Ok(bytes)
}

/// Reads and forgets what is left of a body, and returns whether it came to its end. A connection that is closed over
/// unread bytes is reset, and the client may never see the answer.
pub(crate) async fn drain<B>(body: &mut B) -> bool
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut left = DRAINED_BYTES;
    let draining = async {
        while !body.is_end_stream() {
            match body.frame().await {
                Some(Ok(frame)) => match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                    Some(less) => left = less,
                    None => return false,
                },
                Some(Err(_)) => return false,
                None => return true,
            }
        }
        true
    };
    timeout(DRAIN_TIME, draining).await.unwrap_or(false)
}
