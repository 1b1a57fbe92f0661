//! The identifiers of a row, from its cells and its column `external_ids`.

/// The usable identifiers without repetition, in the order of `external_ids`, then of the columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Identifiers {
    pub(crate) users: Vec<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) anonymous: Vec<String>,
    /// Whether there was a hashed identifier.
    pub(crate) has_hashes: bool,
}

/// Hex digits of MD5, SHA-1 and SHA-256.
const HASH_LENGTHS: [usize; 3] = [32, 40, 64];

impl Identifiers {
    pub(crate) fn add_user(&mut self, text: &str) {
        add(&mut self.users, text);
    }

    pub(crate) fn add_anonymous(&mut self, text: &str) {
        add(&mut self.anonymous, text);
    }

    /// Adds an address. Engage hashes addresses in exports for advertising networks; no affiliate can be found by such a hash.
    pub(crate) fn add_email(&mut self, text: &str) {
        if is_hash(text.trim()) {
            self.has_hashes = true;
        } else if text.contains('@') {
            add(&mut self.emails, text);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.emails.is_empty() && self.anonymous.is_empty()
    }
}

fn add(texts: &mut Vec<String>, text: &str) {
    let text = text.trim();
    if !text.is_empty() && !texts.iter().any(|known| known == text) {
        texts.push(text.to_owned());
    }
}

fn is_hash(text: &str) -> bool {
    HASH_LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_identifier_counts_once_and_hashes_count_not_at_all() {
        let mut found = Identifiers::default();
        for text in ["a@b.c", " a@b.c ", "", "n/a", &"AB".repeat(32)] {
            found.add_email(text);
        }
        found.add_user("");
        assert_eq!((found.emails.as_slice(), found.has_hashes), (&["a@b.c".to_owned()][..], true));
        assert!(!found.is_empty() && found.users.is_empty());
    }
}
