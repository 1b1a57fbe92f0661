//! Scrubs: overwrite the fields of a deleted person's affiliate with values that name nobody.

use identity::answer::{Answer, Cause};
use identity::eligibility::{NEVER_EMPTY, PAYPAL};
use identity::{Map, Text};
use refersion::{AffiliateId, Class, Failure};

use super::by_field::by_field;
use super::edit::{edit_of, edited};
use super::item::Item as _;
use super::{Api, CallOutcome, Edit, Texts, not_changed};

/// The first and the last name after a scrub: an affiliate needs both.
const NOBODY: &str = "Deleted";

/// The texts of a scrub. A field that does not accept an empty text gets an address that belongs to nobody if it accepts
/// addresses, and is left out otherwise.
pub(super) fn texts(api: &Api, id: u64, fields: &Texts) -> Texts {
    let address = api.scrub_domain.as_ref().map(|domain| Text::from(format!("deleted-{id}@{domain}")));
    let mut texts: Texts = fields
        .keys()
        .filter(|field| !NEVER_EMPTY.contains(&field.as_str()))
        .map(|field| (field.clone(), Text::default()))
        .collect();
    texts.insert("first_name".into(), NOBODY.into());
    texts.insert("last_name".into(), NOBODY.into());
    if let Some(address) = address {
        if fields.contains_key(PAYPAL) {
            texts.insert(PAYPAL.into(), address.clone());
        }
        texts.insert("email".into(), address);
    }
    texts
}

/// The outcome of a scrub: these texts are set, and `kept` has the causes of the fields that Refersion did not change.
pub(super) fn done(item: &Edit, texts: &Texts, mut kept: Map<Text, Cause>) -> CallOutcome {
    for field in item.fields.keys().filter(|field| !texts.contains_key(*field)) {
        kept.entry(field.clone()).or_insert_with(cannot_be_cleared);
    }
    let mut fields = texts.clone();
    fields.remove("email");
    item.answered(Answer::Scrubbed { id: item.id, fields, kept })
}

fn cannot_be_cleared() -> Cause {
    Cause {
        class: "cannot_be_cleared".to_owned(),
        message: "refersion takes no empty text for this field: empty it in refersion's dashboard".to_owned(),
        http_status: None,
    }
}

/// Repeats a refused scrub without the field that Refersion names, until it is accepted.
pub(super) async fn without_refused(
    api: &Api,
    item: &Edit,
    mut texts: Texts,
    failure: &Failure,
) -> CallOutcome {
    let mut kept = Map::new();
    let mut failure = failure.clone();
    loop {
        let named = match failure.class {
            Class::EmailTaken => Some("email"),
            Class::Refused { field } => field.map(refersion::Field::name),
            _ => return item.failed(&failure),
        };
        let Some(named) = named.filter(|named| texts.contains_key(*named)) else {
            return with_kept(by_field(api, item, texts, item.cause(&failure)).await, &kept);
        };
        texts.remove(named);
        kept.insert(named.into(), item.cause(&failure));
        if texts.is_empty() {
            return done(item, &texts, kept);
        }
        match api.client.edit(&[edit_of(item, &texts)]).await {
            Ok(batch) if batch.changed.contains(&AffiliateId(item.id)) => {
                return with_kept(edited(item, &texts), &kept);
            }
            Ok(_) => {
                return with_kept(not_changed::settle_one(api, item, &texts).await, &kept);
            }
            Err(next) => failure = next,
        }
    }
}

fn with_kept(mut outcome: CallOutcome, others: &Map<Text, Cause>) -> CallOutcome {
    for (_, answer) in &mut outcome.answers {
        if let Answer::Scrubbed { kept, .. } = answer {
            kept.extend(others.iter().map(|(field, cause)| (field.clone(), cause.clone())));
        }
    }
    outcome
}
