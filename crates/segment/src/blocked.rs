//! Identifiers that name nobody: `undefined`, `null`, `0`, `guest`, the zero UUID, and other values that programs send if
//! they know no identifier.
//!
//! Two people with one such identifier would become one person. So it does not count, in identifies and in deletes.
//! Sources of the words: the lists of PostHog and Amplitude, and reports about Segment's libraries.

use std::collections::BTreeSet;

/// Words that stand for no identifier, in lower case, without spaces, hyphens, underscores and signs around them.
const WORDS: [&str; 51] = [
    "-1",
    "-infinity",
    "anon",
    "anonymous",
    "anonymousid",
    "anonymoususer",
    "blank",
    "customer",
    "customerid",
    "default",
    "deviceid",
    "distinctid",
    "email",
    "empty",
    "false",
    "guest",
    "guestid",
    "guestuser",
    "id",
    "infinity",
    "loggedout",
    "missing",
    "n/a",
    "na",
    "nan",
    "nil",
    "nobody",
    "noid",
    "none",
    "notapplicable",
    "notauthenticated",
    "notavailable",
    "notdefined",
    "notloggedin",
    "notset",
    "nouser",
    "nouserid",
    "null",
    "placeholder",
    "profileid",
    "true",
    "uid",
    "unauthenticated",
    "undefined",
    "unidentified",
    "unknown",
    "unknownuser",
    "unset",
    "user",
    "userid",
    "visitor",
];

/// Words of programming languages: an identifier of such words alone is a value that was never set, or a printed object.
const PROGRAM_WORDS: [&str; 8] = ["undefined", "null", "nan", "none", "nil", "object", "function", "promise"];

/// The beginnings of templates whose variables were not filled in.
const TEMPLATES: [&str; 9] = ["{{", "${", "<%", "{%", "*|", "%%", "[[", "#{", "@{"];

/// Which identifiers do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    /// Whether the default list counts too.
    standard: bool,
    /// Further identifiers, in the form in which they are compared.
    more: BTreeSet<String>,
}

impl Blocked {
    /// The default list.
    #[must_use]
    pub fn standard() -> Self {
        Self { standard: true, more: BTreeSet::new() }
    }

    /// Blocks further identifiers, in any case.
    #[must_use]
    pub fn and<'t>(mut self, more: impl IntoIterator<Item = &'t str>) -> Self {
        self.more.extend(more.into_iter().map(folded).filter(|text| !text.is_empty()));
        self
    }

    /// The name of a blocked identifier for reports; `None` if it is not blocked. There are few different names: one for
    /// each entry of the lists, and one for each kind that no list can contain.
    #[must_use]
    pub fn name(&self, identifier: &str) -> Option<String> {
        let text = folded(identifier);
        if self.more.contains(&text) {
            return Some(text);
        }
        if self.standard { standard_name(&text) } else { None }
    }
}

/// Whether two texts block the same identifiers.
#[must_use]
pub fn is_same_identifier(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

/// The form in which identifiers are compared with further ones.
fn folded(identifier: &str) -> String {
    crate::text::visible(identifier).to_lowercase()
}

fn standard_name(text: &str) -> Option<String> {
    let word = word_of(text);
    if WORDS.contains(&word.as_str()) {
        return Some(word);
    }
    kind_of(text).map(str::to_owned)
}

/// An identifier without the quotes and brackets around it, and without the characters that separate words.
fn word_of(text: &str) -> String {
    let is_around = |c: char| c.is_ascii_punctuation() && c != '-' || c.is_whitespace();
    let inner = text.trim_matches(is_around);
    let (sign, rest) = inner.strip_prefix('-').map_or(("", inner), |rest| ("-", rest));
    sign.chars().chain(rest.chars().filter(|c| !matches!(c, ' ' | '_' | '-'))).collect()
}

fn kind_of(text: &str) -> Option<&'static str> {
    let mut letters = text.chars().filter(|c| c.is_alphanumeric()).peekable();
    if letters.peek().is_none() {
        return text.is_ascii().then_some("(only signs)");
    }
    if letters.all(|c| c == '0') {
        return Some("(only zeros)");
    }
    if text.len() == 36 && text.chars().all(|c| matches!(c, 'f' | '-')) {
        return Some("(the last uuid)");
    }
    if TEMPLATES.iter().any(|start| text.starts_with(start)) {
        return Some("(a template)");
    }
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.into_iter().all(|word| PROGRAM_WORDS.contains(&word)).then_some("(a printed value)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(identifier: &str) -> Option<String> {
        Blocked::standard().name(identifier)
    }

    #[test]
    fn placeholders_of_programs_are_blocked() {
        for junk in [
            "undefined",
            "Undefined",
            " null ",
            "NULL",
            "None",
            "nil",
            "NaN",
            "false",
            "true",
            "0",
            "-1",
            "0.0",
            "-0",
            "000",
            "[object Object]",
            "[object Undefined]",
            "guest",
            "Guest User",
            "anonymous",
            "unknown",
            "n/a",
            "N/A",
            "(not set)",
            "not_set",
            "\"undefined\"",
            "'null'",
            "<null>",
            "(none)",
            "[null]",
            "undefined,undefined",
            "null null",
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "{{user_id}}",
            "{{ user.id }}",
            "${userId}",
            "%%user_id%%",
            "<%= id %>",
            "%USER_ID%",
            "<user_id>",
            "user_id",
            "userId",
            "-",
            "--",
            "?",
            "[]",
            "{}",
            "\u{200b}null",
            "Infinity",
            "-Infinity",
        ] {
            assert!(name(junk).is_some(), "{junk}");
        }
    }

    #[test]
    fn ordinary_identifiers_are_not_blocked() {
        for id in [
            "u1",
            "1",
            "-3",
            "10",
            "-2",
            "0a",
            "user-0",
            "user_1",
            "anon-0",
            "guest-123",
            "nullman",
            "none@x.io",
            "Guestrow",
            "00000000-0000-0000-0000-000000000001",
            "🎉",
            "名前",
            "unknown@x.io",
            "test",
            "ann",
            "object-7",
            "idris",
            "true-north",
        ] {
            assert_eq!(name(id), None, "{id}");
        }
    }

    #[test]
    fn further_identifiers_are_compared_without_case() {
        let blocked = Blocked::default().and(["Demo-User", " "]);
        assert_eq!(blocked.name(" demo-user").as_deref(), Some("demo-user"));
        assert_eq!(blocked.name("demouser"), None);
        assert_eq!(blocked.name("undefined"), None, "the default list is asked for by itself");
        assert_eq!(Blocked::standard().and(["Demo"]).name("null").as_deref(), Some("null"));
    }
}
