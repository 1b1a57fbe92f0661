//! The column `external_ids`: a JSON object of identifiers by their type, each a list of texts.

use serde_json::{Map, Value};

use crate::identifiers::Identifiers;

/// Quotation marks that the samples in Segment's documentation contain instead of JSON's, often only on one side. Source:
/// `engage/files/audience_csv_format_b.csv` of `segmentio/segment-docs`.
const TYPOGRAPHIC: [char; 5] = ['“', '”', '„', '‟', '″'];

/// Adds the identifiers of a cell, those of each type in order. An empty cell adds none. Returns `None` if the cell cannot be parsed.
pub(crate) fn read(cell: &str, found: &mut Identifiers) -> Option<()> {
    if cell.trim().is_empty() {
        return Some(());
    }
    let parsed =
        serde_json::from_str(cell).or_else(|_| serde_json::from_str(&cell.replace(TYPOGRAPHIC, "\"")));
    let types: Map<String, Value> = parsed.ok()?;
    for (name, value) in &types {
        let add = match segment::fold_key(name).as_str() {
            "userid" => Identifiers::add_user,
            "email" => Identifiers::add_email,
            "anonymousid" => Identifiers::add_anonymous,
            _ => continue,
        };
        each_text(value, &mut |text| add(found, text));
    }
    Some(())
}

fn each_text(value: &Value, add: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => add(text),
        Value::Number(number) => add(&number.to_string()),
        Value::Array(values) => {
            values.iter().filter(|value| !value.is_array()).for_each(|value| each_text(value, add));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cell: &str) -> Option<Identifiers> {
        let mut found = Identifiers::default();
        read(cell, &mut found).map(|()| found)
    }

    #[test]
    fn typographic_quotes_are_read_as_json_quotes_outside_texts() {
        let ids = of(r#"{“anonymous_id":["anon_2"], "email": [“green@force.com”, "x@y.z"]}"#).unwrap();
        assert_eq!(ids.anonymous, ["anon_2"]);
        assert_eq!(ids.emails, ["green@force.com", "x@y.z"]);
        let inside = of(r#"{"user_id":["O“Neil”"]}"#).unwrap();
        assert_eq!(inside.users, ["O“Neil”"], "those within a text belong to it");
    }

    #[test]
    fn external_ids_of_other_shapes_are_read_as_far_as_possible() {
        let ids = of(r#"{"user_id":7,"email":"a@b.c","anonymous_id":[1,null,["x"],"y"]}"#).unwrap();
        assert_eq!((ids.users, ids.emails), (vec!["7".to_owned()], vec!["a@b.c".to_owned()]));
        assert_eq!(ids.anonymous, ["1", "y"]);
        assert!(of("").unwrap().is_empty());
        for cell in ["[]", "{", "a", "1"] {
            assert!(of(cell).is_none(), "{cell}");
        }
    }
}
