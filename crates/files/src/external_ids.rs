//! The column `external_ids`: a JSON object of identifiers by their type, each a list of texts.

use serde_json::Value;

/// Quotation marks that the samples of Segment's documentation have in the place of the one of JSON, often only on one side.
/// Source: `engage/files/audience_csv_format_b.csv` of `segmentio/segment-docs`.
const TYPOGRAPHIC: [char; 5] = ['“', '”', '„', '‟', '″'];

/// The identifiers of one type, in order.
pub(crate) struct ExternalIds(serde_json::Map<String, Value>);

/// Reads a cell. An empty one has no identifiers; `None` if it cannot be read.
pub(crate) fn read(cell: &str) -> Option<ExternalIds> {
    if cell.trim().is_empty() {
        return Some(ExternalIds(serde_json::Map::new()));
    }
    let parsed =
        serde_json::from_str(cell).or_else(|_| serde_json::from_str(&cell.replace(TYPOGRAPHIC, "\"")));
    parsed.ok().map(ExternalIds)
}

impl ExternalIds {
    /// The identifiers of the type with this folded name.
    pub(crate) fn of(&self, kind: &str) -> Vec<String> {
        let same = self.0.iter().filter(|(name, _)| segment::fold_key(name) == kind);
        same.flat_map(|(_, value)| texts(value)).collect()
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(values) => values.iter().filter(|value| !value.is_array()).flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typographic_quotes_are_read_where_they_stand_for_those_of_json() {
        let ids = read(r#"{“anonymous_id":["anon_2"], "email": [“green@force.com”, "x@y.z"]}"#).unwrap();
        assert_eq!(ids.of("anonymousid"), ["anon_2"]);
        assert_eq!(ids.of("email"), ["green@force.com", "x@y.z"]);
        let inside = read(r#"{"user_id":["O“Neil”"]}"#).unwrap();
        assert_eq!(inside.of("userid"), ["O“Neil”"], "those within a text belong to it");
    }

    #[test]
    fn shapes_that_are_no_lists_of_texts_are_read_as_far_as_they_go() {
        let ids = read(r#"{"user_id":7,"email":"a@b.c","anonymous_id":[1,null,["x"],"y"]}"#).unwrap();
        assert_eq!(ids.of("userid"), ["7"]);
        assert_eq!(ids.of("email"), ["a@b.c"]);
        assert_eq!(ids.of("anonymousid"), ["1", "y"]);
        assert!(read("").unwrap().of("email").is_empty());
        for cell in ["[]", "{", "a", "1"] {
            assert!(read(cell).is_none(), "{cell}");
        }
    }
}
