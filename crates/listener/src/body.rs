//! The bodies of a request and of its answer, which report the progress of the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use crate::progress::Progress;

/// The body of a request. While the handler waits for data that does not come, its connection may lose its place.
pub struct Upload {
    inner: Incoming,
    progress: Arc<Progress>,
    is_starved: bool,
}

impl Upload {
    pub(crate) fn new(inner: Incoming, progress: Arc<Progress>) -> Self {
        Self { inner, progress, is_starved: false }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.is_starved {
            self.progress.fed();
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match (polled.is_pending(), self.is_starved) {
            (true, false) => {
                self.is_starved = true;
                self.progress.starved();
            }
            (false, true) => {
                self.is_starved = false;
                if !self.progress.fed() {
                    // The connection is about to be dropped, and with it this body.
                    return Poll::Pending;
                }
            }
            (true, true) | (false, false) => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an answer. When it is dropped, its last byte has been handed over, and it reports that to the progress of
/// its connection.
pub(crate) struct Answer<B> {
    inner: Pin<Box<B>>,
    progress: Arc<Progress>,
}

impl<B> Answer<B> {
    pub(crate) fn new(inner: B, progress: Arc<Progress>) -> Self {
        Self { inner: Box::pin(inner), progress }
    }
}

impl<B> Drop for Answer<B> {
    fn drop(&mut self) {
        self.progress.answered();
    }
}

impl<B: Body> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.inner.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
