//! The client: one method for each call, which handles the particularities of its operation.

mod call;
mod create;
mod edits;
mod list;
mod read;
mod search;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::classify::Problem;
use crate::{
    Affiliate, AffiliateId, Batch, Class, Created, Credentials, Edit, Failure, Field, Gate, LookupBy,
    MAX_BATCH, NewAffiliate, Operation, Status, Transport,
};
use call::Call;
pub use list::{ListPage, Listed, MAX_LISTED};
pub use search::same_address;

/// A client for one Refersion account. Each HTTP call passes the gate separately, including the second call of a
/// create and each page of a search. The client retries nothing, except for the one case that [`Client::create`]
/// describes.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    base_url: String,
    credentials: Credentials,
    gate: Arc<dyn Gate>,
}

impl Client {
    /// A client for the account of these credentials. `base_url` is without `/v2`, like `https://api.refersion.com`; a
    /// trailing slash is ignored.
    pub fn new(
        transport: Arc<dyn Transport>,
        base_url: impl Into<String>,
        credentials: Credentials,
        gate: Arc<dyn Gate>,
    ) -> Self {
        let base_url = base_url.into().trim_end_matches('/').to_owned();
        Self { transport, base_url, credentials, gate }
    }

    /// Creates an affiliate. If the API refuses the request and names no other field, the client sends it once more
    /// without the merchant's identifier, which is documented as alphanumeric while user ids contain hyphens.
    ///
    /// # Errors
    ///
    /// [`Class::EmailTaken`] if another affiliate has the address (see [`Client::find_holder`]); [`Class::NoAnswer`]
    /// if it is unknown whether the affiliate exists now; [`Class::Refused`] for a value; [`Class::Request`] for the
    /// request itself.
    pub async fn create(&self, new: &NewAffiliate) -> Result<Created, Failure> {
        let first = self.create_once(new, new.unique_merchant_id.as_deref()).await;
        let outcome = match first {
            Err(problem) if new.unique_merchant_id.is_some() && problem.may_concern_merchant_id() => {
                let created = self.create_once(new, None).await;
                created.map(|created| Created { merchant_id_refused: true, ..created })
            }
            other => other,
        };
        outcome.map_err(|problem| problem.failure)
    }

    /// Returns one affiliate; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// [`Class::Unavailable`] and [`Class::Throttled`] are temporary; [`Class::Credentials`] and [`Class::Request`]
    /// are not.
    pub async fn get(&self, by: LookupBy) -> Result<Option<Affiliate>, Failure> {
        let body = match &by {
            LookupBy::Id(id) => json!({ "id": id }),
            LookupBy::Code(code) => json!({ "affiliate_code": code }),
        };
        let call = Call::new(Operation::Get, 1, &body);
        found(self.call(call, |answer| read::affiliate(answer, &by)).await)
    }

    /// Sends new values for up to [`MAX_BATCH`] affiliates, each with at least one value and at most once in the batch.
    ///
    /// A single affiliate that Refersion does not know is returned as not changed, as in a longer batch.
    ///
    /// # Errors
    ///
    /// [`Class::Refused`] or [`Class::EmailTaken`] for some of the batch: see [`crate::Bisection`].
    /// [`Class::NoAnswer`]: the outcome is unknown for all of them. [`Class::TooMany`]: more than the limit; the call
    /// had no effect.
    pub async fn edit(&self, edits: &[Edit]) -> Result<Batch, Failure> {
        debug_assert!(edits.iter().all(|edit| !edit.fields.is_empty() || !edit.custom_fields.is_empty()));
        let ids: Vec<AffiliateId> = edits.iter().map(|edit| edit.id).collect();
        self.batch(Operation::Edit, &ids, &edits::Body::of(edits)).await
    }

    /// Sets the status of up to [`MAX_BATCH`] affiliates, each at most once in the batch. Refersion may send the
    /// welcome mail to an affiliate that becomes active.
    ///
    /// # Errors
    ///
    /// As [`Client::edit`]. [`Class::Request`], without a call, for [`Status::Pending`], which cannot be set.
    pub async fn change_status(&self, ids: &[AffiliateId], status: Status) -> Result<Batch, Failure> {
        if status == Status::Pending {
            let message = "the status PENDING cannot be set; choose ACTIVE, DENIED or DISABLED";
            return Err(Problem::unanswered(Operation::StatusChange, Class::Request, message).failure);
        }
        let body = json!({ "ids": ids, "status": status.name() });
        self.batch(Operation::StatusChange, ids, &body).await
    }

    /// Finds the affiliate with exactly this email address (trimmed, ignoring case), in any status. Takes one call
    /// for each page of the search and one for the numeric id.
    ///
    /// # Errors
    ///
    /// As [`Client::get`]. [`Class::Refused`] for the email if it is contained in more addresses than the client pages
    /// through.
    pub async fn find_by_email(&self, email: &str) -> Result<Option<Affiliate>, Failure> {
        match self.search_exactly(email).await {
            Ok(Some(code)) => match self.get(LookupBy::Code(code)).await? {
                Some(affiliate) => Ok(Some(affiliate)),
                // One of the two is out of date: a later look shows which.
                None => {
                    let message = "a search found an affiliate that refersion then did not know by its code";
                    Err(Problem::unanswered(Operation::Get, Class::Unavailable, message).failure)
                }
            },
            Ok(None) => Ok(None),
            Err(problem) => Err(problem.failure),
        }
    }

    /// Finds the affiliate that has an address for which Refersion answered [`Class::EmailTaken`].
    ///
    /// # Errors
    ///
    /// [`Class::NotFound`] if no affiliate has exactly this address; otherwise as [`Client::find_by_email`].
    pub async fn find_holder(&self, email: &str) -> Result<Affiliate, Failure> {
        self.find_by_email(email).await?.ok_or_else(|| {
            let message = "the address is taken, but no affiliate with exactly this address is found";
            Problem::unanswered(Operation::Search, Class::NotFound, message).failure
        })
    }

    /// Checks whether Refersion accepts the keys.
    ///
    /// # Errors
    ///
    /// [`Class::Credentials`] if it does not; any other class says nothing about the keys.
    pub async fn check(&self) -> Result<(), Failure> {
        self.check_keys().await.map_err(|problem| problem.failure)
    }

    async fn batch(
        &self,
        operation: Operation,
        ids: &[AffiliateId],
        body: &(impl Serialize + Sync),
    ) -> Result<Batch, Failure> {
        debug_assert!(
            ids.len() == ids.iter().collect::<BTreeSet<_>>().len(),
            "an affiliate must not be in a batch twice"
        );
        if ids.is_empty() {
            return Ok(Batch::default());
        }
        if ids.len() > MAX_BATCH {
            let message = format!("a batch of {} is longer than {MAX_BATCH}; split it", ids.len());
            return Err(Problem::unanswered(operation, Class::TooMany, message).failure);
        }
        let call = Call::new(operation, ids.len(), body);
        match self.call(call, |answer| read::batch(answer, ids)).await {
            Err(problem) if ids.len() == 1 && problem.is_not_found() => {
                Ok(Batch { changed: BTreeSet::new(), not_changed: ids.iter().copied().collect() })
            }
            other => other.map_err(|problem| problem.failure),
        }
    }
}

fn fields_object<'a>(fields: impl Iterator<Item = (&'a Field, &'a String)>) -> Map<String, Value> {
    fields.map(|(field, value)| (field.name().to_owned(), Value::String(value.clone()))).collect()
}

fn found(outcome: Result<Affiliate, Problem>) -> Result<Option<Affiliate>, Failure> {
    match outcome {
        Ok(affiliate) => Ok(Some(affiliate)),
        Err(problem) if problem.is_not_found() => Ok(None),
        Err(problem) => Err(problem.failure),
    }
}
