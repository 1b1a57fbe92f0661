//! Reads the body of a request, up to a limit and within a time. Memory grows with what arrives.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Bytes};
use hyper::header::{CONTENT_ENCODING, EXPECT};
use segment::array;
use tokio::time::timeout;

use crate::budget::Held;
use crate::refused::Refused;

/// The longest unwanted body that is read to its end, so that its connection stays open. After a longer one, the connection
/// is closed after the answer.
const DRAINED_BYTES: usize = 64 * 1024;

/// Time limit for that.
const DRAIN_TIME: Duration = Duration::from_millis(500);

/// The limits of a body.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimits {
    /// Its size in bytes, unless it is an array.
    pub(crate) bytes: usize,
    /// The size of an array in bytes.
    pub(crate) array_bytes: usize,
    /// The time until it is complete.
    pub(crate) time: Duration,
}

/// Reads the whole body into memory that `held` accounts for.
pub(crate) async fn read<B>(body: &mut B, limits: BodyLimits, held: &mut Held) -> Result<Vec<u8>, Refused>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = announced(body);
    if announced > limits.bytes.max(limits.array_bytes) {
        return Err(Refused::BodyTooLarge { limit: limits.array_bytes });
    }
    let mut received = Received { bytes: Vec::new(), is_array: None, announced };
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refused::BodyBroken)?;
            if let Some(data) = frame.data_ref() {
                received.append(data, limits, held)?;
            }
        }
        Ok(())
    };
    timeout(limits.time, reading).await.unwrap_or(Err(Refused::BodyTooSlow))?;
    Ok(received.bytes)
}

/// The part of a body that has arrived.
struct Received {
    bytes: Vec<u8>,
    /// Known from the first byte on that is not a blank.
    is_array: Option<bool>,
    /// The minimum size that was announced.
    announced: usize,
}

impl Received {
    fn append(&mut self, data: &[u8], limits: BodyLimits, held: &mut Held) -> Result<(), Refused> {
        let limit = self.limit(data, limits)?;
        append(&mut self.bytes, data, limit, held)
    }

    /// The limit of this body. An error if the size with `data`, or the announced size, exceeds it.
    fn limit(&mut self, data: &[u8], limits: BodyLimits) -> Result<usize, Refused> {
        if self.is_array.is_none() {
            self.is_array = array::first_byte(data).map(|byte| byte == b'[');
        }
        let (limit, refused) = match self.is_array {
            Some(true) => (limits.array_bytes, Refused::BodyTooLarge { limit: limits.array_bytes }),
            _ => (limits.bytes, Refused::TooLarge { limit: limits.bytes }),
        };
        let arrived = self.bytes.len() + data.len();
        let size = if self.is_array.is_some() { arrived.max(self.announced) } else { arrived };
        if size > limit { Err(refused) } else { Ok(limit) }
    }
}

/// Appends data that has arrived. The memory doubles like that of a vector, but only up to the limit, and is accounted for
/// before it is allocated.
pub(crate) fn append(bytes: &mut Vec<u8>, data: &[u8], limit: usize, held: &mut Held) -> Result<(), Refused> {
    let needed = bytes.len() + data.len();
    if needed > limit {
        return Err(Refused::TooLarge { limit });
    }
    if needed > bytes.capacity() {
        let capacity = (2 * bytes.capacity()).clamp(needed, limit);
        held.grow(capacity - bytes.capacity())?;
        bytes.reserve_exact(capacity - bytes.len());
    }
    bytes.extend_from_slice(data);
    Ok(())
}

/// Whether a body is compressed, or encoded in another way.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter().map(|value| value.as_bytes().trim_ascii());
    encodings.any(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity"))
}

/// Reads and drops an unwanted body, if it is short, and returns whether it came to its end. If the client waits for `100
/// Continue`, the body is not requested only to be dropped.
pub(crate) async fn drain<B>(headers: &HeaderMap, body: &mut B) -> bool
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return true;
    }
    if headers.contains_key(EXPECT) || announced(body) > DRAINED_BYTES {
        return false;
    }
    timeout(DRAIN_TIME, drain_short(body)).await.unwrap_or(false)
}

async fn drain_short<B>(body: &mut B) -> bool
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut left = DRAINED_BYTES;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(less) => left = less,
            None => return false,
        }
    }
    true
}

/// The minimum size that the request announces.
fn announced<B: Body>(body: &B) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}
