//! The port of operators: who may use the HTTP API, and for what.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::LedgerError;

/// Operators that may be kept, the revoked ones included.
pub const MAX_OPERATORS: usize = 1_000;

/// The SHA-256 of a token. A token is 256 random bits: nobody can try all of them, so neither salt nor a slow function is
/// needed, as they are for passwords.
pub type TokenDigest = [u8; 32];

/// What an operator may do; a later role may do what an earlier one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorRole {
    /// Look, with personal data masked.
    Viewer,
    /// Look without a mask, which is audited, and act.
    Operator,
    /// Manage operators as well.
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
    /// What it may do.
    pub role: OperatorRole,
    /// The connections that it may see; `None`: all.
    pub connections: Option<Vec<ConnectionId>>,
    /// The digest of its token.
    pub token: TokenDigest,
    /// Now.
    pub created_at: Timestamp,
}

/// An operator as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorView {
    /// The name.
    pub name: String,
    /// What it may do.
    pub role: OperatorRole,
    /// The connections that it may see; `None`: all. Some may be removed by now.
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
    /// Adds an operator, also under the name of one that was revoked; `false` if the name is in use.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] if there are [`MAX_OPERATORS`].
    async fn add_operator(&self, new: &NewOperator) -> Result<bool, LedgerError>;

    /// Every operator by name, those that were revoked too.
    async fn operators(&self) -> Result<Vec<OperatorView>, LedgerError>;

    /// Ends an operator's token; `false` if there is no such operator, or it was revoked already.
    async fn revoke_operator(&self, name: &str, now: Timestamp) -> Result<bool, LedgerError>;

    /// Whose token this is, unless it was revoked.
    async fn operator_by_token(&self, token: &TokenDigest) -> Result<Option<OperatorView>, LedgerError>;

    /// Notes that an operator's token was used.
    async fn note_operator_use(&self, name: &str, now: Timestamp) -> Result<(), LedgerError>;
}
