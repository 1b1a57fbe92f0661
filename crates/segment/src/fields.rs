//! Access to the members of an object under any spelling of their name.
//!
//! The casing of names differs between customers, and Segment's contract for direct destinations requires accepting
//! all of them. The rule is that of Segment's own code (`segmentio/obj-case`), extended to letters and digits of
//! every script.

use smol_str::SmolStr;

use crate::node::Node;

/// Converts a key to the form in which keys are compared: `firstName`, `first_name` and `First Name` become
/// `firstname`.
///
/// Keeps only letters, digits and `.`, in lower case. A key without any of these is trimmed and converted to lower
/// case. Folding is idempotent.
#[must_use]
pub fn fold_key(key: &str) -> String {
    folded(key).into()
}

/// The same without an allocation for keys of up to 23 bytes: an event has dozens, and reading them is its largest cost.
pub(crate) fn folded(key: &str) -> SmolStr {
    if !key.is_empty() && key.bytes().all(is_folded) {
        return SmolStr::new(key);
    }
    let folded = if key.is_ascii() { ascii_folded(key).map(char::from).collect() } else { fold_any(key) };
    if folded.is_empty() {
        key.chars().flat_map(char::to_lowercase).collect::<String>().trim().into()
    } else {
        folded
    }
}

fn fold_any(key: &str) -> SmolStr {
    key.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric() || *c == '.').collect()
}

/// Whether folding keeps the byte as it is.
fn is_folded(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.'
}

fn ascii_folded(key: &str) -> impl Iterator<Item = u8> {
    let kept = key.bytes().filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
    kept.map(|byte| byte.to_ascii_lowercase())
}

/// The names of Segment's spec that have capital letters; the others are their own folded keys.
const SPEC_NAMES: [(&str, &str); 11] = [
    ("anonymousid", "anonymousId"),
    ("createdat", "createdAt"),
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("messageid", "messageId"),
    ("originaltimestamp", "originalTimestamp"),
    ("postalcode", "postalCode"),
    ("projectid", "projectId"),
    ("receivedat", "receivedAt"),
    ("sentat", "sentAt"),
    ("userid", "userId"),
];

/// Whether a key is written as Segment's spec writes it.
pub(crate) fn is_spec_name(written: &str, folded: &str) -> bool {
    let spec = SPEC_NAMES.iter().find(|(key, _)| *key == folded).map_or(folded, |(_, spec)| spec);
    written == spec
}

/// The members of a value with this folded key, of letters and digits, the preferred one first. For a single lookup this is
/// cheaper than folding all keys.
pub(crate) fn members<'n>(node: &'n Node<'n>, folded: &str) -> Vec<&'n Node<'n>> {
    let Node::Object(members) = node else { return Vec::new() };
    let mut found: Vec<_> = members.iter().filter(|(written, _)| folds_to(written, folded)).collect();
    // A stable sort keeps the document order.
    found.sort_by_key(|(written, _)| !is_spec_name(written, folded));
    found.into_iter().map(|(_, node)| node).collect()
}

/// Whether a key has this folded form, of letters and digits.
pub(crate) fn folds_to(key: &str, folded: &str) -> bool {
    if key.is_ascii() { ascii_folded(key).eq(folded.bytes()) } else { fold_any(key) == folded }
}

/// The members of an object by folded key. A key may occur several times, in several spellings: the one of Segment's spec
/// comes first, the others follow in the order of the document. The reader takes the first that it can use.
#[derive(Default)]
pub(crate) struct Fields<'n> {
    /// Sorted by key. Objects are small, so this is faster than building a map.
    by_key: Vec<(SmolStr, Field<'n>)>,
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
        let Some(Node::Object(members)) = node else { return Self::default() };
        let fields = members.iter().map(|(written, node)| (folded(written), Field { written, node }));
        let mut by_key: Vec<(SmolStr, Field<'n>)> = fields.collect();
        // A stable sort keeps the document order of equal keys.
        by_key.sort_by(|(one, _), (other, _)| one.cmp(other));
        for same in by_key.chunk_by_mut(|(one, _), (other, _)| one == other).filter(|same| same.len() > 1) {
            same.sort_by_key(|(key, field)| !is_spec_name(field.written, key));
        }
        Self { by_key }
    }

    /// Whether there is no member.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// All members with this folded key, the preferred one first.
    pub(crate) fn all(&self, folded: &str) -> impl Iterator<Item = &'n Node<'n>> + use<'_, 'n> {
        let start = self.by_key.partition_point(|(key, _)| key.as_str() < folded);
        let length = self.by_key[start..].iter().take_while(|(key, _)| key == folded).count();
        self.by_key[start..start + length].iter().map(|(_, field)| field.node)
    }

    /// All nodes at the end of a path of folded keys, the preferred one first.
    pub(crate) fn at(&self, path: &[&str]) -> Vec<&'n Node<'n>> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let begin = self.all(first).collect();
        let inside =
            |nodes: Vec<&'n Node<'n>>, key| nodes.into_iter().flat_map(|node| members(node, key)).collect();
        rest.iter().copied().fold(begin, inside)
    }

    /// All nodes at the end of a path in which each dot is either part of a key or leads into an object or a list.
    pub(crate) fn follow<S: AsRef<str>>(&self, path: &[S]) -> Vec<&'n Node<'n>> {
        let step = |length: usize| {
            let key: Vec<&str> = path[..length].iter().map(AsRef::as_ref).collect();
            let rest = &path[length..];
            self.all(&key.join(".")).flat_map(|node| follow(node, rest)).collect::<Vec<_>>()
        };
        (1..=path.len()).rev().flat_map(step).collect()
    }

    /// The members of each key, keys in order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, &[(SmolStr, Field<'n>)])> {
        let groups = self.by_key.chunk_by(|(one, _), (other, _)| one == other);
        groups.map(|group| (group[0].0.as_str(), group))
    }

    /// Folded keys that occur with several values, of which one is used.
    pub(crate) fn repeated(&self) -> impl Iterator<Item = &str> {
        let has_value = |(_, field): &&(SmolStr, Field<'n>)| !field.node.is_blank();
        self.groups().filter(move |(_, group)| group.iter().filter(has_value).count() > 1).map(|(key, _)| key)
    }
}

fn follow<'n, S: AsRef<str>>(node: &'n Node<'n>, path: &[S]) -> Vec<&'n Node<'n>> {
    match (node, path) {
        (_, []) => vec![node],
        (Node::Object(_), _) => Fields::of(Some(node)).follow(path),
        (Node::List(items), [first, rest @ ..]) => {
            let item = first.as_ref().parse().ok().and_then(|index: usize| items.get(index));
            item.map_or_else(Vec::new, |item| follow(item, rest))
        }
        _ => Vec::new(),
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
            let general = super::fold_any(&key);
            prop_assume!(!general.is_empty());
            prop_assert_eq!(fold_key(&key), general);
        }

        #[test]
        fn a_member_is_found_by_its_folded_key(key in "[a-cA-C_. é🎉]*", sought in "[a-c]{1,3}") {
            let json = serde_json::json!({ key.clone(): 1 }).to_string();
            let node = super::Node::parse(json.as_bytes()).unwrap();
            let found = super::Fields::of(Some(&node)).all(&sought).count();
            prop_assert_eq!(found == 1, fold_key(&key) == sought);
            prop_assert_eq!(super::members(&node, &sought).len(), found);
        }

        #[test]
        fn folding_is_idempotent(key in any::<String>()) {
            let folded = fold_key(&key);
            prop_assert_eq!(fold_key(&folded), folded);
        }
    }
}
