//! Stores answers of Segment's Public API.

use async_trait::async_trait;

use super::pool::within;
use super::port::on;
use super::{PostgresLedger, rows, sql};
use crate::segment_answers::KEPT_FOR;
use crate::words::{micros, time};
use crate::{LedgerError, SegmentAnswer, SegmentAnswers};

const READ: &str = "SELECT answer, asked_at, until FROM segment_answers WHERE question = $1";

const KEEP: &str = "INSERT INTO segment_answers (question, answer, asked_at, until) VALUES ($1, $2, $3, $4)
    ON CONFLICT (question) DO UPDATE SET answer = excluded.answer, asked_at = excluded.asked_at,
        until = excluded.until";

const DROP_OLD: &str = "DELETE FROM segment_answers WHERE until < $1";

#[async_trait]
impl SegmentAnswers for PostgresLedger {
    async fn segment_answer(&self, question: &[u8; 16]) -> Result<Option<SegmentAnswer>, LedgerError> {
        let ask = rows::<(String, i64, i64)>(READ).bind(&question[..]);
        let found = on!(self.read(), |db| async {
            let Some((answer, asked_at, until)) = ask.fetch_optional(db).await? else { return Ok(None) };
            Ok(Some(SegmentAnswer { answer, asked_at: time(asked_at)?, until: time(until)? }))
        })?;
        Ok(found)
    }

    async fn keep_segment_answer(
        &self,
        question: &[u8; 16],
        answer: &SegmentAnswer,
    ) -> Result<(), LedgerError> {
        let (asked_at, until) = (micros(answer.asked_at), micros(answer.until));
        let keep = sql(KEEP).bind(&question[..]).bind(&answer.answer).bind(asked_at).bind(until);
        let drop_old = sql(DROP_OLD).bind(asked_at - KEPT_FOR);
        on!(self.begin(), |db| async {
            keep.execute(&mut *db).await?;
            drop_old.execute(db).await?;
            Ok(())
        })?;
        Ok(())
    }
}
