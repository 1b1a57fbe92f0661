//! The request of a failed call as operators see it: the operation and its fields, without any value of a person.

use serde_json::{Map, Value, json};

use super::{CallOutcome, CallRequest, Item, operation};
use identity::plan::StepKind;

/// Maximum number of bytes that are stored of one request.
const MAX_BYTES: usize = 4 * 1024;

impl Item {
    /// The request for this item, as JSON: of each value only the number of characters.
    pub(super) fn request(&self, kind: StepKind) -> String {
        let mut request = Map::new();
        request.insert("operation".to_owned(), operation(kind).name().into());
        let mut fields: Vec<(String, Value)> = Vec::new();
        match &self.request {
            CallRequest::Create { email, merchant_id, fields: texts, .. } => {
                fields.push(("email".to_owned(), length(email)));
                fields.extend(merchant_id.iter().map(|id| ("unique_merchant_id".to_owned(), length(id))));
                fields.extend(texts.iter().map(|(field, text)| (field.to_string(), length(text))));
            }
            CallRequest::Edit { id, email, fields: texts, .. } => {
                request.insert("affiliate_id".to_owned(), (*id).into());
                fields.extend(email.iter().map(|(_, email)| ("email".to_owned(), length(email))));
                fields.extend(texts.iter().map(|(field, text)| (field.to_string(), length(text))));
            }
            CallRequest::Status { id, status } => {
                request.insert("affiliate_id".to_owned(), (*id).into());
                request.insert("status".to_owned(), json!(format!("{status:?}").to_lowercase()));
            }
            CallRequest::Search { email, .. } => fields.push(("email".to_owned(), length(email))),
        }
        capped(request, fields)
    }
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

/// Adds its request to each outcome.
pub(super) fn note(outcomes: &mut [CallOutcome], items: &[Item], kind: StepKind) {
    for outcome in outcomes {
        let item = items.iter().find(|item| item.anchor == outcome.anchor);
        outcome.request = item.map(|item| item.request(kind));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::Digest;

    #[test]
    fn a_request_names_fields_and_no_value() {
        let fields =
            [("phone".into(), "555-1234".into()), ("company".into(), "".into())].into_iter().collect();
        let request = CallRequest::Edit {
            id: 17,
            email: Some((Digest([1; 16]), "ann@example.org".into())),
            fields,
            scrub: false,
        };
        let item = Item { anchor: Digest([1; 16]), request };
        let request = item.request(StepKind::Edit);
        let expected = json!({"operation": "edit", "affiliate_id": 17, "fields":
            {"email": "(15 characters)", "phone": "(8 characters)", "company": "(empty)"}});
        assert_eq!(serde_json::from_str::<Value>(&request).unwrap(), expected);
    }

    #[test]
    fn a_request_with_many_fields_is_cut() {
        let field = |number| (format!("custom:{number}").as_str().into(), "x".into());
        let fields = (0..1_000).map(field).collect();
        let request = CallRequest::Edit { id: 17, email: None, fields, scrub: false };
        let request = Item { anchor: Digest([1; 16]), request }.request(StepKind::Edit);
        assert!(request.len() <= MAX_BYTES, "{}", request.len());
        assert!(serde_json::from_str::<Value>(&request).unwrap()["other_fields"].as_u64() > Some(100));
    }
}
