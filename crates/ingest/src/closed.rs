//! The answers of an endpoint that cannot accept events at all.

use hyper::body::{Body, Bytes};
use hyper::{Method, Request};

use crate::answer::{self, Answer};
use crate::body;
use crate::refused::Refused;
use crate::tracking;

/// Answers 503 to every request that might contain an event.
pub(crate) async fn answer<B>(request: Request<B>) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, mut body) = request.into_parts();
    let refused = match listener::check_host(&head) {
        Err(error) => Refused::Host(error),
        Ok(()) if head.method == Method::GET && head.uri.path() == "/" => return answer::hint(),
        Ok(()) if head.method == Method::OPTIONS && tracking::is_below(head.uri.path()) => {
            return tracking::preflight();
        }
        Ok(()) => Refused::NotSetUp,
    };
    let close = !body::drain(&head.headers, &mut body).await;
    answer::to_path(head.uri.path(), refused, close)
}
