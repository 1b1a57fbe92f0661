//! The domain for the addresses of scrubbed affiliates, checked.

use super::{ScrubDomain, SettingsError, error};

impl ScrubDomain {
    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ScrubDomain {
    type Error = SettingsError;

    fn try_from(text: String) -> Result<Self, SettingsError> {
        let text = text.trim().to_ascii_lowercase();
        let label = |part: &str| {
            (1..=63).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        // 189 leaves room for a local part of 64 characters and an at sign within the 254 of an address (RFC 5321).
        if text.len() <= 189 && text.contains('.') && text.split('.').all(label) {
            return Ok(Self(text));
        }
        Err(error("scrub_on_delete", "is no domain: give one that you own, like deleted.example.com"))
    }
}

impl From<ScrubDomain> for String {
    fn from(domain: ScrubDomain) -> Self {
        domain.0
    }
}
