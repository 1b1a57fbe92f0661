//! Identifiers that name nobody, and therefore do not count.

use std::collections::BTreeSet;

/// The list of the documentation, in lower case; spaces, hyphens and underscores inside do not count.
const JUNK: [&str; 50] = [
    "undefined",
    "null",
    "nil",
    "none",
    "nan",
    "true",
    "false",
    "-1",
    "infinity",
    "-infinity",
    "guest",
    "guestuser",
    "guestid",
    "anonymous",
    "anonymoususer",
    "anonymousid",
    "anon",
    "unknown",
    "unknownuser",
    "unidentified",
    "unset",
    "notset",
    "notdefined",
    "notavailable",
    "notapplicable",
    "n/a",
    "na",
    "notauthenticated",
    "unauthenticated",
    "notloggedin",
    "loggedout",
    "nobody",
    "nouser",
    "nouserid",
    "noid",
    "user",
    "userid",
    "uid",
    "id",
    "visitor",
    "customer",
    "customerid",
    "deviceid",
    "distinctid",
    "profileid",
    "email",
    "default",
    "placeholder",
    "blank",
    "missing",
];

/// Whether an identifier names nobody: it is in the list, or blocked by the connection.
pub(crate) fn is_junk(identifier: &str, blocked: &BTreeSet<String>) -> bool {
    let text = identifier.to_lowercase();
    blocked.iter().any(|blocked| blocked.trim().to_lowercase() == text) || is_of_the_list(&text)
}

fn is_of_the_list(text: &str) -> bool {
    let inner = text.trim_matches(|c: char| c.is_whitespace() || (c.is_ascii_punctuation() && c != '-'));
    let without: String = inner
        .char_indices()
        .filter(|(at, c)| !" _-".contains(*c) || (*at, *c) == (0, '-'))
        .map(|(_, c)| c)
        .collect();
    let is_listed = JUNK.contains(&without.as_str()) || without == "empty";
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let printed = ["undefined", "null", "nan", "none", "nil", "object", "function", "promise"];
    let templates = ["{{", "${", "<%", "{%", "*|", "%%", "[[", "#{", "@{"];
    is_listed
        || (words.is_empty() && text.is_ascii())
        || (!words.is_empty() && words.iter().all(|word| printed.contains(word)))
        || (!words.is_empty() && words.concat().chars().all(|c| c == '0'))
        || text == "ffffffff-ffff-ffff-ffff-ffffffffffff"
        || templates.iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_programs_are_junk() {
        for junk in [
            "undefined",
            "(not set)",
            "0",
            "-1",
            "[object Object]",
            "00000000-0000-0000-0000-000000000000",
            "{{id}}",
            "--",
        ] {
            assert!(is_junk(junk, &BTreeSet::new()), "{junk}");
        }
        for id in ["u1", "-3", "user-0", "guest-17", "名前", "10"] {
            assert!(!is_junk(id, &BTreeSet::new()), "{id}");
            assert!(is_junk(id, &BTreeSet::from([id.to_uppercase()])), "{id}");
        }
    }
}
