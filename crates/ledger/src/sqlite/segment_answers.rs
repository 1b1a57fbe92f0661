//! Stores answers of Segment's Public API.

use async_trait::async_trait;
use sqlite::rusqlite::OptionalExtension as _;

use super::SqliteLedger;
use super::words::{micros, time};
use crate::segment_answers::KEPT_FOR;
use crate::{LedgerError, SegmentAnswer, SegmentAnswers};

const READ: &str = "SELECT answer, asked_at, until FROM segment_answers WHERE question = ?1";

const KEEP: &str = "INSERT INTO segment_answers (question, answer, asked_at, until) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (question) DO UPDATE SET answer = excluded.answer, asked_at = excluded.asked_at,
        until = excluded.until";

const DROP_OLD: &str = "DELETE FROM segment_answers WHERE until < ?1";

#[async_trait]
impl SegmentAnswers for SqliteLedger {
    async fn segment_answer(&self, question: &[u8; 16]) -> Result<Option<SegmentAnswer>, LedgerError> {
        let question = *question;
        self.read(move |database| {
            let row = database.prepare_cached(READ)?.query_row([&question[..]], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            });
            let Some((answer, asked_at, until)) = row.optional()? else { return Ok(None) };
            Ok(Some(SegmentAnswer { answer, asked_at: time(asked_at)?, until: time(until)? }))
        })
        .await
    }

    async fn keep_segment_answer(
        &self,
        question: &[u8; 16],
        answer: &SegmentAnswer,
    ) -> Result<(), LedgerError> {
        let (question, answer) = (*question, answer.clone());
        self.write(move |database| {
            let (asked_at, until) = (micros(answer.asked_at), micros(answer.until));
            database.prepare_cached(KEEP)?.execute((&question[..], &answer.answer, asked_at, until))?;
            database.prepare_cached(DROP_OLD)?.execute([asked_at - KEPT_FOR])?;
            Ok(())
        })
        .await
    }
}
