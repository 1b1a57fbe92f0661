//! The port that caches answers of Segment's Public API, so that commands do not repeat requests.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::LedgerError;

/// A stored answer. It contains no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentAnswer {
    /// Its content, in the caller's format.
    pub answer: String,
    /// The time of the request to Segment.
    pub asked_at: Timestamp,
    /// The time until which the answer is valid.
    pub until: Timestamp,
}

/// Answers by a digest of the request.
#[async_trait]
pub trait SegmentAnswers: Send + Sync {
    /// The answer to a request, however old it is.
    async fn segment_answer(&self, question: &[u8; 16]) -> Result<Option<SegmentAnswer>, LedgerError>;

    /// Stores an answer, and replaces the previous one. Answers that expired more than a day ago are deleted.
    async fn keep_segment_answer(
        &self,
        question: &[u8; 16],
        answer: &SegmentAnswer,
    ) -> Result<(), LedgerError>;
}

/// The time for which an answer is stored after its expiry, in microseconds.
pub(crate) const KEPT_FOR: i64 = 86_400_000_000;
