//! Edits, fifty at a time. A refused batch is split until only the bad ones are alone; a refused affiliate is split by
//! field; what "not changed" means, a look decides.

use std::collections::BTreeSet;

use identity::answer::{Answer, Cause};
use identity::{Map, Text};
use refersion::{Affiliate, AffiliateId, Bisection, Class, Edit, Failure, Field, LookupBy, Operation};

use super::search::found;
use super::{Api, CallOutcome, CallRequest, Item, Texts};

/// Edits every item.
pub(super) async fn edit(api: &Api, items: &[Item]) -> Vec<CallOutcome> {
    let items: Vec<(&Item, Texts)> = items.iter().map(|item| (item, texts(api, item))).collect();
    let mut endings = Vec::with_capacity(items.len());
    let mut batches = vec![items.as_slice()];
    while let Some(batch) = batches.pop() {
        let edits: Vec<Edit> = batch.iter().filter_map(|(item, texts)| edit_of(item, texts)).collect();
        match api.client.edit(&edits).await {
            Ok(answer) => {
                for (item, texts) in batch {
                    let changed = id_of(item).is_some_and(|id| answer.changed.contains(&AffiliateId(id)));
                    endings.push(if changed { told(item, texts) } else { look(api, item, texts).await });
                }
            }
            Err(failure) if blames_an_item(&failure) && batch.len() > 1 => {
                let (left, right) = batch.split_at(batch.len() / 2);
                batches.push(right);
                batches.push(left);
            }
            Err(failure) => {
                let failure = Item::of_all(failure, batch.iter().map(|(item, _)| *item));
                for (item, texts) in batch {
                    endings.push(alone(api, item, texts.clone(), &failure).await);
                }
            }
        }
    }
    endings
}

fn blames_an_item(failure: &Failure) -> bool {
    matches!(failure.class, Class::TooMany | Class::Refused { .. } | Class::EmailTaken)
}

fn id_of(item: &Item) -> Option<u64> {
    match item.wish {
        CallRequest::Edit { id, .. } => Some(id),
        _ => None,
    }
}

/// What goes out for an item. A scrub puts nobody in the person's place.
fn texts(api: &Api, item: &Item) -> Texts {
    let CallRequest::Edit { id, email, fields, scrub } = &item.wish else { return Texts::new() };
    let mut texts = fields.clone();
    if let Some((_, text)) = email {
        texts.insert("email".into(), text.into());
    }
    if *scrub {
        texts.iter_mut().for_each(|(_, text)| *text = Text::default());
        texts.insert("first_name".into(), "Deleted".into());
        texts.insert("last_name".into(), "Deleted".into());
        if let Some(domain) = &api.scrub_domain {
            texts.insert("email".into(), format!("deleted-{id}@{domain}").into());
        }
    }
    texts
}

fn edit_of(item: &Item, texts: &Texts) -> Option<Edit> {
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

fn told(item: &Item, texts: &Texts) -> CallOutcome {
    let CallRequest::Edit { id, email, scrub, .. } = &item.wish else { return nothing(item) };
    if *scrub {
        return item.answered(Answer::Scrubbed { id: *id });
    }
    let email = email.as_ref().filter(|_| texts.contains_key("email")).map(|(digest, _)| *digest);
    let mut fields = texts.clone();
    fields.remove("email");
    item.answered(Answer::Told { id: *id, email, fields })
}

fn nothing(item: &Item) -> CallOutcome {
    CallOutcome { anchor: item.anchor, answers: Vec::new(), failed: None }
}

/// Refersion did not change it, or says so, and gives no reason: a look tells whether it is gone, or is as wanted.
async fn look(api: &Api, item: &Item, texts: &Texts) -> CallOutcome {
    let Some(id) = id_of(item) else { return nothing(item) };
    match api.client.get(LookupBy::Id(AffiliateId(id))).await {
        Ok(None) => item.answered(Answer::Gone { id }),
        Ok(Some(shown)) if shows(&shown, texts) => told(item, texts),
        // Most fields are never shown: it may have been changed all the same.
        Ok(Some(_)) => item.in_doubt(once_more(api, item, texts.clone()).await, Operation::Edit),
        Err(failure) => item.in_doubt(item.failed(&failure), Operation::Edit),
    }
}

/// Whether everything that was wanted can be seen to be so. Most fields are never shown.
fn shows(shown: &Affiliate, texts: &Texts) -> bool {
    texts.iter().all(|(field, text)| match field.as_str() {
        "first_name" => shown.first_name == *text,
        "last_name" => shown.last_name == *text,
        "company" => shown.company == *text,
        "email" => refersion::same_address(&shown.email, text),
        _ => false,
    })
}

async fn once_more(api: &Api, item: &Item, texts: Texts) -> CallOutcome {
    let Some(edit) = edit_of(item, &texts) else { return nothing(item) };
    match api.client.edit(&[edit]).await {
        Ok(batch) if batch.not_changed.is_empty() => told(item, &texts),
        Ok(_) => by_field(api, item, texts, not_changed()).await,
        Err(failure) => alone(api, item, texts, &failure).await,
    }
}

/// Refersion leaves the affiliate as it is, and does not say why.
fn not_changed() -> Cause {
    Cause {
        class: "refused".to_owned(),
        message: "the affiliate was not changed, and no reason was given".to_owned(),
        http_status: Some(200),
    }
}

/// An edit of one affiliate failed.
async fn alone(api: &Api, item: &Item, texts: Texts, failure: &Failure) -> CallOutcome {
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

fn refused(item: &Item, causes: Map<Text, Cause>) -> CallOutcome {
    let CallRequest::Edit { email, fields, .. } = &item.wish else { return nothing(item) };
    let email = email.as_ref().map(|(digest, _)| *digest);
    item.answered(Answer::Refused { email, causes, texts: fields.clone() })
}

/// Another affiliate has the address: it is the person's from now on, and this one is left over.
async fn taken(api: &Api, item: &Item, texts: Texts) -> CallOutcome {
    let CallRequest::Edit { email: Some((digest, text)), .. } = &item.wish else { return nothing(item) };
    match api.client.find_by_email(text).await {
        Ok(Some(holder)) if Some(holder.id.0) == id_of(item) => told(item, &only_email(&texts)),
        Ok(Some(holder)) => CallOutcome {
            anchor: item.anchor,
            answers: vec![(*digest, Answer::Found(found(&holder)))],
            failed: None,
        },
        Ok(None) => {
            let message =
                "the email is taken by another affiliate, but no affiliate with exactly this email is found";
            let cause =
                Cause { class: "not_here".to_owned(), message: message.to_owned(), http_status: Some(422) };
            refused(item, Map::from_iter([("email".into(), cause)]))
        }
        Err(failure) => item.failed(&failure),
    }
}

fn only_email(texts: &Texts) -> Texts {
    texts.iter().filter(|(field, _)| *field == "email").map(|(f, t)| (f.clone(), t.clone())).collect()
}

/// Nothing says which value is refused: one bisection by field finds it, and tells the others on the way.
async fn by_field(api: &Api, item: &Item, texts: Texts, cause: Cause) -> CallOutcome {
    let mut plan = Bisection::of_refused(texts.keys().cloned().collect());
    let mut good = Texts::new();
    let mut why = Map::new();
    // A part that was not changed for no reason is tried once more, before that counts as a refusal: Refersion leaves
    // healthy items out now and then.
    let mut tried_again = false;
    while let Some(subset) = plan.next() {
        let subset: BTreeSet<Text> = subset.iter().cloned().collect();
        let part: Texts =
            texts.iter().filter(|(f, _)| subset.contains(*f)).map(|(f, t)| (f.clone(), t.clone())).collect();
        let Some(edit) = edit_of(item, &part) else { return nothing(item) };
        match api.client.edit(&[edit]).await {
            Ok(batch) if batch.not_changed.is_empty() => {
                good.extend(part);
                plan.accepted();
            }
            Ok(_) if !tried_again => {
                tried_again = true;
                continue;
            }
            Ok(_) => plan.refused(),
            Err(failure) if blames_an_item(&failure) => {
                if let [field] = subset.iter().collect::<Vec<_>>().as_slice() {
                    why.insert((*field).clone(), item.cause(&failure));
                }
                plan.refused();
            }
            // Parts have been told. They are told again: it is not worth the room to remember which.
            Err(failure) => return item.in_doubt(item.failed(&failure), Operation::Edit),
        }
        tried_again = false;
    }
    sum_up(api, item, &texts, good, plan.into_refused(), &cause, why).await
}

async fn sum_up(
    api: &Api,
    item: &Item,
    texts: &Texts,
    good: Texts,
    bad: Vec<Text>,
    cause: &Cause,
    why: Map<Text, Cause>,
) -> CallOutcome {
    let mut ending = if good.is_empty() { nothing(item) } else { told(item, &good) };
    let email_is_bad = bad.iter().any(|field| field == "email");
    let others: Map<Text, Cause> = bad
        .into_iter()
        .filter(|field| field != "email")
        .map(|field| (field.clone(), why.get(&field).unwrap_or(cause).clone()))
        .collect();
    if !others.is_empty() {
        ending.answers.extend(refused(item, others).answers);
    }
    if email_is_bad {
        let email = taken(api, item, texts.clone()).await;
        ending.answers.extend(email.answers);
        ending.failed = email.failed;
    }
    ending
}
