//! The request of a failed call as operators see it: the operation and its fields, without any value of a person.

use identity::Digest;
use serde_json::{Map, Value, json};

use super::{CallOutcome, CallRequest};

/// Maximum number of bytes that are stored of one request.
const MAX_BYTES: usize = 4 * 1024;

/// Adds its request to each outcome.
pub(super) fn note(outcomes: &mut [CallOutcome], request: &CallRequest) {
    for outcome in outcomes {
        outcome.request = for_item(request, outcome.anchor);
    }
}

/// The request for one item, as JSON: of each value only the number of characters.
fn for_item(call: &CallRequest, anchor: Digest) -> Option<String> {
    let mut request = Map::new();
    request.insert("operation".to_owned(), call.operation().name().into());
    let mut fields: Vec<(String, Value)> = Vec::new();
    match call {
        CallRequest::Create(create) => {
            fields.push(("email".to_owned(), length(&create.email)));
            fields.extend(create.merchant_id.iter().map(|id| ("unique_merchant_id".to_owned(), length(id))));
            fields.extend(create.fields.iter().map(|(field, text)| (field.to_string(), length(text))));
        }
        CallRequest::Edit(edits) => {
            let edit = edits.iter().find(|edit| edit.anchor == anchor)?;
            request.insert("affiliate_id".to_owned(), edit.id.into());
            fields.extend(edit.email.iter().map(|(_, email)| ("email".to_owned(), length(email))));
            fields.extend(edit.fields.iter().map(|(field, text)| (field.to_string(), length(text))));
        }
        CallRequest::Status(status, changes) => {
            let change = changes.iter().find(|change| change.anchor == anchor)?;
            request.insert("affiliate_id".to_owned(), change.id.into());
            request.insert("status".to_owned(), json!(format!("{status:?}").to_lowercase()));
        }
        CallRequest::Search(search) => fields.push(("email".to_owned(), length(&search.email))),
    }
    Some(capped(request, fields))
}

/// Adds the fields as far as there is room, and the number of the others.
fn capped(mut request: Map<String, Value>, fields: Vec<(String, Value)>) -> String {
    let all = fields.len();
    let (mut kept, mut bytes) = (Map::new(), 0);
    for (field, value) in fields {
        bytes += field.len() + value.to_string().len() + 4;
        if bytes > MAX_BYTES - 256 {
            break;
        }
        kept.insert(field, value);
    }
    if kept.len() < all {
        request.insert("other_fields".to_owned(), (all - kept.len()).into());
    }
    request.insert("fields".to_owned(), Value::Object(kept));
    Value::Object(request).to_string()
}

fn length(text: &str) -> Value {
    match text.chars().count() {
        0 => json!("(empty)"),
        1 => json!("(1 character)"),
        count => json!(format!("({count} characters)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::{Edit, Texts};

    /// The request of an edit.
    fn edited(email: Option<&str>, fields: Texts) -> String {
        let anchor = Digest([1; 16]);
        let email = email.map(|email| (anchor, email.to_owned()));
        let edit = Edit { anchor, id: 17, email, fields, scrub: false };
        for_item(&CallRequest::Edit(vec![edit]), anchor).expect("it is in the call")
    }

    #[test]
    fn a_request_names_fields_and_no_value() {
        let fields =
            [("phone".into(), "555-1234".into()), ("company".into(), "".into())].into_iter().collect();
        let request = edited(Some("ann@example.org"), fields);
        let expected = json!({"operation": "edit", "affiliate_id": 17, "fields":
            {"email": "(15 characters)", "phone": "(8 characters)", "company": "(empty)"}});
        assert_eq!(serde_json::from_str::<Value>(&request).unwrap(), expected);
    }

    #[test]
    fn a_request_with_many_fields_is_cut() {
        let field = |number| (format!("custom:{number}").as_str().into(), "x".into());
        let request = edited(None, (0..1_000).map(field).collect());
        assert!(request.len() <= MAX_BYTES, "{}", request.len());
        assert!(serde_json::from_str::<Value>(&request).unwrap()["other_fields"].as_u64() > Some(100));
    }
}
