//! The body of an answer, which says when it was handed over to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

use crate::progress::Progress;

/// A body that reports to the progress of its connection when it is dropped, which is when its last byte was handed over.
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
