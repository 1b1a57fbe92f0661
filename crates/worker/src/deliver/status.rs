//! Status changes, fifty at a time. If an affiliate was not changed, reading it shows why.

use std::collections::BTreeSet;

use identity::answer::Answer;
use identity::graph::Status;
use refersion::{AffiliateId, Class, Failure, LookupBy, Operation};

use super::edit::blames_an_item;
use super::item::Item as _;
use super::search::{api_status, status as shown_status};
use super::{Api, CallOutcome, StatusChange};

pub(super) async fn change(api: &Api, status: Status, items: &[StatusChange]) -> Vec<CallOutcome> {
    match api.client.change_status(&ids(items), api_status(status)).await {
        Ok(batch) => {
            let mut outcomes = Vec::with_capacity(items.len());
            for item in items {
                let is_changed = batch.changed.contains(&AffiliateId(item.id));
                outcomes.push(if is_changed { is(item, status) } else { look(api, item, status).await });
            }
            outcomes
        }
        Err(failure) if blames_an_item(&failure) && items.len() > 1 => {
            let (left, right) = items.split_at(items.len() / 2);
            let mut outcomes = Box::pin(change(api, status, left)).await;
            outcomes.extend(Box::pin(change(api, status, right)).await);
            outcomes
        }
        Err(failure) => items.iter().map(|item| item.failed(&failure)).collect(),
    }
}

fn ids(items: &[StatusChange]) -> Vec<AffiliateId> {
    let ids: BTreeSet<u64> = items.iter().map(|item| item.id).collect();
    ids.into_iter().map(AffiliateId).collect()
}

fn is(item: &StatusChange, status: Status) -> CallOutcome {
    item.answered(Answer::StatusIs { id: item.id, status })
}

/// Reads an affiliate that was not changed: it had the status already, it is gone, or Refersion gives no reason.
async fn look(api: &Api, item: &StatusChange, wanted: Status) -> CallOutcome {
    match api.client.get(LookupBy::Id(AffiliateId(item.id))).await {
        Ok(None) => item.answered(Answer::Gone { id: item.id }),
        Ok(Some(shown)) if shown.status.map(shown_status) == Some(wanted) => is(item, wanted),
        Ok(Some(_)) => once_more(api, item, wanted).await,
        // It may have been changed nevertheless.
        Err(failure) => item.in_doubt(item.failed(&failure), Operation::StatusChange),
    }
}

async fn once_more(api: &Api, item: &StatusChange, wanted: Status) -> CallOutcome {
    match api.client.change_status(&[AffiliateId(item.id)], api_status(wanted)).await {
        Ok(batch) if batch.changed.is_empty() => {
            item.in_doubt(item.failed(&refusal()), Operation::StatusChange)
        }
        Ok(_) => is(item, wanted),
        Err(failure) => item.failed(&failure),
    }
}

/// The failure if Refersion does not change a status and gives no reason.
fn refusal() -> Failure {
    Failure {
        class: Class::Refused { field: None },
        operation: Operation::StatusChange,
        http_status: Some(200),
        message: "the affiliate's status was not changed, and no reason was given".to_owned(),
        retry_after: None,
    }
}
