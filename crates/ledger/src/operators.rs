//! The port of operators: the users of the HTTP API, and their roles.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::LedgerError;

/// Maximum number of stored operators, including revoked ones.
pub const MAX_OPERATORS: usize = 1_000;

/// The SHA-256 of a token. A token has 256 random bits, which cannot be guessed by trying, so unlike a password it needs neither a salt nor
/// a slow hash.
pub type TokenDigest = [u8; 32];

/// The role of an operator. Each role includes the rights of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorRole {
    /// May read, with personal data masked.
    Viewer,
    /// May read without a mask, which is audited, and act.
    Operator,
    /// May manage operators as well.
    Admin,
}

impl OperatorRole {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for OperatorRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl FromStr for OperatorRole {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.word() == word)
            .ok_or("the roles are viewer, operator and admin")
    }
}

/// An operator to add.
#[derive(Clone)]
pub struct NewOperator {
    /// The name, unique among those that are not revoked.
    pub name: String,
    /// Its role.
    pub role: OperatorRole,
    /// The connections that it may see; `None`: all.
    pub connections: Option<Vec<ConnectionId>>,
    /// The digest of its token.
    pub token: TokenDigest,
    /// The current time.
    pub created_at: Timestamp,
}

/// A stored operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorView {
    /// The name.
    pub name: String,
    /// Its role.
    pub role: OperatorRole,
    /// The connections that it may see; `None`: all. Some of them may have been removed.
    pub connections: Option<Vec<ConnectionId>>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its token was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Operators and the digests of their tokens.
#[async_trait]
pub trait Operators: Send + Sync {
    /// Adds an operator. The name of a revoked operator may be used again. Returns `false` if the name is in use.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] if there are [`MAX_OPERATORS`].
    async fn add_operator(&self, new: &NewOperator) -> Result<bool, LedgerError>;

    /// Every operator by name, including revoked ones.
    async fn operators(&self) -> Result<Vec<OperatorView>, LedgerError>;

    /// Revokes an operator's token. Returns `false` if there is no such operator, or it was revoked already.
    async fn revoke_operator(&self, name: &str, now: Timestamp) -> Result<bool, LedgerError>;

    /// The operator with this token, unless it was revoked.
    async fn operator_by_token(&self, token: &TokenDigest) -> Result<Option<OperatorView>, LedgerError>;

    /// Notes that an operator's token was used.
    async fn note_operator_use(&self, name: &str, now: Timestamp) -> Result<(), LedgerError>;
}
