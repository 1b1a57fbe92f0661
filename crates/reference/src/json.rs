//! JSON values that keep the order of keys and repeated keys: a key may occur in several spellings.

/// A JSON value. Numbers are kept as plain decimal text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(Key, Node)>),
}

/// The key of a member, and the form in which it is compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) written: String,
    pub(crate) folded: String,
}

impl Key {
    pub(crate) fn of(written: String) -> Self {
        Self { folded: fold_key(&written), written }
    }
}

static NOTHING: Node = Node::Null;

impl Node {
    /// Every member with this folded key: that in the spelling of Segment's spec first, then as in the document.
    pub(crate) fn all(&self, folded: &str) -> Vec<&Node> {
        let spec = match folded {
            "anonymousid" => "anonymousId",
            "firstname" => "firstName",
            "lastname" => "lastName",
            "messageid" => "messageId",
            "originaltimestamp" => "originalTimestamp",
            "postalcode" => "postalCode",
            "receivedat" => "receivedAt",
            "sentat" => "sentAt",
            "userid" => "userId",
            other => other,
        };
        let mine = || self.members().iter().filter(|(key, _)| key.folded == folded);
        let exact = mine().filter(|(key, _)| key.written == spec);
        exact.chain(mine().filter(|(key, _)| key.written != spec)).map(|(_, value)| value).collect()
    }

    /// The preferred member with this folded key, or null, so that paths need no branches.
    pub(crate) fn at(&self, folded: &str) -> &Node {
        self.all(folded).first().copied().unwrap_or(&NOTHING)
    }

    /// Everything at the end of a path of which each dot is a part of a key or leads inside.
    pub(crate) fn follow(&self, path: &str) -> Vec<&Node> {
        let mut found = self.all(path);
        for (at, _) in path.match_indices('.').collect::<Vec<_>>().into_iter().rev() {
            let inside = self.all(&path[..at]);
            found.extend(inside.into_iter().flat_map(|node| node.inside(&path[at + 1..])));
        }
        found
    }

    fn inside(&self, path: &str) -> Vec<&Node> {
        let Node::List(items) = self else { return self.follow(path) };
        let (index, rest) = path.split_once('.').map_or((path, None), |(index, rest)| (index, Some(rest)));
        let item = index.parse().ok().and_then(|index: usize| items.get(index));
        match (item, rest) {
            (None, _) => Vec::new(),
            (Some(item), None) => vec![item],
            (Some(item), Some(rest)) => item.inside(rest),
        }
    }

    pub(crate) fn members(&self) -> &[(Key, Node)] {
        match self {
            Node::Object(members) => members,
            _ => &[],
        }
    }

    /// The trimmed text of a string, if it is not empty.
    pub(crate) fn non_empty_text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// Whether it is an object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Node::Object(_))
    }
}

/// The form in which keys are compared: `firstName`, `first_name` and `First Name` are all `firstname`. A key without
/// letters and digits is kept.
pub(crate) fn fold_key(key: &str) -> String {
    // Character by character, so that none depends on its neighbours, as a Greek sigma at the end of a word would.
    let lower = || key.chars().flat_map(char::to_lowercase);
    let folded: String = lower().filter(|c| c.is_alphanumeric() || *c == '.').collect();
    if folded.is_empty() { lower().collect::<String>().trim().to_owned() } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_ignores_case_and_signs_and_keeps_dots() {
        for spelling in ["firstName", "first_name", "First Name", "FIRST-NAME"] {
            assert_eq!(fold_key(spelling), "firstname");
        }
        assert_eq!(fold_key("a.B"), "a.b");
        assert_eq!(fold_key(" $ "), "$");
    }

    fn parsed(json: &str) -> Node {
        crate::parse::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn the_spelling_of_the_spec_goes_before_the_first_in_the_document() {
        assert_eq!(parsed(r#"{"z_a": 1, "Za": 2, "z_a": 3}"#).at("za"), &Node::Number("1".into()));
        let user = parsed(r#"{"user_id": 1, "userId": 2}"#);
        assert_eq!(user.all("userid"), [&Node::Number("2".into()), &Node::Number("1".into())]);
    }

    #[test]
    fn a_dot_of_a_path_is_part_of_a_key_or_leads_inside() {
        for json in [r#"{"a.b.0": 1}"#, r#"{"a": {"b": [1]}}"#, r#"{"A.B": [1]}"#, r#"{"a": {"b.0": 1}}"#] {
            assert_eq!(parsed(json).follow("a.b.0"), [&Node::Number("1".into())], "{json}");
        }
    }

    #[test]
    fn numbers_are_plain_unless_no_double_holds_them() {
        let json = "[1e21, 0.5, -7, 18446744073709551615, 123456789012345678901, 1e400, 5.0]";
        let Node::List(list) = parsed(json) else { panic!("a list") };
        let texts: Vec<_> = list
            .iter()
            .map(|node| match node {
                Node::Number(text) => text.as_str(),
                _ => "",
            })
            .collect();
        let plain = ["1000000000000000000000", "0.5", "-7", "18446744073709551615"];
        assert_eq!(texts[..4], plain);
        assert_eq!(texts[4..], ["123456789012345678901", "1e400", "5"]);
    }

    #[test]
    fn invalid_json_is_not_parsed() {
        for text in ["", "{", "[1,]", "{\"a\"}", "01", "1.", "nul", "\"\\x\"", "\"a", "1 2", "NaN", "-"] {
            assert_eq!(crate::parse::parse(text.as_bytes()), None, "{text}");
        }
    }
}
