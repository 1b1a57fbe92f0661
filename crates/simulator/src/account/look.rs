//! `/affiliate/get`, `/affiliate/search` and `/affiliate/list`. Statuses make no difference: reads see DENIED and
//! DISABLED affiliates as well.

use serde::Serialize;
use serde_json::{Value, json};

use super::create::link;
use super::{Account, World};
use crate::affiliate::{Affiliate, Field, Status};
use crate::answer::Answer;
use crate::call::{List, Search, Which, not_found};

/// Affiliates on one page of a search. Refersion does not state it.
const SEARCH_PAGE: usize = 50;

/// One row of `search` and `list`. Its `id` is the code; the numeric id is not in it.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    offer_id: String,
    status: Status,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    custom_fields: Value,
}

#[derive(Serialize)]
struct Page<'a> {
    total: usize,
    results: Vec<Row<'a>>,
}

impl Account {
    /// Neither the address, nor phone, nor PayPal address, nor ids of custom fields are shown.
    pub(super) fn get(&self, which: &Which, world: &World) -> Answer {
        let found = match which {
            Which::Id(id) => self.affiliates.get(id),
            Which::Code(code) => self.find_by_code(code),
        };
        let Some(affiliate) = found else { return not_found() };
        let id =
            if world.switches.get_id_as_text { affiliate.id.to_string().into() } else { affiliate.id.into() };
        let id: Value = id;
        Answer::ok(&json!({
            "id": id,
            "offer_id": affiliate.offer.to_string(),
            "status": affiliate.status,
            "first_name": affiliate.texts.get(Field::FirstName),
            "last_name": affiliate.texts.get(Field::LastName),
            "company_name": affiliate.texts.get(Field::Company),
            "email": affiliate.texts.get(Field::Email),
            "link": link(&affiliate.code),
            "custom_fields": labelled(affiliate, world),
        }))
    }

    /// A whole numeric id, a whole code, or a part of an address. No hit is an error.
    pub(super) fn search(&self, search: &Search, world: &World) -> Answer {
        let mut ids = self.emails.containing(&search.keyword);
        let by_id = search.keyword.parse().ok().filter(|id| self.affiliates.contains_key(id));
        for id in by_id.into_iter().chain(self.codes.get(search.keyword.as_str()).copied()) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let hits: Vec<&Affiliate> = ids
            .iter()
            .filter_map(|id| self.affiliates.get(id))
            .filter(|affiliate| has_name(affiliate, Field::FirstName, &search.first_name))
            .filter(|affiliate| has_name(affiliate, Field::LastName, &search.last_name))
            .collect();
        if hits.is_empty() && !world.switches.empty_search_is_200 {
            return Answer::refused(&["Could not find affiliates with this keyword."]);
        }
        let shown = hits.iter().skip((search.page - 1).saturating_mul(SEARCH_PAGE)).take(SEARCH_PAGE);
        Answer::ok(&Page {
            total: hits.len(),
            results: shown.map(|affiliate| row(affiliate, world)).collect(),
        })
    }

    /// Newest first: no order is documented, and this one moves rows between the pages of a walk.
    pub(super) fn list(&self, list: &List, world: &World) -> Answer {
        let start = (list.page - 1).saturating_mul(list.limit);
        let ids = self.order.iter().rev().skip(start).take(list.limit);
        let results =
            ids.filter_map(|id| self.affiliates.get(id)).map(|affiliate| row(affiliate, world)).collect();
        Answer::ok(&Page { total: self.order.len(), results })
    }
}

fn has_name(affiliate: &Affiliate, field: Field, wanted: &str) -> bool {
    wanted.is_empty() || affiliate.texts.get(field).to_lowercase() == wanted.to_lowercase()
}

fn row<'a>(affiliate: &'a Affiliate, world: &World) -> Row<'a> {
    Row {
        id: &affiliate.code,
        offer_id: affiliate.offer.to_string(),
        status: affiliate.status,
        first_name: affiliate.texts.get(Field::FirstName),
        last_name: affiliate.texts.get(Field::LastName),
        email: affiliate.texts.get(Field::Email),
        custom_fields: labelled(affiliate, world),
    }
}

fn labelled(affiliate: &Affiliate, world: &World) -> Value {
    let fields = affiliate.custom_fields.iter();
    fields.map(|(id, value)| json!({ "label": world.label(*id), "value": value })).collect()
}
