//! `/affiliate/get`, `/affiliate/search` and `/affiliate/list`. They return affiliates in any status, including
//! DENIED and DISABLED.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::create::link;
use super::{Account, Config};
use crate::affiliate::{Affiliate, Field, Status};
use crate::answer::Answer;
use crate::call::{List, LookupBy, Search, not_found};

/// Number of affiliates on one page of a search. Refersion does not document it.
const SEARCH_PAGE: usize = 50;

/// The same with the switch `short_pages`.
const SHORT_PAGE: usize = 3;

/// One row of `search` and `list`. Its `id` is the code; the numeric id is not returned.
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

impl<'a> Page<'a> {
    fn of(all: usize, results: Vec<Row<'a>>, config: &Config) -> Self {
        let total = if config.switches.total_is_of_the_page { results.len() } else { all };
        Self { total, results }
    }
}

impl Account {
    /// Returns one affiliate, without postal address, phone, PayPal address and ids of custom fields.
    pub(super) fn get(&self, by: &LookupBy, config: &Config) -> Answer {
        let found = match by {
            LookupBy::Id(id) => self.affiliates.get(id),
            LookupBy::Code(code) => self.find_by_code(code),
        };
        let Some(affiliate) = found else { return not_found() };
        let as_text = config.switches.get_id_as_text;
        let id: Value = if as_text { affiliate.id.to_string().into() } else { affiliate.id.into() };
        Answer::ok(&json!({
            "id": id,
            "offer_id": affiliate.offer.to_string(),
            "status": affiliate.status,
            "first_name": affiliate.texts.get(Field::FirstName),
            "last_name": affiliate.texts.get(Field::LastName),
            "company_name": affiliate.texts.get(Field::Company),
            "email": affiliate.texts.get(Field::Email),
            "link": link(&affiliate.code),
            "custom_fields": labelled(affiliate, config),
        }))
    }

    /// Finds affiliates by numeric id, by code, or by a part of their address. No hit is an error.
    pub(super) fn search(&self, search: &Search, config: &Config, now: Duration) -> Answer {
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
            .filter(|affiliate| affiliate.searchable_at <= now)
            .filter(|affiliate| has_name(affiliate, Field::FirstName, &search.first_name))
            .filter(|affiliate| has_name(affiliate, Field::LastName, &search.last_name))
            .collect();
        if hits.is_empty() && !config.switches.empty_search_is_200 {
            return Answer::refused(&["Could not find affiliates with this keyword."]);
        }
        let rows = if config.switches.short_pages { SHORT_PAGE } else { SEARCH_PAGE };
        let page = hits.iter().skip((search.page - 1).saturating_mul(rows)).take(rows);
        let results = page.map(|affiliate| row(affiliate, config)).collect();
        Answer::ok(&Page::of(hits.len(), results, config))
    }

    /// Lists affiliates, newest first. No order is documented; with this one, rows move between pages during a pass.
    pub(super) fn list(&self, list: &List, config: &Config) -> Answer {
        let start = (list.page - 1).saturating_mul(list.limit);
        let ids = self.order.iter().rev().skip(start).take(list.limit);
        let results =
            ids.filter_map(|id| self.affiliates.get(id)).map(|affiliate| row(affiliate, config)).collect();
        Answer::ok(&Page::of(self.order.len(), results, config))
    }
}

fn has_name(affiliate: &Affiliate, field: Field, wanted: &str) -> bool {
    wanted.is_empty() || affiliate.texts.get(field).to_lowercase() == wanted.to_lowercase()
}

fn row<'a>(affiliate: &'a Affiliate, config: &Config) -> Row<'a> {
    Row {
        id: &affiliate.code,
        offer_id: affiliate.offer.to_string(),
        status: affiliate.status,
        first_name: affiliate.texts.get(Field::FirstName),
        last_name: affiliate.texts.get(Field::LastName),
        email: affiliate.texts.get(Field::Email),
        custom_fields: labelled(affiliate, config),
    }
}

fn labelled(affiliate: &Affiliate, config: &Config) -> Value {
    let fields = affiliate.custom_fields.iter();
    fields.map(|(id, value)| json!({ "label": config.label(*id), "value": value })).collect()
}
