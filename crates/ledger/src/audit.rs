//! The port of the audit: an append-only log of the acts of operators and the worker.

use std::fmt;

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::LedgerError;

/// The maximum length of each text of a line, in characters; longer texts are cut.
pub(crate) const MAX_CHARS: usize = 1_000;

/// The result of an act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditResult {
    /// It was done. Lines of earlier versions have this result, because those versions recorded no other one.
    #[default]
    Done,
    /// It was tried, but not done, or done only in part.
    Failed,
    /// The operator is not allowed to do it.
    Denied,
}

impl AuditResult {
    /// Every result.
    pub const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Denied];

    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Denied => "denied",
        }
    }

    /// The result for a word of [`AuditResult::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.word() == word)
    }
}

impl fmt::Display for AuditResult {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// A line to write. It contains no personal data, because the audit is never deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The time.
    pub at: Timestamp,
    /// `worker`, `ingest`, `operator`, `cli:` with the user of the operating system, or the name of an operator of the API.
    pub actor: String,
    /// The act, as a fixed word.
    pub action: String,
    /// The connection concerned, if there is one.
    pub connection: Option<ConnectionId>,
    /// The subject of the act, as ids and names of ours.
    pub subject: String,
    /// The selector of the dead letters concerned.
    pub selector: Option<String>,
    /// The reason.
    pub reason: Option<String>,
    /// The result.
    pub result: AuditResult,
    /// The number of things concerned.
    pub number: Option<u64>,
}

impl AuditEntry {
    /// A line for an act that was done, without selector, reason and number.
    #[must_use]
    pub fn new(at: Timestamp, actor: &str, action: &str, subject: impl Into<String>) -> Self {
        Self {
            at,
            actor: actor.to_owned(),
            action: action.to_owned(),
            connection: None,
            subject: subject.into(),
            selector: None,
            reason: None,
            result: AuditResult::Done,
            number: None,
        }
    }

    /// The same line with its texts cut to [`MAX_CHARS`].
    pub(crate) fn cut(mut self) -> Self {
        let cut = |text: &mut String| {
            if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
                text.truncate(end);
            }
        };
        [&mut self.actor, &mut self.action, &mut self.subject].into_iter().for_each(cut);
        [&mut self.selector, &mut self.reason].into_iter().flatten().for_each(cut);
        self
    }
}

/// A stored line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// Its number; later lines have greater numbers.
    pub id: i64,
    /// Its content.
    pub entry: AuditEntry,
}

/// A filter for lines: a line has to match every field that is set.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only lines of these actors.
    pub actors: Option<Vec<String>>,
    /// Only lines with these actions.
    pub actions: Option<Vec<String>>,
    /// Only lines of these connections; lines without a connection are left out.
    pub connections: Option<Vec<ConnectionId>>,
    /// Only lines with these results.
    pub results: Option<Vec<AuditResult>>,
    /// Only lines from this time on.
    pub from: Option<Timestamp>,
    /// Only lines before this time.
    pub before: Option<Timestamp>,
    /// Only lines after this one in the list, by its time and id: the next page.
    pub after: Option<(Timestamp, i64)>,
    /// Maximum number of lines.
    pub limit: usize,
}

/// The audit. Engines refuse to change or delete a line.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Appends lines.
    async fn note(&self, entries: &[AuditEntry]) -> Result<(), LedgerError>;

    /// Lines, newest first; with equal times, the greater id first.
    async fn audit_lines(&self, filter: &AuditFilter) -> Result<Vec<AuditLine>, LedgerError>;

    /// One line by its number.
    async fn audit_line(&self, id: i64) -> Result<Option<AuditLine>, LedgerError>;

    /// The number of lines that match a filter, without regard to its limit and its page.
    async fn count_audit_lines(&self, filter: &AuditFilter) -> Result<u64, LedgerError>;
}
