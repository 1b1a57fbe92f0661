//! The two identifiers of an affiliate. They are two types, because the API calls both `id` and does not accept one
//! for the other.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The short public code of an affiliate, like `a3y7`; sometimes all digits, like `6905`.
///
/// `/affiliate/new`, `/affiliate/search` and `/affiliate/list` return it as `id`, and a referral link ends in it. The
/// form of a text does not show whether it is a code or an [`AffiliateId`]: only the operation that returned it does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AffiliateCode(pub String);

/// The numeric id of an affiliate, like `37569297`.
///
/// `/affiliate/get` returns it and the message of `/affiliate/new` contains it; `/affiliate/edit` and
/// `/affiliate/status_change` require it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AffiliateId(pub u64);

impl AffiliateCode {
    /// Maximum length of a code. Codes seen have up to 6 characters; a far longer text is none, and could not be indexed.
    pub const MAX_BYTES: usize = 255;

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
