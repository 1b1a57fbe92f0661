//! The key pair of a Refersion account. The secret half is a separate type, so that it cannot be printed by accident.

use std::fmt;

/// A text that must not be shown. `Debug` hides it; there is neither `Display` nor serialization.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that must stay hidden.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the code that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// The key pair of one account. It gives access to the whole account, without scopes and without expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The header `Refersion-Public-Key`, like `pub_…`.
    pub public_key: String,
    /// The header `Refersion-Secret-Key`, like `sec_…`.
    secret_key: Secret,
}

impl Credentials {
    /// Joins the halves of a key pair. Does not check their format: a future one has to work as well.
    pub fn new(public_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self { public_key: public_key.into(), secret_key: Secret::new(secret_key) }
    }

    /// The secret half.
    pub fn secret_key(&self) -> &Secret {
        &self.secret_key
    }

    /// Whether both halves can be sent as HTTP headers: visible ASCII, not empty. Any other pair is wrong and need
    /// not be sent.
    pub fn can_be_sent(&self) -> bool {
        [self.public_key.as_str(), self.secret_key.expose()]
            .iter()
            .all(|half| !half.is_empty() && half.bytes().all(|byte| byte.is_ascii_graphic()))
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;

    #[test]
    fn debug_output_hides_the_secret() {
        let shown = format!("{:?}", Credentials::new("pub_1", "sec_very_hidden"));
        assert!(shown.contains("pub_1") && !shown.contains("very"), "{shown}");
    }

    #[test]
    fn a_key_with_a_line_break_cannot_be_sent() {
        assert!(Credentials::new("pub_1", "sec_1").can_be_sent());
        assert!(!Credentials::new("pub_1\n", "sec_1").can_be_sent());
        assert!(!Credentials::new("pub_1", "").can_be_sent());
    }
}
