//! Masks personal data for viewers.

use ledger::AttemptView;
use ledger::groups::Cause;
use serde_json::Value;

/// In the place of a value.
pub(super) const MASKED: &str = "…";

/// A text of Refersion without quoted words and words with digits or an `@`.
pub(super) fn text(text: &str) -> String {
    Cause::of("", None, None, text).text
}

/// A selector without the names of connections that the operator may not see.
pub(super) fn selector(text: &str, is_seen: impl Fn(&str) -> bool) -> String {
    const KEY: &str = "connection:";
    let term = |term: &str| match term.strip_prefix(KEY) {
        Some(names) => {
            let seen = names.split(',').map(|name| if is_seen(name) { name } else { MASKED });
            format!("{KEY}{}", seen.collect::<Vec<_>>().join(","))
        }
        None => term.to_owned(),
    };
    text.split(' ').map(term).collect::<Vec<_>>().join(" ")
}

/// The subject and the selector of an audited act on dead letters, without the names of connections that the operator may not see: the
/// subject repeats the selector between backticks. Of a long selector it has only the beginning, which is then left out.
pub(super) fn act(subject: &str, text: &str, is_seen: impl Fn(&str) -> bool) -> (String, String) {
    let shown = selector(text, is_seen);
    let subject = match subject.split_once('`') {
        Some((before, _)) if shown != text && !subject.contains(text) => format!("{before}`{MASKED}`"),
        _ => subject.replace(text, &shown),
    };
    (subject, shown)
}

/// Failed calls with masked texts.
pub(super) fn attempts(attempts: &mut [AttemptView]) {
    attempts.iter_mut().for_each(|attempt| attempt.message = text(&attempt.message));
}

/// An event with its keys, and its type if that is one of Segment's that are read; every other value is masked.
pub(super) fn json(event: Value) -> Value {
    let is_known = |kind: &&Value| matches!(kind.as_str(), Some("identify" | "delete"));
    let kind = event.get("type").filter(is_known).cloned();
    let mut event = values(event);
    if let (Some(kind), Some(shown)) = (kind, event.get_mut("type")) {
        *shown = kind;
    }
    event
}

fn values(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(key, value)| (key, values(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(values).collect()),
        Value::Null => Value::Null,
        _ => MASKED.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as j;

    use super::*;

    #[test]
    fn values_are_masked_and_keys_are_kept() {
        let event = j!({ "type": "identify", "traits": { "name": "Ann", "age": 3, "tags": ["a", null] } });
        let masked = j!({ "type": "identify", "traits": { "name": "…", "age": "…", "tags": ["…", null] } });
        assert_eq!(json(event), masked);
        assert_eq!(json("not an event".into()), j!("…"));
    }

    #[test]
    fn a_selector_is_shown_without_hidden_connections() {
        let shown = selector("class:refused connection:shop,hidden (plan 3)", |name| name == "shop");
        assert_eq!(shown, "class:refused connection:shop,… (plan 3)");
    }

    #[test]
    fn an_audited_act_names_no_hidden_connection() {
        let text = "connection:shop,hidden state:open";
        let (subject, shown) =
            act(&format!("3 dead letters of `{text}`: a test"), text, |name| name == "shop");
        assert_eq!(shown, "connection:shop,… state:open");
        assert_eq!(subject, format!("3 dead letters of `{shown}`: a test"));
    }

    #[test]
    fn an_audited_act_with_a_cut_selector_names_no_hidden_connection() {
        let text = format!("connection:shop,hidden {}", "field:email ".repeat(80));
        let cut: String = format!("3 dead letters of `{text}`: a test").chars().take(900).collect();
        assert_eq!(act(&cut, &text, |name| name == "shop").0, "3 dead letters of `…`");
        assert_eq!(act(&cut, &text, |_| true).0, cut, "nothing is hidden");
    }

    #[test]
    fn a_type_is_kept_only_of_the_event_itself_and_only_a_known_one() {
        let event = j!({ "type": "delete", "traits": { "type": "delete", "of": [{ "type": "Ann" }] } });
        let masked = j!({ "type": "delete", "traits": { "type": "…", "of": [{ "type": "…" }] } });
        assert_eq!(json(event), masked);
        assert_eq!(json(j!({ "type": "Ann" })), j!({ "type": "…" }));
        assert_eq!(json(j!([{ "type": "identify" }])), j!([{ "type": "…" }]));
    }
}
