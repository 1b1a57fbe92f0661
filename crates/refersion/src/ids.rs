//! The two identifiers of an affiliate, as two types, because the API calls both of them `id` and takes neither for the
//! other.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The short public code of an affiliate, like `a3y7`; sometimes all digits, like `6905`.
///
/// `/affiliate/new`, `/affiliate/search` and `/affiliate/list` return it as `id`, and a referral link ends in it. Never
/// guess from its look whether a text is a code or an [`AffiliateId`]: only the operation that returned it tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AffiliateCode(pub String);

/// The number of an affiliate, like `37569297`.
///
/// `/affiliate/get` returns it, and the message of `/affiliate/new` names it; `/affiliate/edit` and
/// `/affiliate/status_change` need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AffiliateId(pub u64);

impl AffiliateCode {
    /// The code as the API writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AffiliateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AffiliateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
