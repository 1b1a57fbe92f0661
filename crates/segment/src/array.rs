//! Reads a JSON array of events, as Segment's Webhooks destinations send it in batches, into its items.
//!
//! An item is returned as its own bytes, whatever it contains: these bytes are signed and stored. Nothing is recursive, and
//! [`MAX_ITEMS`] bounds the memory that items need beside the body.

use serde_json::value::RawValue;

use crate::items::Items;

/// Maximum number of items of one array. Segment documents at most 4,000 for a batch of its Webhooks (Actions).
/// <https://segment.com/docs/connections/destinations/catalog/actions-webhook/>
pub const MAX_ITEMS: usize = 5_000;

/// The reason why an array is refused: a retry would give the same result.
#[derive(Debug, thiserror::Error)]
pub enum ArrayRefusal {
    /// No array, or no JSON in UTF-8.
    #[error("the body is not valid JSON: send an array of events in UTF-8")]
    NotAnArray,
    /// More items than [`MAX_ITEMS`].
    #[error("the array has more than {MAX_ITEMS} events: send fewer events at once")]
    TooManyEvents,
}

/// Whether a body with this beginning is an array. JSON allows four kinds of blanks before it, and no byte order mark.
/// <https://www.rfc-editor.org/rfc/rfc8259#section-2>
#[must_use]
pub fn begins_array(body: &[u8]) -> bool {
    first_byte(body) == Some(b'[')
}

/// The first byte that is no blank.
#[must_use]
pub fn first_byte(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// The items of an array, each as it is written, without blanks around it.
///
/// # Errors
///
/// [`ArrayRefusal`].
pub fn items(body: &[u8]) -> Result<Vec<&RawValue>, ArrayRefusal> {
    let Items::<MAX_ITEMS>(items) = serde_json::from_slice(body).map_err(|_| ArrayRefusal::NotAnArray)?;
    items.ok_or(ArrayRefusal::TooManyEvents)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(body: &str) -> Result<Vec<&str>, ArrayRefusal> {
        items(body.as_bytes()).map(|items| items.into_iter().map(RawValue::get).collect())
    }

    #[test]
    fn items_are_the_texts_between_commas() {
        let body = " [ {\"a\" : 1e400} ,\n\"\\ud83d\", [1, 2] ,null,-0.10]\r\n";
        assert_eq!(texts(body).unwrap(), ["{\"a\" : 1e400}", "\"\\ud83d\"", "[1, 2]", "null", "-0.10"]);
        assert!(texts("[]").unwrap().is_empty() && texts("\t[ ] ").unwrap().is_empty());
    }

    #[test]
    fn invalid_arrays_are_refused() {
        for body in ["", "[", "[1,]", "[1] [2]", "[1]]", "{}", "\u{feff}[]", "[NaN]", "[{\"a\":}]", "['a']"] {
            assert!(matches!(texts(body), Err(ArrayRefusal::NotAnArray)), "{body}");
        }
        assert!(matches!(items(b"[\"\xff\"]"), Err(ArrayRefusal::NotAnArray)));
    }

    #[test]
    fn more_items_than_the_limit_are_refused_and_exactly_the_limit_is_not() {
        let array = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert_eq!(texts(&array(MAX_ITEMS)).unwrap().len(), MAX_ITEMS);
        assert!(matches!(texts(&array(MAX_ITEMS + 1)), Err(ArrayRefusal::TooManyEvents)));
        assert!(matches!(texts(&format!("{}x", array(MAX_ITEMS + 1))), Err(ArrayRefusal::NotAnArray)));
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let deep = format!("[{}{}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(texts(&deep).unwrap().len(), 1);
    }

    /// Bytes that a reader of JSON may stumble over, and any others.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            4 => prop::sample::select(vec!["[", "]", "{", "}", ",", ":", "\"", "\\", "1", "e", "null", " ", "\\u12", "\"a\""])
                .prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".*".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 20, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::hash_map(".*", inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut body in bytes(), brackets: bool) {
            if brackets {
                body.insert(0, b'[');
                body.push(b']');
            }
            if let Ok(items) = items(&body) {
                prop_assert!(begins_array(&body));
                let together: usize = items.iter().map(|item| item.get().len()).sum();
                prop_assert!(together < body.len());
                for item in items {
                    prop_assert_eq!(item.get().trim(), item.get());
                }
            }
        }

        #[test]
        fn every_array_is_split_into_its_items(values in prop::collection::vec(json(), 0..20), blanks in "[ \t\r\n]{0,3}") {
            let written: Vec<String> = values.iter().map(ToString::to_string).collect();
            let body = format!("{blanks}[{blanks}{}{blanks}]{blanks}", written.join(&format!("{blanks},{blanks}")));
            let read = texts(&body).unwrap();
            prop_assert_eq!(read, written);
        }
    }
}
