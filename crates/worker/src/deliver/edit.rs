//! Edits, fifty at a time. A refused batch is split until each bad affiliate is alone, and its edit is then split by field.

use identity::answer::{Answer, Cause};
use identity::{Map, Text};
use refersion::{AffiliateId, Class, Failure, Field};

use super::by_field::by_field;
use super::clean::clean;
use super::item::Item as _;
use super::search::found;
use super::{Api, CallOutcome, Edit, Texts, not_changed, scrub};

/// Edits every item.
pub(super) async fn edit(api: &Api, items: &[Edit]) -> Vec<CallOutcome> {
    let items: Vec<(&Edit, Texts)> = items.iter().map(|item| (item, texts(api, item))).collect();
    let mut outcomes = Vec::with_capacity(items.len());
    let mut batches = vec![items.as_slice()];
    while let Some(batch) = batches.pop() {
        let edits: Vec<_> = batch.iter().map(|(item, texts)| edit_of(item, texts)).collect();
        match api.client.edit(&edits).await {
            Ok(answer) => {
                let is_changed = |(item, _): &&(&Edit, Texts)| answer.changed.contains(&AffiliateId(item.id));
                let (changed, unchanged): (Vec<_>, Vec<_>) = batch.iter().partition(is_changed);
                outcomes.extend(changed.into_iter().map(|(item, texts)| edited(item, texts)));
                outcomes.extend(not_changed::settle(api, &unchanged).await);
            }
            Err(failure) if blames_an_item(&failure) && batch.len() > 1 => {
                let (left, right) = batch.split_at(batch.len() / 2);
                batches.push(right);
                batches.push(left);
            }
            Err(failure) => {
                let failure = of_all(failure, batch.iter().map(|(item, _)| *item));
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

/// The failure of several items, without the values of any: each of them could remove only its own.
pub(super) fn of_all<'i>(failure: Failure, items: impl Iterator<Item = &'i Edit>) -> Failure {
    let values: Vec<&str> = items.flat_map(|item| item.values()).collect();
    Failure { message: clean(&failure.message, &values), ..failure }
}

/// The texts to send for an item.
fn texts(api: &Api, item: &Edit) -> Texts {
    if item.scrub {
        return scrub::texts(api, item.id, &item.fields);
    }
    let mut texts = item.fields.clone();
    if let Some((_, text)) = &item.email {
        texts.insert("email".into(), text.into());
    }
    texts
}

pub(super) fn edit_of(item: &Edit, texts: &Texts) -> refersion::Edit {
    let custom = texts.iter().filter_map(|(field, text)| {
        let id = field.strip_prefix("custom:")?.parse().ok()?;
        Some((id, text.to_string()))
    });
    refersion::Edit {
        id: AffiliateId(item.id),
        fields: texts
            .iter()
            .filter_map(|(field, text)| Some((Field::from_name(field)?, text.to_string())))
            .collect(),
        custom_fields: custom.collect(),
    }
}

pub(super) fn edited(item: &Edit, texts: &Texts) -> CallOutcome {
    if item.scrub {
        return scrub::done(item, texts, Map::new());
    }
    let email = item.email.as_ref().filter(|_| texts.contains_key("email")).map(|(digest, _)| *digest);
    let mut fields = texts.clone();
    fields.remove("email");
    item.answered(Answer::Edited { id: item.id, email, fields })
}

/// Handles a failed edit of one affiliate.
async fn alone(api: &Api, item: &Edit, texts: Texts, failure: &Failure) -> CallOutcome {
    if item.scrub {
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

pub(super) fn refused(item: &Edit, causes: Map<Text, Cause>) -> CallOutcome {
    let email = item.email.as_ref().map(|(digest, _)| *digest);
    item.answered(Answer::Refused { email, causes, texts: item.fields.clone() })
}

/// The address is taken by another affiliate: that one is the person's from now on, and this one is left over. If the other one is
/// not found although it exists, the other fields are sent, and the address is tried again later.
pub(super) async fn taken(api: &Api, item: &Edit, texts: Texts) -> CallOutcome {
    let Some((digest, text)) = &item.email else { return item.unanswered() };
    match api.client.find_holder(text).await {
        Ok(holder) if holder.id.0 == item.id => edited(item, &only_email(&texts)),
        Ok(holder) => CallOutcome::known(item.anchor, vec![(*digest, Answer::Found(found(&holder)))]),
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

async fn without_email(api: &Api, item: &Edit, mut texts: Texts) -> CallOutcome {
    texts.remove("email");
    if texts.is_empty() {
        return item.unanswered();
    }
    match api.client.edit(&[edit_of(item, &texts)]).await {
        Ok(batch) if batch.not_changed.is_empty() => edited(item, &texts),
        // Why it was not changed is found out when the address is settled.
        Ok(_) => item.unanswered(),
        Err(failure) if blames_an_item(&failure) => item.unanswered(),
        Err(failure) => item.failed(&failure),
    }
}
