//! The port of the audit: what operators and the worker did, append only.

use std::fmt;

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::LedgerError;

/// The longest text of each part of a line, in characters; more is cut.
pub(crate) const MAX_CHARS: usize = 1_000;

/// How an act ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditResult {
    /// It was done. So was what earlier versions wrote down, which noted nothing else.
    #[default]
    Done,
    /// It was tried, and some or all of it was not done.
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

    /// The result that a word of [`AuditResult::word`] stands for.
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

/// A line to write. No personal data: the audit is kept for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// `worker`, `cli:` with the user of the operating system, or the name of an operator of the API.
    pub actor: String,
    /// What was done, in a fixed word.
    pub action: String,
    /// The connection that it was done to, if it was one.
    pub connection: Option<ConnectionId>,
    /// To what, as ids and names of ours.
    pub subject: String,
    /// Which dead letters.
    pub selector: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// How it ended.
    pub result: AuditResult,
    /// How many it concerned.
    pub number: Option<u64>,
}

impl AuditEntry {
    /// A line without selector, reason and number, of an act that was done.
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

    /// The same with texts of at most [`MAX_CHARS`].
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

/// A line as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// Its number, later ones greater.
    pub id: i64,
    /// What it says.
    pub entry: AuditEntry,
}

/// Which lines: all that every field that is given leaves in.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only of these actors.
    pub actors: Option<Vec<String>>,
    /// Only these actions.
    pub actions: Option<Vec<String>>,
    /// Only of these connections: lines without a connection are left out.
    pub connections: Option<Vec<ConnectionId>>,
    /// Only with these results.
    pub results: Option<Vec<AuditResult>>,
    /// Only then or later.
    pub from: Option<Timestamp>,
    /// Only earlier.
    pub before: Option<Timestamp>,
    /// Only those that a list has after this one, by its time and id: the next page.
    pub after: Option<(Timestamp, i64)>,
    /// Upper limit of lines.
    pub limit: usize,
}

/// The audit. Engines refuse to change or delete a line.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Appends lines.
    async fn note(&self, entries: &[AuditEntry]) -> Result<(), LedgerError>;

    /// Lines, newest first, of equal times the greater id first.
    async fn audit_lines(&self, filter: &AuditFilter) -> Result<Vec<AuditLine>, LedgerError>;

    /// One line by its number.
    async fn audit_line(&self, id: i64) -> Result<Option<AuditLine>, LedgerError>;

    /// How many lines a filter leaves in, whatever its limit and its page.
    async fn count_audit_lines(&self, filter: &AuditFilter) -> Result<u64, LedgerError>;
}
