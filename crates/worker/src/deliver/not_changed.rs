//! Finds out why Refersion did not change an affiliate: it is gone, it has the wanted values already, or a value is not accepted.
//!
//! Refersion documents the list `ids_not_changed` without reasons. Some accounts may list affiliates for which there was
//! nothing to change. So each affiliate is tried once more, then read; the meaning of the list is learned once for each
//! connection.

use std::collections::BTreeMap;

use identity::answer::{Answer, Cause};
use refersion::{Affiliate, AffiliateId, Batch, Failure, Field, LookupBy, Operation};

use super::by_field::by_field;
use super::edit::{edit_of, edited, of_all};
use super::item::Item as _;
use super::{Api, CallOutcome, Edit, Texts};

/// Number of probes of the list's meaning. Refersion sometimes skips valid items, so one is not enough.
const PROBES: usize = 2;

/// The meaning of the list for an affiliate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There was nothing to change, or a value was not accepted.
    MayBeAsWanted,
    /// A value was not accepted.
    NotTaken,
}

/// The result of reading an affiliate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Refersion no longer has it.
    Gone,
    /// It has the values that were sent, as far as that can be known.
    AsWanted,
    /// It does not have all of them.
    NotTaken,
}

/// Determines the outcomes of items that Refersion reported as not changed.
pub(super) async fn settle(api: &Api, unchanged: &[&(&Edit, Texts)]) -> Vec<CallOutcome> {
    let edits: Vec<_> = unchanged.iter().map(|(item, texts)| edit_of(item, texts)).collect();
    if edits.is_empty() {
        return Vec::new();
    }
    let again = match api.client.edit(&edits).await {
        Ok(again) => again,
        Err(failure) => {
            let failure = of_all(failure, unchanged.iter().map(|(item, _)| *item));
            return unchanged.iter().map(|(item, _)| in_doubt(item, &failure)).collect();
        }
    };
    let mut outcomes = Vec::with_capacity(unchanged.len());
    for (item, texts) in unchanged {
        outcomes.push(settled(api, item, texts, &again).await);
    }
    outcomes
}

/// Determines the outcome of one item that Refersion reported as not changed.
pub(super) async fn settle_one(api: &Api, item: &Edit, texts: &Texts) -> CallOutcome {
    match api.client.edit(&[edit_of(item, texts)]).await {
        Ok(again) => settled(api, item, texts, &again).await,
        Err(failure) => in_doubt(item, &of_all(failure, [item].into_iter())),
    }
}

async fn settled(api: &Api, item: &Edit, texts: &Texts, again: &Batch) -> CallOutcome {
    if again.changed.contains(&AffiliateId(item.id)) {
        edited(item, texts)
    } else {
        explain(api, item, texts).await
    }
}

/// Determines the outcome of an item that was not changed twice.
async fn explain(api: &Api, item: &Edit, texts: &Texts) -> CallOutcome {
    match look(api, item, texts).await {
        Ok(Look::Gone) => item.answered(Answer::Gone { id: item.id }),
        Ok(Look::AsWanted) => edited(item, texts),
        Ok(Look::NotTaken) => {
            let outcome = by_field(api, item, texts.clone(), not_changed()).await;
            item.in_doubt(outcome, Operation::Edit)
        }
        // It may have been changed nevertheless.
        Err(failure) => in_doubt(item, &failure),
    }
}

fn in_doubt(item: &Edit, failure: &Failure) -> CallOutcome {
    item.in_doubt(item.failed(failure), Operation::Edit)
}

/// The cause if Refersion does not change an affiliate and gives no reason.
fn not_changed() -> Cause {
    Cause {
        class: "refused".to_owned(),
        message: "the affiliate was not changed, and no reason was given".to_owned(),
        http_status: Some(200),
    }
}

/// Reads an affiliate that was not changed.
pub(super) async fn look(api: &Api, item: &Edit, texts: &Texts) -> Result<Look, Failure> {
    let id = LookupBy::Id(AffiliateId(item.id));
    let Some(shown) = api.client.get(id).await? else { return Ok(Look::Gone) };
    let evidence: Vec<Option<bool>> = texts.iter().map(|(field, text)| shows(&shown, field, text)).collect();
    if evidence.contains(&Some(false)) {
        return Ok(Look::NotTaken);
    }
    if evidence.iter().all(Option::is_some) {
        return Ok(Look::AsWanted);
    }
    Ok(match meaning(api, &shown).await? {
        Meaning::MayBeAsWanted => Look::AsWanted,
        Meaning::NotTaken => Look::NotTaken,
    })
}

/// Whether the affiliate has a text in a field; `None` if that cannot be seen. Most fields are never shown. Custom fields are shown
/// under labels instead of ids: a text that none of them has is certainly missing, one that some field has may be there.
fn shows(shown: &Affiliate, field: &str, text: &str) -> Option<bool> {
    match field {
        "first_name" => Some(shown.first_name == text),
        "last_name" => Some(shown.last_name == text),
        "company" => Some(shown.company == text),
        "email" => Some(refersion::same_address(&shown.email, text)),
        _ if field.starts_with("custom:") && !text.is_empty() => {
            let is_there = shown.custom_fields.iter().any(|(_, value)| value == text);
            (!is_there).then_some(false)
        }
        _ => None,
    }
}

/// Probes the meaning of the list in this account: sends an affiliate the values that it has.
async fn meaning(api: &Api, shown: &Affiliate) -> Result<Meaning, Failure> {
    if let Some(known) = api.learned.meaning_of_not_changed() {
        return Ok(known);
    }
    let names = [(Field::FirstName, &shown.first_name), (Field::LastName, &shown.last_name)];
    let probe = names.into_iter().find(|(_, name)| !name.trim().is_empty());
    let (field, text) = probe.unwrap_or((Field::Company, &shown.company));
    let fields = BTreeMap::from([(field, text.clone())]);
    let edit = refersion::Edit { id: shown.id, fields, custom_fields: BTreeMap::new() };
    let mut learned = Meaning::MayBeAsWanted;
    for _ in 0..PROBES {
        if api.client.edit(std::slice::from_ref(&edit)).await?.not_changed.is_empty() {
            learned = Meaning::NotTaken;
            break;
        }
    }
    tracing::debug!(?learned, "learned what ids_not_changed means in this account");
    Ok(api.learned.learn_meaning_of_not_changed(learned))
}
