//! Finds the affiliate with an exact email address. The API matches parts of addresses (`ann@x.com` also finds
//! `joann@x.com`) and documents neither the page size nor the order of the results.

use std::collections::BTreeSet;

use serde_json::json;

use super::Client;
use super::call::Call;
use super::read::{self, Page};
use crate::classify::Problem;
use crate::{AffiliateCode, Class, Field, Operation};

/// Maximum number of pages of one pass. With pages of 50, that is 5,000 addresses that contain the wanted one.
const MAX_PAGES: usize = 100;

/// Maximum number of passes over all pages. A row that moves to an earlier page during a pass is missed, so a pass
/// that saw fewer affiliates than the API counts is repeated.
const MAX_PASSES: usize = 2;

/// The result of one pass over all pages.
enum Pass {
    Found(AffiliateCode),
    NotFound { complete: bool },
}

impl Client {
    pub(super) async fn search_exactly(&self, email: &str) -> Result<Option<AffiliateCode>, Problem> {
        let email = email.trim();
        if email.is_empty() {
            return Ok(None);
        }
        for _ in 0..MAX_PASSES {
            match self.search_pages(email).await? {
                Pass::Found(code) => return Ok(Some(code)),
                Pass::NotFound { complete: true } => return Ok(None),
                Pass::NotFound { complete: false } => {}
            }
        }
        Ok(None)
    }

    /// Reads pages until one brings nothing new: `total` may count all affiliates or those of the page, and a page after
    /// the last one may be empty, or the last one again.
    async fn search_pages(&self, email: &str) -> Result<Pass, Problem> {
        let (mut seen, mut total) = (BTreeSet::new(), None);
        for number in 1..=MAX_PAGES {
            let page = self.page(email, number).await?;
            if let Some((code, _)) = page.results.iter().find(|(_, address)| same_address(address, email)) {
                return Ok(Pass::Found(code.clone()));
            }
            let before = seen.len();
            seen.extend(page.results.into_iter().map(|(code, _)| code));
            total = page.total.max(total);
            if seen.len() == before {
                return Ok(Pass::NotFound { complete: total.is_none_or(|total| seen.len() as u64 >= total) });
            }
        }
        let message =
            format!("more than {MAX_PAGES} pages of addresses contain this one; search for it in refersion");
        Err(Problem::unanswered(Operation::Search, Class::Refused { field: Some(Field::Email) }, message))
    }

    async fn page(&self, keyword: &str, number: usize) -> Result<Page, Problem> {
        // The page is a string in the API's definition.
        let call =
            Call::new(Operation::Search, 1, &json!({ "keyword": keyword, "page": number.to_string() }));
        match self.call(call, read::page).await {
            // No hit is a 422. Assumed: so is a page after the last one, which then ends the pass.
            Err(problem) if problem.is_not_found() => {
                Ok(Page { results: Vec::new(), total: (number == 1).then_some(0) })
            }
            other => other,
        }
    }
}

/// Whether two texts are the same email address to Refersion: trimmed, ignoring case.
pub fn same_address(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
