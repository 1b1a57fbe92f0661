//! Status changes, fifty at a time. If an affiliate was not changed, reading it shows why.

use std::collections::BTreeSet;

use identity::answer::Answer;
use identity::graph::Status;
use refersion::{AffiliateId, Class, Failure, LookupBy, Operation};

use super::search::{api_status, status as shown_status};
use super::{Api, CallOutcome, CallRequest, Item};

pub(super) async fn change(api: &Api, items: &[Item]) -> Vec<CallOutcome> {
    let Some(CallRequest::Status { status, .. }) = items.first().map(|item| &item.request) else {
        return Vec::new();
    };
    match api.client.change_status(&ids(items), api_status(*status)).await {
        Ok(batch) => {
            let mut outcomes = Vec::with_capacity(items.len());
            for item in items {
                let changed = batch.changed.iter().any(|id| Some(id.0) == id_of(item));
                outcomes.push(if changed { is(item, *status) } else { look(api, item, *status).await });
            }
            outcomes
        }
        Err(failure) if splits(&failure) && items.len() > 1 => {
            let (left, right) = items.split_at(items.len() / 2);
            let mut outcomes = Box::pin(change(api, left)).await;
            outcomes.extend(Box::pin(change(api, right)).await);
            outcomes
        }
        Err(failure) => items.iter().map(|item| item.failed(&failure)).collect(),
    }
}

fn splits(failure: &Failure) -> bool {
    matches!(failure.class, Class::TooMany | Class::Refused { .. } | Class::EmailTaken)
}

fn ids(items: &[Item]) -> Vec<AffiliateId> {
    let ids: BTreeSet<u64> = items.iter().filter_map(id_of).collect();
    ids.into_iter().map(AffiliateId).collect()
}

fn id_of(item: &Item) -> Option<u64> {
    match item.request {
        CallRequest::Status { id, .. } | CallRequest::Edit { id, .. } => Some(id),
        CallRequest::Create { .. } | CallRequest::Search { .. } => None,
    }
}

fn is(item: &Item, status: Status) -> CallOutcome {
    match id_of(item) {
        Some(id) => item.answered(Answer::StatusIs { id, status }),
        None => CallOutcome { anchor: item.anchor, answers: Vec::new(), failed: None, request: None },
    }
}

/// Reads an affiliate that was not changed: it had the status already, it is gone, or Refersion gives no reason.
async fn look(api: &Api, item: &Item, wanted: Status) -> CallOutcome {
    let Some(id) = id_of(item) else { return is(item, wanted) };
    match api.client.get(LookupBy::Id(AffiliateId(id))).await {
        Ok(None) => item.answered(Answer::Gone { id }),
        Ok(Some(shown)) if shown_status(shown.status) == wanted => is(item, wanted),
        Ok(Some(_)) => once_more(api, item, id, wanted).await,
        // It may have been changed nevertheless.
        Err(failure) => item.in_doubt(item.failed(&failure), Operation::StatusChange),
    }
}

async fn once_more(api: &Api, item: &Item, id: u64, wanted: Status) -> CallOutcome {
    match api.client.change_status(&[AffiliateId(id)], api_status(wanted)).await {
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
