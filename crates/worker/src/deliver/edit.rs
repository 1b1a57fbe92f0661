//! Edits, fifty at a time. A refused batch is split until each bad affiliate is alone, and its edit is then split by field.

use identity::answer::{Answer, Cause};
use identity::{Map, Text};
use refersion::{AffiliateId, Class, Edit, Failure, Field};

use super::by_field::by_field;
use super::search::found;
use super::{Api, CallOutcome, CallRequest, Item, Texts, not_changed, scrub};

/// Edits every item.
pub(super) async fn edit(api: &Api, items: &[Item]) -> Vec<CallOutcome> {
    let items: Vec<(&Item, Texts)> = items.iter().map(|item| (item, texts(api, item))).collect();
    let mut outcomes = Vec::with_capacity(items.len());
    let mut batches = vec![items.as_slice()];
    while let Some(batch) = batches.pop() {
        let edits: Vec<Edit> = batch.iter().filter_map(|(item, texts)| edit_of(item, texts)).collect();
        match api.client.edit(&edits).await {
            Ok(answer) => {
                let is_changed = |(item, _): &&(&Item, Texts)| {
                    id_of(item).is_some_and(|id| answer.changed.contains(&AffiliateId(id)))
                };
                let (changed, unchanged): (Vec<_>, Vec<_>) = batch.iter().partition(is_changed);
                outcomes.extend(changed.into_iter().map(|(item, texts)| told(item, texts)));
                outcomes.extend(not_changed::settle(api, &unchanged).await);
            }
            Err(failure) if blames_an_item(&failure) && batch.len() > 1 => {
                let (left, right) = batch.split_at(batch.len() / 2);
                batches.push(right);
                batches.push(left);
            }
            Err(failure) => {
                let failure = Item::of_all(failure, batch.iter().map(|(item, _)| *item));
                for (item, texts) in batch {
                    outcomes.push(alone(api, item, texts.clone(), &failure).await);
                }
            }
        }
    }
    outcomes
}

pub(super) fn blames_an_item(failure: &Failure) -> bool {
    matches!(failure.class, Class::TooMany | Class::Refused { .. } | Class::EmailTaken)
}

pub(super) fn id_of(item: &Item) -> Option<u64> {
    match item.request {
        CallRequest::Edit { id, .. } => Some(id),
        _ => None,
    }
}

/// The texts to send for an item.
fn texts(api: &Api, item: &Item) -> Texts {
    let CallRequest::Edit { id, email, fields, scrub } = &item.request else { return Texts::new() };
    if *scrub {
        return scrub::texts(api, *id, fields);
    }
    let mut texts = fields.clone();
    if let Some((_, text)) = email {
        texts.insert("email".into(), text.into());
    }
    texts
}

pub(super) fn edit_of(item: &Item, texts: &Texts) -> Option<Edit> {
    let custom = texts.iter().filter_map(|(field, text)| {
        let id = field.strip_prefix("custom:")?.parse().ok()?;
        Some((id, text.to_string()))
    });
    Some(Edit {
        id: AffiliateId(id_of(item)?),
        fields: texts
            .iter()
            .filter_map(|(field, text)| Some((Field::from_name(field)?, text.to_string())))
            .collect(),
        custom_fields: custom.collect(),
    })
}

pub(super) fn told(item: &Item, texts: &Texts) -> CallOutcome {
    let CallRequest::Edit { id, email, scrub, .. } = &item.request else { return nothing(item) };
    if *scrub {
        return scrub::done(item, texts, Map::new());
    }
    let email = email.as_ref().filter(|_| texts.contains_key("email")).map(|(digest, _)| *digest);
    let mut fields = texts.clone();
    fields.remove("email");
    item.answered(Answer::Told { id: *id, email, fields })
}

pub(super) fn nothing(item: &Item) -> CallOutcome {
    CallOutcome { anchor: item.anchor, answers: Vec::new(), failed: None, request: None }
}

/// Handles a failed edit of one affiliate.
async fn alone(api: &Api, item: &Item, texts: Texts, failure: &Failure) -> CallOutcome {
    if item.is_scrub() {
        return scrub::without_refused(api, item, texts, failure).await;
    }
    match failure.class {
        Class::EmailTaken => taken(api, item, texts).await,
        Class::Refused { field: Some(field) } if texts.contains_key(field.name()) => {
            let causes = Map::from_iter([(field.name().into(), item.cause(failure))]);
            refused(item, causes)
        }
        Class::Refused { .. } => by_field(api, item, texts, item.cause(failure)).await,
        _ => item.failed(failure),
    }
}

pub(super) fn refused(item: &Item, causes: Map<Text, Cause>) -> CallOutcome {
    let CallRequest::Edit { email, fields, .. } = &item.request else { return nothing(item) };
    let email = email.as_ref().map(|(digest, _)| *digest);
    item.answered(Answer::Refused { email, causes, texts: fields.clone() })
}

/// The address is taken by another affiliate: that one is the person's from now on, and this one is left over. If the other one is
/// not found although it exists, the other fields are sent, and the address is tried again later.
pub(super) async fn taken(api: &Api, item: &Item, texts: Texts) -> CallOutcome {
    let CallRequest::Edit { email: Some((digest, text)), .. } = &item.request else { return nothing(item) };
    match api.client.find_holder(text).await {
        Ok(holder) if Some(holder.id.0) == id_of(item) => told(item, &only_email(&texts)),
        Ok(holder) => CallOutcome {
            anchor: item.anchor,
            answers: vec![(*digest, Answer::Found(found(&holder)))],
            failed: None,
            request: None,
        },
        Err(failure) if failure.class == Class::NotFound => {
            let others = without_email(api, item, texts).await;
            CallOutcome { failed: others.failed.or_else(|| Some(item.failure(&failure))), ..others }
        }
        Err(failure) => item.failed(&failure),
    }
}

pub(super) fn only_email(texts: &Texts) -> Texts {
    texts.iter().filter(|(field, _)| *field == "email").map(|(f, t)| (f.clone(), t.clone())).collect()
}

async fn without_email(api: &Api, item: &Item, mut texts: Texts) -> CallOutcome {
    texts.remove("email");
    let Some(edit) = edit_of(item, &texts).filter(|_| !texts.is_empty()) else { return nothing(item) };
    match api.client.edit(&[edit]).await {
        Ok(batch) if batch.not_changed.is_empty() => told(item, &texts),
        // Why it was not changed is found out when the address is settled.
        Ok(_) => nothing(item),
        Err(failure) if blames_an_item(&failure) => nothing(item),
        Err(failure) => item.failed(&failure),
    }
}
