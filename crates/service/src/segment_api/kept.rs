//! Answers that are kept for a while, because Segment allows 100 requests a minute to all commands together.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::SegmentAnswer;

use super::{Believed, SegmentApi, SegmentError};
use crate::engines::Engines;

/// How long an answer of Segment about an audience is used. Segment computes its own figures less often.
const BELIEVED_FOR: Duration = Duration::from_secs(60);
/// How long an error is used: an operator may be about to correct its cause.
const ERROR_FOR: Duration = Duration::from_secs(10);
/// The kind of these digests, which sets them apart from digests of identifiers.
const KIND: &str = "segment_answer";

/// An answer of Segment, and its time.
pub struct Asked {
    /// Segment's figures, or the reason why they are unknown.
    pub believed: Result<Believed, SegmentError>,
    /// When it was asked.
    pub at: Timestamp,
}

impl SegmentApi {
    /// Segment's figures of an audience, at most a minute old. Until a `Retry-After` has passed, nothing is asked. If the
    /// ledger cannot keep answers, Segment is asked each time.
    pub async fn audience_of(&self, engines: &Engines, space: &str, id: &str) -> Asked {
        let now = engines.now();
        let (all, this) = (self.question(engines, ""), self.question(engines, &format!("{space}\0{id}")));
        // A known figure stays in use while Segment asks to wait.
        let known = match kept(engines, &this, now).await {
            Some(known) if known.believed.is_ok() => return known,
            known => kept(engines, &all, now).await.or(known),
        };
        if let Some(known) = known {
            return known;
        }
        let believed = self.audience(space, id).await;
        let (question, time) = match &believed {
            Ok(_) => (this, BELIEVED_FOR),
            Err(SegmentError::Limited(seconds)) => (all, Duration::from_secs(*seconds)),
            Err(_) => (this, ERROR_FOR),
        };
        if let (Ok(answer), Ok(until)) = (serde_json::to_string(&believed), now.checked_add(time)) {
            let answer = SegmentAnswer { answer, asked_at: now, until };
            if let Err(error) = engines.segment_answers.keep_segment_answer(&question, &answer).await {
                tracing::debug!(%error, "an answer of segment cannot be kept");
            }
        }
        Asked { believed, at: now }
    }

    /// The digest of a question. It includes the token: another token may see another workspace.
    fn question(&self, engines: &Engines, what: &str) -> [u8; 16] {
        let token = String::from_utf8_lossy(self.authorization.as_bytes());
        engines.vault.digest(KIND, 0, &format!("{}\0{token}\0{what}", self.base))
    }
}

/// An answer whose time has not passed.
async fn kept(engines: &Engines, question: &[u8; 16], now: Timestamp) -> Option<Asked> {
    let kept = engines.segment_answers.segment_answer(question).await.ok()??;
    let left = kept.until.duration_since(now);
    if left <= SignedDuration::ZERO || kept.asked_at > now {
        return None;
    }
    let believed: Result<Believed, SegmentError> = serde_json::from_str(&kept.answer).ok()?;
    let believed = believed.map_err(|error| match error {
        SegmentError::Limited(_) => SegmentError::Limited(left.as_secs().unsigned_abs() + 1),
        other => other,
    });
    Some(Asked { believed, at: kept.asked_at })
}
