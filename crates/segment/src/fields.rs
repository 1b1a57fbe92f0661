//! Members of an object, found under any spelling of their name.
//!
//! The casing of names differs from customer to customer, and the direct-destination contract asks to take every one.
//! The rule is that of Segment's own code (`segmentio/obj-case`), widened to letters and digits of every script.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::node::Node;

/// Brings a key to the form in which keys are compared: `firstName`, `first_name` and `First Name` become `firstname`.
///
/// Only letters, digits and `.` stay, in lower case. A key without any of these is itself, trimmed and in lower case.
/// A folded key stays what it is when it is folded again.
#[must_use]
pub fn fold_key(key: &str) -> String {
    let lower = || key.chars().flat_map(char::to_lowercase);
    let folded: String = lower().filter(|c| c.is_alphanumeric() || *c == '.').collect();
    if folded.is_empty() { lower().collect::<String>().trim().to_owned() } else { folded }
}

/// The members of one object by folded key; of several with one key the first in the document counts.
pub(crate) struct Fields<'n> {
    by_key: BTreeMap<String, Field<'n>>,
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
        let mut fields = Self { by_key: BTreeMap::new(), repeated: Vec::new() };
        let Some(Node::Object(members)) = node else { return fields };
        for (written, node) in members {
            match fields.by_key.entry(fold_key(written)) {
                Entry::Vacant(free) => {
                    free.insert(Field { written, node });
                }
                Entry::Occupied(taken) => fields.repeated.push(taken.key().clone()),
            }
        }
        fields
    }

    /// The member with this folded key.
    pub(crate) fn get(&self, folded: &str) -> Option<&'n Node<'n>> {
        self.by_key.get(folded).map(|field| field.node)
    }

    /// The members of the object under this folded key.
    pub(crate) fn inside(&self, folded: &str) -> Fields<'n> {
        Fields::of(self.get(folded))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Field<'n>)> {
        self.by_key.iter()
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
        fn folding_again_changes_nothing(key in any::<String>()) {
            let folded = fold_key(&key);
            prop_assert_eq!(fold_key(&folded), folded);
        }
    }
}
