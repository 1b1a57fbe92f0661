//! Lists the affiliates of the account, page by page. The API states no order, so rows may move between pages while they are
//! read.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::{Client, read};
use crate::{AffiliateCode, Failure, Operation, Status, answer};

/// Maximum number of affiliates on one page. Source: Refersion REST v2, `/affiliate/list`, `limit`.
pub const MAX_LISTED: usize = 100;

/// One page of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Its affiliates, less those that cannot be read.
    pub affiliates: Vec<Listed>,
    /// Rows without a code that can be read.
    pub unreadable: usize,
    /// The number of affiliates of the account, if the answer has one. Some servers may count the rows of the page.
    pub total: Option<u64>,
}

/// An affiliate as the list shows it: without its numeric id and company, and without the fields that [`crate::Affiliate`]
/// lacks too.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its code.
    pub code: AffiliateCode,
    /// Its status; `None` if it is not one that is documented.
    pub status: Option<Status>,
    /// First name, empty for null; `None` if the answer has none.
    pub first_name: Option<String>,
    /// Last name, empty for null; `None` if the answer has none.
    pub last_name: Option<String>,
    /// Email address as Refersion stores it; empty if the answer has none.
    pub email: String,
    /// Label and value of each custom field whose value is shown.
    pub custom_fields: Vec<(String, String)>,
}

impl std::fmt::Debug for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listed")
            .field("code", &self.code)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Reads one page, counted from 1, of at most [`MAX_LISTED`] affiliates. A page after the last one is empty.
    ///
    /// # Errors
    ///
    /// As [`Client::get`].
    pub async fn list(&self, page: u32) -> Result<ListPage, Failure> {
        // Both are strings in the API's definition; numbers are answered with 422.
        let body = json!({ "limit": MAX_LISTED.to_string(), "page": page.to_string() });
        match self.call(Call::new(Operation::List, 1, &body), list_page).await {
            // Assumed, as of a search: a page without affiliates may be an error.
            Err(problem) if problem.is_not_found() => Ok(ListPage::default()),
            other => other.map_err(|problem| problem.failure),
        }
    }
}

/// Reads the answer of `/affiliate/list`, whose ids are codes.
fn list_page(object: &Map<String, Value>) -> Option<ListPage> {
    let total = object.get("total").and_then(answer::number);
    let results = object.get("results").and_then(Value::as_array);
    if total.is_none() && results.is_none() {
        return None;
    }
    let results = results.map(Vec::as_slice).unwrap_or_default();
    let affiliates: Vec<Listed> = results.iter().filter_map(listed).collect();
    Some(ListPage { unreadable: results.len() - affiliates.len(), affiliates, total })
}

fn listed(row: &Value) -> Option<Listed> {
    let text = |key: &str| answer::text(row.get(key)).unwrap_or_default();
    Some(Listed {
        code: answer::code(row.get("id"))?,
        status: Status::from_name(&text("status")),
        first_name: answer::shown(row.get("first_name")),
        last_name: answer::shown(row.get("last_name")),
        email: text("email"),
        custom_fields: read::custom_fields(row.get("custom_fields")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_usable_code_is_unreadable() {
        let long = "a".repeat(AffiliateCode::MAX_BYTES + 1);
        for code in [json!(""), json!(null), json!(long), json!(["a3"])] {
            assert!(listed(&json!({ "id": code })).is_none(), "{code}");
        }
        assert!(listed(&json!({ "id": long[1..] })).is_some());
    }

    #[test]
    fn a_value_that_the_list_does_not_show_is_not_taken_for_an_empty_one() {
        let row = json!({ "id": "a3", "last_name": null, "custom_fields": [
            { "label": "Tags", "value": ["a"] }, { "label": "None" }, { "label": "VIP", "value": true },
            { "label": "Tier", "value": null }, { "label": "Plan", "value": 3 },
        ] });
        let listed = listed(&row).unwrap();
        assert_eq!((listed.first_name, listed.last_name), (None, Some(String::new())));
        let custom = [("VIP", "true"), ("Tier", ""), ("Plan", "3")];
        assert_eq!(listed.custom_fields, custom.map(|(label, text)| (label.to_owned(), text.to_owned())));
    }
}
