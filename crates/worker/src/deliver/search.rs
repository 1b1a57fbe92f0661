//! Searches for an affiliate by the code that the directory has, or by its exact address.

use identity::answer::{Answer, Found};
use identity::graph::Status;
use refersion::{Affiliate, AffiliateCode, LookupBy, same_address};

use super::item::Item as _;
use super::{Api, CallOutcome, Search};

pub(super) async fn search(api: &Api, item: &Search) -> CallOutcome {
    if let Some(code) = &item.code {
        let code = AffiliateCode(code.to_string());
        match api.client.get(LookupBy::Code(code)).await {
            Ok(Some(listed)) if same_address(&listed.email, &item.email) => {
                return item.answered(Answer::Found(found(&listed)));
            }
            // The directory is out of date.
            Ok(_) => {}
            Err(failure) => return item.failed(&failure),
        }
    }
    match api.client.find_by_email(&item.email).await {
        Ok(Some(affiliate)) => item.answered(Answer::Found(found(&affiliate))),
        Ok(None) => item.answered(Answer::NotFound),
        Err(failure) => item.failed(&failure),
    }
}

/// An affiliate as Refersion shows it, with the fields that can be compared.
pub(super) fn found(affiliate: &Affiliate) -> Found {
    let shown = [
        ("first_name", &affiliate.first_name),
        ("last_name", &affiliate.last_name),
        ("company", &affiliate.company),
    ];
    Found {
        id: affiliate.id.0,
        code: affiliate.code.as_ref().map(ToString::to_string),
        status: affiliate.status.map(status),
        shown: shown.into_iter().map(|(field, text)| (field.into(), text.into())).collect(),
    }
}

pub(crate) fn status(status: refersion::Status) -> Status {
    match status {
        refersion::Status::Active => Status::Active,
        refersion::Status::Pending => Status::Pending,
        refersion::Status::Denied => Status::Denied,
        refersion::Status::Disabled => Status::Disabled,
    }
}

pub(super) fn api_status(status: Status) -> refersion::Status {
    match status {
        Status::Active => refersion::Status::Active,
        Status::Pending => refersion::Status::Pending,
        Status::Denied => refersion::Status::Denied,
        Status::Disabled => refersion::Status::Disabled,
    }
}
