//! Members of an object, found under any spelling of their name.
//!
//! The casing of names differs from customer to customer, and the direct-destination contract asks to take every one.
//! The rule is that of Segment's own code (`segmentio/obj-case`), widened to letters and digits of every script.

use crate::node::Node;

/// Brings a key to the form in which keys are compared: `firstName`, `first_name` and `First Name` become `firstname`.
///
/// Only letters, digits and `.` stay, in lower case. A key without any of these is itself, trimmed and in lower case.
/// A folded key stays what it is when it is folded again.
#[must_use]
pub fn fold_key(key: &str) -> String {
    let folded = if key.is_ascii() { fold_ascii(key) } else { fold_any(key) };
    if folded.is_empty() {
        key.chars().flat_map(char::to_lowercase).collect::<String>().trim().to_owned()
    } else {
        folded
    }
}

fn fold_any(key: &str) -> String {
    key.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric() || *c == '.').collect()
}

/// The same for nearly all keys there are, several times as fast.
fn fold_ascii(key: &str) -> String {
    let mut folded = String::with_capacity(key.len());
    folded.extend(ascii_folded(key).map(char::from));
    folded
}

/// The member of an object with this folded key, of letters and digits: the first in the document. For one look this is
/// cheaper than to fold all keys.
fn member<'n>(node: &'n Node<'n>, folded: &str) -> Option<&'n Node<'n>> {
    let Node::Object(members) = node else { return None };
    members.iter().find(|(written, _)| folds_to(written, folded)).map(|(_, node)| node)
}

fn folds_to(key: &str, folded: &str) -> bool {
    if key.is_ascii() { ascii_folded(key).eq(folded.bytes()) } else { fold_any(key) == folded }
}

fn ascii_folded(key: &str) -> impl Iterator<Item = u8> {
    let kept = key.bytes().filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
    kept.map(|byte| byte.to_ascii_lowercase())
}

/// The members of one object by folded key; of several with one key the first in the document counts.
pub(crate) struct Fields<'n> {
    /// In the order of their keys, each once. Objects are small: this is looked up faster than a map is built.
    by_key: Vec<(String, Field<'n>)>,
    repeated: Vec<String>,
}

/// One member of an object.
pub(crate) struct Field<'n> {
    /// The key as the document writes it.
    pub(crate) written: &'n str,
    pub(crate) node: &'n Node<'n>,
}

impl<'n> Fields<'n> {
    /// What is missing or not an object has no members.
    pub(crate) fn of(node: Option<&'n Node<'n>>) -> Self {
        let Some(Node::Object(members)) = node else {
            return Self { by_key: Vec::new(), repeated: Vec::new() };
        };
        let fields = members.iter().map(|(written, node)| (fold_key(written), Field { written, node }));
        let mut by_key: Vec<(String, Field<'n>)> = fields.collect();
        // Stable: what comes first in the document stays first among equals.
        by_key.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut repeated = Vec::new();
        by_key.dedup_by(|(later, _), (first, _)| {
            let same = later == first;
            if same {
                repeated.push(std::mem::take(later));
            }
            same
        });
        Self { by_key, repeated }
    }

    /// The member with this folded key.
    pub(crate) fn get(&self, folded: &str) -> Option<&'n Node<'n>> {
        let found = self.by_key.binary_search_by(|(key, _)| key.as_str().cmp(folded)).ok()?;
        Some(self.by_key[found].1.node)
    }

    /// The member at the end of a path of folded keys, each of letters and digits.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&'n Node<'n>> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.get(first)?, |node, folded| member(node, folded))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Field<'n>)> {
        self.by_key.iter().map(|(key, field)| (key, field))
    }

    /// Folded keys of the members that do not count because their key came before.
    pub(crate) fn repeated(&self) -> &[String] {
        &self.repeated
    }
}

#[cfg(test)]
mod tests {
    use super::fold_key;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_name_are_one_key() {
        for spelling in ["firstName", "first_name", "First_Name", "first name", "FIRSTNAME", " first-name "] {
            assert_eq!(fold_key(spelling), "firstname");
        }
    }

    #[test]
    fn dots_digits_and_letters_of_other_scripts_tell_keys_apart() {
        assert_eq!(fold_key("Address.City"), "address.city");
        assert_eq!(fold_key("email_1"), "email1");
        assert_eq!(fold_key("Größe"), "größe");
        assert_ne!(fold_key("プラン"), fold_key("名前"));
    }

    #[test]
    fn a_key_without_letters_and_digits_is_itself() {
        assert_eq!(fold_key(" 🎉 "), "🎉");
        assert_eq!(fold_key("--"), "--");
        assert_eq!(fold_key(""), "");
    }

    proptest! {
        #[test]
        fn the_fast_way_folds_like_the_other(key in "[ -~]*") {
            prop_assert_eq!(super::fold_ascii(&key), super::fold_any(&key));
        }

        #[test]
        fn a_member_is_found_under_what_its_key_folds_to(key in "[a-cA-C_. é🎉]*", sought in "[a-c]{1,3}") {
            prop_assert_eq!(super::folds_to(&key, &sought), fold_key(&key) == sought);
        }

        #[test]
        fn folding_again_changes_nothing(key in any::<String>()) {
            let folded = fold_key(&key);
            prop_assert_eq!(fold_key(&folded), folded);
        }
    }
}
