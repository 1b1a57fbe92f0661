//! Finds the one affiliate with an address. The API searches for parts of addresses (`ann@x.com` also finds
//! `joann@x.com`), in pages of a size that it does not state, in an order that it does not state.

use std::collections::BTreeSet;

use serde_json::json;

use super::Client;
use super::call::Call;
use super::read::{self, Page};
use crate::classify::Problem;
use crate::{AffiliateCode, Class, Field, Operation};

/// At most this many pages are read in one walk; with pages of 50, that is 5,000 addresses that contain the wanted one.
const MAX_PAGES: usize = 100;

/// A row that moves to an earlier page during a walk is missed, so a walk that saw fewer affiliates than the API counts is
/// done once more.
const MAX_WALKS: usize = 2;

/// How a walk through all pages ended.
enum Walk {
    Found(AffiliateCode),
    Nobody { all_seen: bool },
}

impl Client {
    pub(super) async fn search_exactly(&self, email: &str) -> Result<Option<AffiliateCode>, Problem> {
        let email = email.trim();
        if email.is_empty() {
            return Ok(None);
        }
        for _ in 0..MAX_WALKS {
            match self.walk(email).await? {
                Walk::Found(code) => return Ok(Some(code)),
                Walk::Nobody { all_seen: true } => return Ok(None),
                Walk::Nobody { all_seen: false } => {}
            }
        }
        Ok(None)
    }

    async fn walk(&self, email: &str) -> Result<Walk, Problem> {
        let (mut seen, mut total) = (BTreeSet::new(), None);
        for number in 1..=MAX_PAGES {
            let page = self.page(email, number).await?;
            if let Some((code, _)) = page.results.iter().find(|(_, address)| same_address(address, email)) {
                return Ok(Walk::Found(code.clone()));
            }
            let is_last = page.results.is_empty();
            seen.extend(page.results.into_iter().map(|(code, _)| code));
            // Only some answers state it; without any, the walk goes on to an empty page.
            total = page.total.or(total);
            let all_seen = total.is_some_and(|total| seen.len() as u64 >= total);
            if is_last || all_seen {
                return Ok(Walk::Nobody { all_seen: all_seen || total.is_none() });
            }
        }
        let message =
            format!("more than {MAX_PAGES} pages of addresses contain this one; look for it in refersion");
        Err(Problem::unanswered(Operation::Search, Class::Refused { field: Some(Field::Email) }, message))
    }

    async fn page(&self, keyword: &str, number: usize) -> Result<Page, Problem> {
        // The page is a text in the API's definition.
        let call =
            Call::new(Operation::Search, 1, &json!({ "keyword": keyword, "page": number.to_string() }));
        match self.call(call, read::page).await {
            // No hit is a 422; so, we assume, is a page after the last one, which then ends a walk.
            Err(problem) if problem.is_not_found() => {
                Ok(Page { results: Vec::new(), total: (number == 1).then_some(0) })
            }
            other => other,
        }
    }
}

/// Whether two texts are the same email address to Refersion: trimmed, without regard to case.
pub fn same_address(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
