//! Converts the JSON objects of successful answers. `None` means that the object is not an answer to the operation.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{Affiliate, AffiliateCode, AffiliateId, Batch, Created, LookupBy, Status, answer};

type Object = Map<String, Value>;

/// One page of a search: code and email address of each affiliate, and the number of affiliates on all pages.
pub(super) struct Page {
    pub(super) results: Vec<(AffiliateCode, String)>,
    pub(super) total: Option<u64>,
}

/// Reads the answer of `/affiliate/new`, whose `id` is the code.
pub(super) fn created(object: &Object) -> Option<Created> {
    let code = answer::code(object.get("id"))?;
    let message = answer::text(object.get("message")).unwrap_or_default();
    let id = id_in_message(&message, &code);
    Some(Created {
        id,
        merchant_id_refused: false,
        link: answer::text(object.get("link")).unwrap_or_default(),
        code,
    })
}

/// The number in `The affiliate 37569297 has been created with the status of ACTIVE.` The message is in the API's
/// example but not in its schema, so it may be absent. Any other sentence may hold any other number, so it names no id. Nor
/// does a number that is equal to the code, because codes may be all digits.
fn id_in_message(message: &str, code: &AffiliateCode) -> Option<AffiliateId> {
    let rest = message.trim().strip_prefix("The affiliate ")?;
    let (number, status) = rest.split_once(" has been created with the status of ")?;
    let is_status = status.strip_suffix('.').is_some_and(|status| Status::from_name(status).is_some());
    if !is_status || number == code.as_str() {
        return None;
    }
    answer::digits(number).filter(|id| *id > 0).map(AffiliateId)
}

/// Reads the answer of `/affiliate/get`, whose `id` is the numeric id.
pub(super) fn affiliate(object: &Object, by: &LookupBy) -> Option<Affiliate> {
    let id = object.get("id")?;
    let code = match by {
        // Version 1 of the API returned the code here, which is not a numeric id even if it is all digits.
        LookupBy::Code(code) if id.as_str() == Some(code.as_str()) => return None,
        LookupBy::Code(code) => Some(code.clone()),
        LookupBy::Id(_) => code_in_link(&answer::text(object.get("link")).unwrap_or_default()),
    };
    let text = |key: &str| answer::text(object.get(key)).unwrap_or_default();
    Some(Affiliate {
        id: AffiliateId(answer::number(id)?),
        code,
        status: Status::from_name(&text("status")),
        first_name: text("first_name"),
        last_name: text("last_name"),
        company: text("company_name"),
        email: text("email"),
        custom_fields: custom_fields(object.get("custom_fields")),
    })
}

fn code_in_link(link: &str) -> Option<AffiliateCode> {
    let (_, code) = link.rsplit_once("/c/")?;
    let plain = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| AffiliateCode(code.to_owned()))
}

pub(super) fn custom_fields(value: Option<&Value>) -> Vec<(String, String)> {
    let fields = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    fields
        .iter()
        .filter_map(|field| {
            let label = answer::text(field.get("label"))?;
            Some((label, answer::shown(field.get("value"))?))
        })
        .collect()
}

/// Reads the answer of `edit` and `status_change`. An affiliate in both lists, or in neither, counts as not changed:
/// the caller then checks it, while "changed" is final.
pub(super) fn batch(object: &Object, requested: &[AffiliateId]) -> Option<Batch> {
    if !object.contains_key("ids_changed") && !object.contains_key("ids_not_changed") {
        return None;
    }
    let ids = |key: &str| -> BTreeSet<AffiliateId> {
        let list = object.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(answer::number).map(AffiliateId).collect()
    };
    let (listed_changed, listed_not_changed) = (ids("ids_changed"), ids("ids_not_changed"));
    let (changed, not_changed) =
        requested.iter().partition(|id| listed_changed.contains(*id) && !listed_not_changed.contains(*id));
    Some(Batch { changed, not_changed })
}

/// Reads the answer of `/affiliate/search`, whose ids are codes. Skips entries that cannot be read.
pub(super) fn page(object: &Object) -> Option<Page> {
    let total = object.get("total").and_then(answer::number);
    let results = object.get("results").and_then(Value::as_array);
    if total.is_none() && results.is_none() {
        return None;
    }
    let results = results.map(Vec::as_slice).unwrap_or_default();
    let entry = |entry: &Value| {
        Some((answer::code(entry.get("id"))?, answer::text(entry.get("email")).unwrap_or_default()))
    };
    Some(Page { results: results.iter().filter_map(entry).collect(), total })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Object, affiliate, batch, created};
    use crate::{AffiliateCode, AffiliateId, LookupBy};

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    fn id_from(code: Value, message: &str) -> Option<u64> {
        created(&object(json!({ "id": code, "link": "", "message": message }))).unwrap().id.map(|id| id.0)
    }

    #[test]
    fn the_numeric_id_is_read_from_the_message_of_a_create_only_if_it_cannot_be_the_code() {
        let message = "The affiliate 37569297 has been created with the status of ACTIVE.";
        assert_eq!(id_from(json!("a3y7"), message), Some(37_569_297));
        assert_eq!(id_from(json!("a3y7"), "The affiliate a3y7 has been created."), None);
        assert_eq!(id_from(json!("6905"), "The affiliate 6905 has been created."), None);
        assert_eq!(id_from(json!(6905), ""), None);
        for other in [
            "1 affiliate has been created.",
            "The affiliate 1 has been created.",
            "Affiliate 1 has been created with the status of ACTIVE.",
            "The affiliate 1 has been created with the status of 2.",
            "The affiliate 0 has been created with the status of ACTIVE.",
            "The affiliate 7 of 9 has been created with the status of ACTIVE.",
            "The affiliate +7 has been created with the status of ACTIVE.",
            "The affiliate 7 has been created with the status of ACTIVE. Its offer is 3.",
        ] {
            assert_eq!(id_from(json!("a3y7"), other), None, "{other}");
        }
    }

    #[test]
    fn an_all_digit_code_in_place_of_the_number_is_not_taken_for_it() {
        let by = LookupBy::Code(AffiliateCode("6905".into()));
        assert!(affiliate(&object(json!({ "id": "6905", "status": "ACTIVE" })), &by).is_none());
        let found = affiliate(&object(json!({ "id": "37569297", "status": "ACTIVE" })), &by).unwrap();
        assert_eq!(found.id, AffiliateId(37_569_297));
    }

    #[test]
    fn a_lookup_by_numeric_id_reads_the_code_from_the_link() {
        let answer = json!({ "id": 7, "status": "DISABLED", "link": "https://shop.refersion.com/c/a3y7" });
        let found = affiliate(&object(answer), &LookupBy::Id(AffiliateId(7))).unwrap();
        assert_eq!(found.code, Some(AffiliateCode("a3y7".into())));
    }

    #[test]
    fn an_affiliate_in_neither_list_or_in_both_counts_as_not_changed() {
        let requested = [1, 2, 3, 4].map(AffiliateId);
        let answer = object(json!({ "ids_changed": [1, "2", 9, 4], "ids_not_changed": [4] }));
        let batch = batch(&answer, &requested).unwrap();
        assert_eq!(batch.changed, [1, 2].map(AffiliateId).into());
        assert_eq!(batch.not_changed, [3, 4].map(AffiliateId).into());
        assert!(super::batch(&object(json!({ "ok": true })), &requested).is_none());
    }
}
