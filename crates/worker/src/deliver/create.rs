//! Creates, one by one: the API has no batch of them.

use std::collections::BTreeMap;

use identity::answer::{Answer, Cause};
use identity::graph::Status;
use refersion::{Class, Created, Failure, Field, InitialStatus, NewAffiliate};

use super::ids::id_of;
use super::item::Item as _;
use super::search::found;
use super::{Api, CallOutcome, Create, Texts};

/// The longest `unique_merchant_id`, in characters: the limit of all texts, as far as is known.
const LONGEST_MERCHANT_ID: usize = 255;

/// The fields that a create requires, in addition to the address.
const REQUIRED: [&str; 2] = ["first_name", "last_name"];

pub(super) async fn create(api: &Api, item: &Create) -> CallOutcome {
    match api.client.create(&new_affiliate(api, item, &item.fields)).await {
        Ok(created) => made(api, item, created, &item.fields).await,
        Err(failure) if names_no_field(&failure, &item.fields) => with_the_least(api, item, failure).await,
        Err(failure) => failed(api, item, &item.fields, failure).await,
    }
}

fn new_affiliate(api: &Api, item: &Create, texts: &Texts) -> NewAffiliate {
    let mut fields: BTreeMap<Field, String> =
        texts.iter().filter_map(|(name, text)| Some((Field::from_name(name)?, text.to_string()))).collect();
    fields.insert(Field::Email, item.email.clone());
    NewAffiliate {
        fields,
        status: api.new_status,
        offer: api.offer,
        // A retry sends no welcome mail: the first try may have sent it.
        send_welcome: api.send_welcome && item.first_try,
        unique_merchant_id: item.merchant_id.clone().filter(|id| is_worth_sending(api, id)),
    }
}

/// Whether a `unique_merchant_id` may be accepted: it is documented as alphanumeric, and some accounts enforce that.
fn is_worth_sending(api: &Api, id: &str) -> bool {
    let characters = id.chars().count();
    characters <= LONGEST_MERCHANT_ID && (is_plain(id) || !api.learned.takes_plain_merchant_ids_only())
}

fn is_plain(id: &str) -> bool {
    id.chars().all(char::is_alphanumeric)
}

async fn made(api: &Api, item: &Create, created: Created, sent: &Texts) -> CallOutcome {
    if let Some(id) = &item.merchant_id
        && created.merchant_id_refused
        && !is_plain(id)
    {
        api.learned.learn_that_merchant_ids_are_plain();
    }
    let id = match id_of(api, &created).await {
        Ok(id) => id,
        Err(failure) => return unknown(item, sent, failure.as_ref()),
    };
    let status = match api.new_status {
        InitialStatus::Active => Status::Active,
        InitialStatus::Pending => Status::Pending,
    };
    item.answered(Answer::Created { id, code: created.code.to_string(), status, fields: sent.clone() })
}

/// The affiliate exists, but its numeric id is not known: a search will find it.
fn unknown(item: &Create, sent: &Texts, failure: Option<&Failure>) -> CallOutcome {
    let answer = Answer::CreateUnknown { fields: sent.keys().cloned().collect() };
    CallOutcome { failed: failure.map(|failure| item.failure(failure)), ..item.answered(answer) }
}

/// The outcome of a create that was answered but created nothing; `answer` says why.
fn not_created(item: &Create, answer: Answer) -> CallOutcome {
    CallOutcome::known(item.anchor, vec![(item.anchor, Answer::NotCreated), (item.anchor, answer)])
}

/// Handles a failed create with these texts.
async fn failed(api: &Api, item: &Create, texts: &Texts, failure: Failure) -> CallOutcome {
    match failure.class {
        Class::EmailTaken => taken(api, item, texts).await,
        Class::Refused { field: Some(field) } if is_sent(field, texts) => {
            refused(item, field.name(), item.cause(&failure))
        }
        Class::Refused { .. } => refused(item, longest(item, texts), item.cause(&failure)),
        _ => item.failed(&failure),
    }
}

fn names_no_field(failure: &Failure, texts: &Texts) -> bool {
    matches!(failure.class, Class::Refused { field } if !field.is_some_and(|field| is_sent(field, texts)))
}

/// Whether a create with these texts sends the field; a refusal that names another field is treated as one without a name.
fn is_sent(field: Field, texts: &Texts) -> bool {
    field == Field::Email || texts.contains_key(field.name())
}

/// The address is taken: by an affiliate that existed before, or by one that an earlier try created. If it is not found although
/// it exists, it is searched for again later.
async fn taken(api: &Api, item: &Create, sent: &Texts) -> CallOutcome {
    match api.client.find_holder(&item.email).await {
        Ok(affiliate) => not_created(item, Answer::Found(found(&affiliate))),
        Err(failure) => unknown(item, sent, Some(&failure)),
    }
}

fn refused(item: &Create, field: &str, cause: Cause) -> CallOutcome {
    let refusal = Answer::Refused {
        texts: item.fields.clone(),
        email: (field == "email").then_some(item.anchor),
        causes: [(field.into(), cause)].into_iter().collect(),
    };
    not_created(item, refusal)
}

/// Tries a create with the required fields only, because the refusal names no field. If it succeeds, one of the other fields was
/// refused, and edits find it: they can be repeated without creating an affiliate twice.
async fn with_the_least(api: &Api, item: &Create, failure: Failure) -> CallOutcome {
    let least: Texts = item
        .fields
        .iter()
        .filter(|(name, _)| REQUIRED.contains(&name.as_str()))
        .map(|(n, t)| (n.clone(), t.clone()))
        .collect();
    if least.len() == item.fields.len() {
        return failed(api, item, &least, failure).await;
    }
    match api.client.create(&new_affiliate(api, item, &least)).await {
        Ok(created) => made(api, item, created, &least).await,
        Err(again) => failed(api, item, &least, again).await,
    }
}

/// The required field with the longest text. No smaller create could show which field is refused, and the only refusal of
/// Refersion that names no field is that of a text that is too long.
fn longest<'t>(item: &Create, least: &'t Texts) -> &'t str {
    let lengths = least.iter().map(|(name, text)| (text.chars().count(), name.as_str()));
    let (length, name) = lengths.max().unwrap_or_default();
    if length > item.email.chars().count() { name } else { "email" }
}
