//! Finds the refused fields of one affiliate if the refusal does not name them.

use std::collections::BTreeSet;

use identity::answer::{Answer, Cause};
use identity::{Map, Text};
use refersion::{Bisection, Operation};

use super::edit::{blames_an_item, edit_of, edited, only_email, refused, taken};
use super::item::Item as _;
use super::not_changed::{Look, look};
use super::{Api, CallOutcome, Edit, Texts, scrub};

/// Finds the refused fields by bisection, and sends the others at the same time.
pub(super) async fn by_field(api: &Api, item: &Edit, texts: Texts, cause: Cause) -> CallOutcome {
    let mut plan = Bisection::of_refused(texts.keys().cloned().collect());
    let mut good = Texts::new();
    let mut why = Map::new();
    // A part that was not changed without a reason is tried once more before that counts as a refusal: Refersion sometimes
    // skips valid items.
    let mut tried_again = false;
    while let Some(subset) = plan.next() {
        let subset: BTreeSet<Text> = subset.iter().cloned().collect();
        let part: Texts =
            texts.iter().filter(|(f, _)| subset.contains(*f)).map(|(f, t)| (f.clone(), t.clone())).collect();
        match api.client.edit(&[edit_of(item, &part)]).await {
            Ok(batch) if batch.not_changed.is_empty() => {
                good.extend(part);
                plan.accepted();
            }
            Ok(_) if !tried_again => {
                tried_again = true;
                continue;
            }
            Ok(_) => match look(api, item, &part).await {
                Ok(Look::AsWanted) => {
                    good.extend(part);
                    plan.accepted();
                }
                Ok(Look::NotTaken) => plan.refused(),
                Ok(Look::Gone) => return item.answered(Answer::Gone { id: item.id }),
                Err(failure) => return item.in_doubt(item.failed(&failure), Operation::Edit),
            },
            Err(failure) if blames_an_item(&failure) => {
                if let [field] = subset.iter().collect::<Vec<_>>().as_slice() {
                    why.insert((*field).clone(), item.cause(&failure));
                }
                plan.refused();
            }
            // Some parts have been sent. They are sent again: remembering which is not worth the memory.
            Err(failure) => return item.in_doubt(item.failed(&failure), Operation::Edit),
        }
        tried_again = false;
    }
    let bad = plan.into_refused().into_iter();
    let bad = bad.map(|field| (field.clone(), why.get(&field).unwrap_or(&cause).clone()));
    sum_up(api, item, &texts, good, bad.collect()).await
}

async fn sum_up(
    api: &Api,
    item: &Edit,
    texts: &Texts,
    good: Texts,
    mut bad: Map<Text, Cause>,
) -> CallOutcome {
    if item.scrub {
        return scrub::done(item, &good, bad);
    }
    let mut outcome = if good.is_empty() { item.unanswered() } else { edited(item, &good) };
    let email_is_bad = bad.remove("email").is_some();
    if !bad.is_empty() {
        outcome.answers.extend(refused(item, bad).answers);
    }
    if email_is_bad {
        let email = taken(api, item, only_email(texts)).await;
        outcome.answers.extend(email.answers);
        outcome.failed = email.failed;
    }
    outcome
}
