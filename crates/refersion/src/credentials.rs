//! The key pair that opens one Refersion account. The secret half is a type of its own, so that printing it takes an act.

use std::fmt;

/// A text that must not be seen: `Debug` hides it, and it has neither `Display` nor serialization.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that is to stay hidden.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// The key pair of one account: it opens the whole account, with no scopes and no expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The header `Refersion-Public-Key`, like `pub_…`.
    pub public_key: String,
    /// The header `Refersion-Secret-Key`, like `sec_…`.
    secret_key: Secret,
}

impl Credentials {
    /// Joins the halves of a key pair. Their look is not checked: a future format has to work as well.
    pub fn new(public_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self { public_key: public_key.into(), secret_key: Secret::new(secret_key) }
    }

    /// The secret half.
    pub fn secret_key(&self) -> &Secret {
        &self.secret_key
    }

    /// Whether both halves can travel as HTTP headers: visible ASCII, and not empty. A pair that cannot is a wrong pair,
    /// and there is no sense in sending it.
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
