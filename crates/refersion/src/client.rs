//! The calls that this system makes to Refersion, each with the traps of its operation taken in.

mod call;
mod create;
mod edits;
mod read;
mod search;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::classify::Problem;
use crate::{
    Affiliate, AffiliateId, Batch, Class, Created, Credentials, Edit, Failure, Field, Gate, MAX_BATCH,
    NewAffiliate, Operation, Secret, Status, Transport, Which, password,
};
use call::Call;
pub use search::same_address;

/// Makes the password of a new affiliate, who can set another one by the password reset.
pub trait PasswordSource: Send + Sync {
    /// A new password that keeps the rules of [`password::acceptable`].
    fn password(&self) -> Secret;
}

/// Passwords from the operating system's randomness.
struct RandomPasswords;

impl PasswordSource for RandomPasswords {
    fn password(&self) -> Secret {
        password::generate(&mut rand::rng())
    }
}

/// One Refersion account, as a set of calls. Each HTTP call passes the gate on its own, also the second one of a create
/// and each page of a search. Nothing is repeated here but for the one case that [`Client::create`] names.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    base_url: String,
    credentials: Credentials,
    gate: Arc<dyn Gate>,
    passwords: Arc<dyn PasswordSource>,
}

impl Client {
    /// A client for the account that the credentials open. `base_url` is without `/v2`, like
    /// `https://api.refersion.com`; a slash at its end does no harm.
    pub fn new(
        transport: Arc<dyn Transport>,
        base_url: impl Into<String>,
        credentials: Credentials,
        gate: Arc<dyn Gate>,
    ) -> Self {
        let base_url = base_url.into().trim_end_matches('/').to_owned();
        Self { transport, base_url, credentials, gate, passwords: Arc::new(RandomPasswords) }
    }

    /// The same client with another source of passwords, for tests that replay.
    #[must_use]
    pub fn with_passwords(mut self, passwords: Arc<dyn PasswordSource>) -> Self {
        self.passwords = passwords;
        self
    }

    /// Creates an affiliate. If the API refuses the request and blames nothing else, it is sent once more without the
    /// merchant's identifier, which is documented as alphanumeric while user ids have hyphens.
    ///
    /// # Errors
    ///
    /// [`Class::EmailTaken`] if somebody has the address (ask [`Client::find_holder`]); [`Class::NoAnswer`] if it is not
    /// known whether the affiliate exists now; [`Class::Refused`] for a value; [`Class::Request`] for our request.
    pub async fn create(&self, new: &NewAffiliate) -> Result<Created, Failure> {
        let first = self.create_once(new, new.unique_merchant_id.as_deref()).await;
        let outcome = match first {
            Err(problem) if new.unique_merchant_id.is_some() && problem.may_be_the_merchant_id() => {
                self.create_once(new, None).await
            }
            other => other,
        };
        outcome.map_err(|problem| problem.failure)
    }

    /// Shows one affiliate; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Class::Unavailable`] and [`Class::Throttled`] may pass; [`Class::Credentials`] and [`Class::Request`] will not.
    pub async fn get(&self, which: Which) -> Result<Option<Affiliate>, Failure> {
        let body = match &which {
            Which::Id(id) => json!({ "id": id }),
            Which::Code(code) => json!({ "affiliate_code": code }),
        };
        let call = Call::new(Operation::Get, 1, &body);
        found(self.call(call, |answer| read::affiliate(answer, &which)).await)
    }

    /// Tells new values of up to [`MAX_BATCH`] affiliates, each of them once, each with one value at least.
    ///
    /// A single affiliate that Refersion does not know comes back as not changed, as it does in a longer batch.
    ///
    /// # Errors
    ///
    /// [`Class::Refused`] or [`Class::EmailTaken`] concerns some of the batch: see [`crate::Bisection`].
    /// [`Class::NoAnswer`]: not known for all of them. [`Class::TooMany`]: more than the limit; nothing took effect.
    pub async fn edit(&self, edits: &[Edit]) -> Result<Batch, Failure> {
        debug_assert!(edits.iter().all(|edit| !edit.fields.is_empty() || !edit.custom_fields.is_empty()));
        let ids: Vec<AffiliateId> = edits.iter().map(|edit| edit.id).collect();
        self.batch(Operation::Edit, &ids, &edits::Body::of(edits)).await
    }

    /// Sets the status of up to [`MAX_BATCH`] affiliates, each of them once. Refersion may greet by mail whom it makes
    /// active.
    ///
    /// # Errors
    ///
    /// As [`Client::edit`]; [`Class::Request`] without a call for [`Status::Pending`], which cannot be set.
    pub async fn change_status(&self, ids: &[AffiliateId], status: Status) -> Result<Batch, Failure> {
        if status == Status::Pending {
            let message = "the status PENDING cannot be set; choose ACTIVE, DENIED or DISABLED";
            return Err(Problem::unanswered(Operation::StatusChange, Class::Request, message).failure);
        }
        let body = json!({ "ids": ids, "status": status.name() });
        self.batch(Operation::StatusChange, ids, &body).await
    }

    /// Finds the affiliate that has exactly this email address (trimmed, without regard to case), whatever its status.
    /// Takes one call for each page of the search and one for the numeric id.
    ///
    /// # Errors
    ///
    /// As [`Client::get`]; [`Class::Refused`] for the email if more addresses contain this one than can be paged through.
    pub async fn find_by_email(&self, email: &str) -> Result<Option<Affiliate>, Failure> {
        match self.search_exactly(email).await {
            Ok(Some(code)) => self.get(Which::Code(code)).await,
            Ok(None) => Ok(None),
            Err(problem) => Err(problem.failure),
        }
    }

    /// Finds who has an address that was answered to be taken.
    ///
    /// # Errors
    ///
    /// [`Class::NotHere`] if nobody has exactly this address; otherwise as [`Client::find_by_email`].
    pub async fn find_holder(&self, email: &str) -> Result<Affiliate, Failure> {
        self.find_by_email(email).await?.ok_or_else(|| {
            let message = "the address is taken, but no affiliate with exactly this address is found";
            Problem::unanswered(Operation::Search, Class::NotHere, message).failure
        })
    }

    /// Asks whether the keys work.
    ///
    /// # Errors
    ///
    /// [`Class::Credentials`] if they do not; anything else says nothing about the keys.
    pub async fn check(&self) -> Result<(), Failure> {
        self.ask_whether_keys_work().await.map_err(|problem| problem.failure)
    }

    async fn batch(
        &self,
        operation: Operation,
        ids: &[AffiliateId],
        body: &(impl Serialize + Sync),
    ) -> Result<Batch, Failure> {
        debug_assert!(
            ids.len() == ids.iter().collect::<BTreeSet<_>>().len(),
            "an affiliate is in a batch once"
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
