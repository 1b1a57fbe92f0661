//! The port that keeps answers of Segment's Public API for a while, so that commands do not ask again and again.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::LedgerError;

/// An answer that is kept. It holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentAnswer {
    /// What was read of it, as the caller writes it.
    pub answer: String,
    /// When Segment was asked.
    pub asked_at: Timestamp,
    /// Until when it is not asked again.
    pub until: Timestamp,
}

/// Answers by a digest of what was asked.
#[async_trait]
pub trait SegmentAnswers: Send + Sync {
    /// The answer to a question, however old.
    async fn segment_answer(&self, question: &[u8; 16]) -> Result<Option<SegmentAnswer>, LedgerError>;

    /// Keeps an answer in the place of the one before. Those whose time ended a day ago are dropped.
    async fn keep_segment_answer(
        &self,
        question: &[u8; 16],
        answer: &SegmentAnswer,
    ) -> Result<(), LedgerError>;
}

/// How long an answer is kept after its time, in microseconds.
pub(crate) const KEPT_FOR: i64 = 86_400_000_000;
