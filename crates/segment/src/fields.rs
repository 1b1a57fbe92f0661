//! Access to the members of an object under any spelling of their name.
//!
//! The casing of names differs between customers, and Segment's contract for direct destinations requires accepting
//! all of them. The rule is that of Segment's own code (`segmentio/obj-case`), extended to letters and digits of
//! every script.

use crate::node::Node;

/// Converts a key to the form in which keys are compared: `firstName`, `first_name` and `First Name` become
/// `firstname`.
///
/// Keeps only letters, digits and `.`, in lower case. A key without any of these is trimmed and converted to lower
/// case. Folding is idempotent.
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

/// The same for ASCII keys, which are by far the most frequent, and several times as fast.
fn fold_ascii(key: &str) -> String {
    let mut folded = String::with_capacity(key.len());
    folded.extend(ascii_folded(key).map(char::from));
    folded
}

/// The first member of an object with this folded key. For a single lookup this is cheaper than folding all keys.
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

/// The members of an object by folded key. If a key occurs several times, the first member in the document is used.
pub(crate) struct Fields<'n> {
    /// Sorted by key, each once. Objects are small, so this is faster than building a map.
    by_key: Vec<(String, Field<'n>)>,
    repeated: Vec<String>,
}

/// One member of an object.
pub(crate) struct Field<'n> {
    /// The key as written in the document.
    pub(crate) written: &'n str,
    pub(crate) node: &'n Node<'n>,
}

impl<'n> Fields<'n> {
    /// The members of a value; none if it is missing or not an object.
    pub(crate) fn of(node: Option<&'n Node<'n>>) -> Self {
        let Some(Node::Object(members)) = node else {
            return Self { by_key: Vec::new(), repeated: Vec::new() };
        };
        let fields = members.iter().map(|(written, node)| (fold_key(written), Field { written, node }));
        let mut by_key: Vec<(String, Field<'n>)> = fields.collect();
        // A stable sort keeps the document order of equal keys.
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

    /// Folded keys of the members that are not used because their key occurred before.
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
    fn dots_digits_and_letters_of_other_scripts_distinguish_keys() {
        assert_eq!(fold_key("Address.City"), "address.city");
        assert_eq!(fold_key("email_1"), "email1");
        assert_eq!(fold_key("Größe"), "größe");
        assert_ne!(fold_key("プラン"), fold_key("名前"));
    }

    #[test]
    fn a_key_without_letters_and_digits_is_kept() {
        assert_eq!(fold_key(" 🎉 "), "🎉");
        assert_eq!(fold_key("--"), "--");
        assert_eq!(fold_key(""), "");
    }

    proptest! {
        #[test]
        fn the_ascii_path_folds_like_the_general_one(key in "[ -~]*") {
            prop_assert_eq!(super::fold_ascii(&key), super::fold_any(&key));
        }

        #[test]
        fn a_member_is_found_by_its_folded_key(key in "[a-cA-C_. é🎉]*", sought in "[a-c]{1,3}") {
            prop_assert_eq!(super::folds_to(&key, &sought), fold_key(&key) == sought);
        }

        #[test]
        fn folding_is_idempotent(key in any::<String>()) {
            let folded = fold_key(&key);
            prop_assert_eq!(fold_key(&folded), folded);
        }
    }
}
