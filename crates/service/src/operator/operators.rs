//! Operators of the HTTP API: their names, and the tokens by which they are known.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use connections::{ConnectionId, Randomness};
use ledger::{AuditEntry, MAX_OPERATORS, NewOperator, OperatorRole, TokenDigest};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::audit;
use crate::engines::Engines;
use crate::failure::Failure;

/// Prefix of tokens, so that a token is recognised in a place where it must not be.
pub const TOKEN_PREFIX: &str = "rdop_";

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// The longest name, in characters.
pub const MAX_NAME_LENGTH: usize = 64;

/// The name of an operator: 1 to 64 of the characters `A-Z a-z 0-9 _ - . @`, so that it may be an address at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorName(String);

impl FromStr for OperatorName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte);
        match (1..=MAX_NAME_LENGTH).contains(&text.len()) && text.bytes().all(is_good) {
            // The worker's lines of the audit have this actor.
            true if text == "worker" => Err("`worker` is the worker's name in the audit: use another one"),
            true => Ok(Self(text.to_owned())),
            false => Err("a name is 1 to 64 of the characters A-Z a-z 0-9 _ - . @"),
        }
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A new token; it is shown once.
#[must_use]
pub fn new_token(randomness: &dyn Randomness) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    randomness.fill(bytes.as_mut_slice());
    Zeroizing::new(format!("{TOKEN_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// The digest of a token, which is stored in its place.
#[must_use]
pub fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

/// Adds an operator, and returns its token.
///
/// # Errors
///
/// [`Failure`] if an admin is to see some connections only, the name is in use, or the ledger cannot be written.
pub async fn add(
    engines: &Engines,
    actor: &str,
    name: &OperatorName,
    role: OperatorRole,
    connections: Option<Vec<ConnectionId>>,
) -> Result<Zeroizing<String>, Failure> {
    let sees = match &connections {
        None => "all connections".to_owned(),
        Some(ids) => format!("connections {ids:?}"),
    };
    let added = add_now(engines, name, role, connections).await;
    let subject = format!("operator {name}, {role}, {sees}");
    audit::ended(engines, AuditEntry::new(engines.now(), actor, "operator_added", subject), added).await
}

async fn add_now(
    engines: &Engines,
    name: &OperatorName,
    role: OperatorRole,
    connections: Option<Vec<ConnectionId>>,
) -> Result<Zeroizing<String>, Failure> {
    if role == OperatorRole::Admin && connections.is_some() {
        let message = "an admin sees every connection, because it can add operators that do";
        return Err(Failure::usage(
            "admin_is_limited",
            message,
            "leave the connections out, or use the role operator",
        ));
    }
    let known = engines.operators.operators().await?;
    if known.iter().filter(|other| other.name != name.to_string()).count() >= MAX_OPERATORS {
        let message =
            format!("there are {MAX_OPERATORS} operators already, those that were revoked included");
        return Err(Failure::refused("too_many_operators", message, "revoke one, and add it under its name"));
    }
    let token = new_token(engines.randomness.as_ref());
    let new = NewOperator {
        name: name.to_string(),
        role,
        connections,
        token: digest(&token),
        created_at: engines.now(),
    };
    if engines.operators.add_operator(&new).await? {
        return Ok(token);
    }
    let message = format!("there is an operator named {name} already");
    Err(Failure::refused("operator_exists", message, "revoke it first, or use another name"))
}

/// Ends an operator's token at once.
///
/// # Errors
///
/// [`Failure`] if there is no such operator, or the ledger cannot be written.
pub async fn revoke(engines: &Engines, actor: &str, name: &OperatorName) -> Result<(), Failure> {
    let revoked = match engines.operators.revoke_operator(&name.to_string(), engines.now()).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let message = format!("there is no operator {name}, or it was revoked already");
            Err(Failure::refused("no_such_operator", message, "`operators list` shows their names"))
        }
        Err(error) => Err(error.into()),
    };
    let subject = format!("operator {name}");
    audit::ended(engines, AuditEntry::new(engines.now(), actor, "operator_revoked", subject), revoked).await
}

#[cfg(test)]
mod tests {
    use connections::OsRandomness;

    use super::*;

    #[test]
    fn a_token_has_256_random_bits_and_is_recognised() {
        let [one, other] = [new_token(&OsRandomness), new_token(&OsRandomness)];
        assert!(one.starts_with(TOKEN_PREFIX) && one.len() == TOKEN_PREFIX.len() + 43, "{}", one.len());
        assert_ne!(*one, *other);
        assert_ne!(digest(&one), digest(&other));
    }

    #[test]
    fn a_name_is_short_plain_and_unique() {
        for good in ["ann", "ann@example.org", "night-shift_2"] {
            assert!(good.parse::<OperatorName>().is_ok(), "{good}");
        }
        for bad in ["", "two words", "cli:ann", "worker", &"x".repeat(65)] {
            assert!(bad.parse::<OperatorName>().is_err(), "{bad}");
        }
    }
}
